"""The full run: kills, power cuts, truncations and wrong bits, spread over processes.

Every case has a name, ``SEED/kind/number``, which is its seed as well: told where it fails, it is
run again by that name alone.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tests.crash.cuts import Drill
from tests.crash.kills import Series, Writers
from tests.crash.small import SmallJournal

KILLS_OF_A_CASE = 5
CUTS_OF_A_CASE = 10
SLICES = 16
"""The truncations and the wrong bits come in so many cases."""

_KINDS = ("kills", "cuts", "truncations", "bits")


@dataclass
class Outcome:
    """What a case did, and how it failed: a traceback, or None."""

    case: str
    tally: Counter[str] = field(default_factory=Counter)
    failure: str | None = None


def cases(seed: str, kills: int, cuts: int) -> list[str]:
    """The names of all cases. ``kills`` and ``cuts`` are rounded up to whole cases."""
    counts = {
        "kills": -(-kills // KILLS_OF_A_CASE),
        "cuts": -(-cuts // CUTS_OF_A_CASE),
        "truncations": SLICES,
        "bits": SLICES,
    }
    return [f"{seed}/{kind}/{n}" for kind in _KINDS for n in range(counts[kind])]


def run_case(case: str) -> Outcome:
    """Run one case by its name. Raises ``ValueError`` for a name that is none."""
    _, kind, number = case.rsplit("/", 2)
    outcome = Outcome(case)
    with _scratch() as root:
        try:
            _RUNS[kind](outcome, root, int(number))
        except Exception:
            outcome.failure = traceback.format_exc()
    return outcome


def run_all(names: list[str], jobs: int, progress: Callable[[Outcome, int], None]) -> list[Outcome]:
    """Run cases in so many processes; after the first that fails no more are begun. ``progress``
    gets each outcome, and how many there are by then."""
    outcomes: list[Outcome] = []
    rest = iter(names)
    spawn = multiprocessing.get_context("spawn")  # a fork would take threads and locks along
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        running: set[Future[Outcome]] = set()
        running.update(pool.submit(run_case, name) for name in islice(rest, 2 * jobs))
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcomes.append(future.result())
                progress(outcomes[-1], len(outcomes))
            if not any(outcome.failure for outcome in outcomes):
                running.update(pool.submit(run_case, name) for name in islice(rest, len(done)))
    return outcomes


@contextmanager
def _scratch() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="aos-crash-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


_writers: Writers | None = None


def _kills(outcome: Outcome, root: Path, number: int) -> None:
    global _writers
    _writers = _writers or Writers()  # one server for all cases of this process; it ends with it
    series = Series(root, outcome.case, _writers)
    outcome.tally = series.tally
    series.run(KILLS_OF_A_CASE)


def _cuts(outcome: Outcome, root: Path, number: int) -> None:
    drill = Drill(root, outcome.case)
    outcome.tally = drill.tally
    drill.run(CUTS_OF_A_CASE)


def _small(what: str) -> Callable[[Outcome, Path, int], None]:
    def run(outcome: Outcome, root: Path, number: int) -> None:
        journal = SmallJournal(root / ".aos/journal/main.log")
        for case in islice(journal.cases(what), number, None, SLICES):
            with _named(case):
                journal.check(case)
            outcome.tally["truncations" if what == "cut" else "wrong bits"] += 1

    return run


@contextmanager
def _named(case: object) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(str(case))
        raise


_RUNS: dict[str, Callable[[Outcome, Path, int], None]] = {
    "kills": _kills,
    "cuts": _cuts,
    "truncations": _small("cut"),
    "bits": _small("bit"),
}


def table(outcomes: list[Outcome], seconds: float) -> str:
    """What was done, line by line."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total += outcome.tally
    rows = [f"{count:>10,}  {what}" for what, count in total.items()]
    return "\n".join([*rows, f"{seconds:>10.1f}  seconds"])
