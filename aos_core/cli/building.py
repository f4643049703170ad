"""A build as it goes on, for people: what is compiled, and for how many seconds already."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

from aos_core.build.stages import stage_of
from aos_core.plain import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

STILL_SECONDS = 10.0
"""After so long without a new line, a plain one says that it goes on."""


class Live:
    """A line at the foot of the terminal, above it what the compiler finds. It appears with the
    first line, so that what is in the cache shows nothing."""

    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console = what, console
        self._bar: Progress | None = None

    def tell(self, line: str) -> None:
        """Take a line of the compiler."""
        stage = stage_of(line)
        if self._bar is None:
            self._bar = self._begin()
        if stage is None:
            self._bar.console.print(clean(line), soft_wrap=True)
        else:
            self._bar.update(self._bar.task_ids[0], description=f"{self._what}  {clean(stage)}")

    def _begin(self) -> Progress:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(),
            console=self._console, transient=True, refresh_per_second=4,
        )  # fmt: skip
        bar.add_task(self._what, total=None)
        bar.start()
        return bar

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Plain:
    """A line for each thing that is compiled. What the compiler finds is told when it is done; but
    on a terminal, which is one that cannot move its cursor, as it comes."""

    def __init__(self, what: str, file: TextIO) -> None:
        self._what, self._file = what, file
        self._begun = 0.0
        self._stage = ""
        self._over = threading.Event()
        self._new = threading.Condition()
        self._still: threading.Thread | None = None

    def tell(self, line: str) -> None:
        """Take a line of the compiler."""
        with self._new:
            if (stage := stage_of(line)) is None:
                if self._file.isatty():
                    self._file.write(f"{clean(line)}\n")
                return
            if self._still is None:
                self._begun = time.monotonic()
                self._still = threading.Thread(target=self._say_still, daemon=True)
                self._still.start()
            self._stage = clean(stage)
            self._say(self._stage)
            self._new.notify()

    def _say_still(self) -> None:
        with self._new:
            while not self._over.is_set():
                if not self._new.wait(STILL_SECONDS):
                    self._say(f"still {self._stage}")

    def _say(self, what: str) -> None:
        seconds = int(time.monotonic() - self._begun)
        self._file.write(f"{self._what}  {seconds} s  {what}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._new:
            self._over.set()
            self._new.notify()
        if self._still is not None:
            self._still.join()
