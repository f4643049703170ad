"""Driver 1, plain: a loop. Events first; then whatever the world waits for is answered.

python docs/drivers/plain.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from a_world import EVENT, START, Kernel, answer, stamped

from aos_core.kernel.records import Input
from aos_core.kernel.state import State
from aos_core.kernel.turn import turn


def drive(kernel: Kernel, events: Iterable[Input]) -> State:
    """Run until the world waits for nothing."""
    state, moment, inputs, n = kernel.state, kernel.moment, deque(events), 0
    while True:
        if not inputs:
            # what the world waits for is a value in its state: nobody has to remember it
            inputs.extend(answer(intent) for _, intent in state.pending.items())
        if not inputs:
            return state
        made = turn(kernel.programs, state, stamped(inputs.popleft(), n), moment, kernel.modules)
        # a driver that keeps a journal writes `made.input` and `made.records` here, and only
        # then goes on: what was not written has not happened
        state, moment, n = made.state, made.after, n + 1


def main() -> None:
    kernel = Kernel.load("04")
    print(drive(kernel, [kernel.event(EVENT, START)]).root.hex())


if __name__ == "__main__":
    main()
