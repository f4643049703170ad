"""Driver 2, asyncio: every effect is a task of its own, and receipts come as they are ready.

python docs/drivers/with_asyncio.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from a_world import EVENT, START, Kernel, answer, stamped

from aos_core.kernel.records import Input
from aos_core.kernel.state import Intent, State
from aos_core.kernel.turn import turn

Perform = Callable[[Intent], Awaitable[Input]]
"""Does an effect and gives its receipt. Here is where a driver does I/O."""


async def drive(kernel: Kernel, event: Input, perform: Perform) -> State:
    """Run until the world waits for nothing."""
    state, moment, n = kernel.state, kernel.moment, 0
    inputs: asyncio.Queue[Input] = asyncio.Queue()
    inputs.put_nowait(event)

    async def give(intent: Intent) -> None:
        inputs.put_nowait(await perform(intent))

    async with asyncio.TaskGroup() as tasks:
        while True:
            input = stamped(await inputs.get(), n)
            # a turn does not wait for anything, so it needs no await and no lock
            made = turn(kernel.programs, state, input, moment, kernel.modules)
            for hash, intent in made.state.pending.items():
                if hash not in state.pending:
                    tasks.create_task(give(intent))
            state, moment, n = made.state, made.after, n + 1
            if inputs.empty() and not len(state.pending):
                return state


async def perform(intent: Intent) -> Input:
    await asyncio.sleep(0)  # the request would go out here
    return answer(intent)


def main() -> None:
    kernel = Kernel.load("04")
    print(asyncio.run(drive(kernel, kernel.event(EVENT, START), perform)).root.hex())


if __name__ == "__main__":
    main()
