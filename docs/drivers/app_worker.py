"""Driver 3, the worker of an app: turns in a thread, so that no key waits for a reducer.

python docs/drivers/app_worker.py        # s starts, r answers all that is pending, q quits
"""

from __future__ import annotations

from queue import Queue
from typing import ClassVar

from a_world import EVENT, START, Kernel, answer, stamped
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from aos_core.kernel.records import Input
from aos_core.kernel.state import State
from aos_core.kernel.turn import turn


class Driven(App[None]):
    """Shows a world's root, and how much it waits for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "start"),
        Binding("r", "release", "release all"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.kernel = Kernel.load("04")
        self.reached = self.kernel.state
        self.inputs: Queue[Input | None] = Queue()

    def compose(self) -> ComposeResult:
        yield Static(id="world")
        yield Footer()

    def on_mount(self) -> None:
        self.run_world()

    def on_unmount(self) -> None:
        self.inputs.put(None)

    def action_start(self) -> None:
        self.inputs.put(self.kernel.event(EVENT, START))

    def action_release(self) -> None:
        for receipt in [answer(intent) for _, intent in self.reached.pending.items()]:
            self.inputs.put(receipt)

    @work(thread=True)
    def run_world(self) -> None:
        """The one thread that makes states. The screen gets finished ones, which are immutable, so
        that nothing has to be locked."""
        state, moment, n = self.kernel.state, self.kernel.moment, 0
        while (input := self.inputs.get()) is not None:
            made = turn(self.kernel.programs, state, stamped(input, n), moment, self.kernel.modules)
            state, moment, n = made.state, made.after, n + 1
            self.call_from_thread(self.show, state)

    def show(self, state: State) -> None:
        self.reached = state
        waits = len(state.pending)
        self.query_one("#world", Static).update(f"{state.root.hex()}\n{waits} pending")


if __name__ == "__main__":
    Driven().run()
