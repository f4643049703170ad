"""The table of docs/performance.md: ``python -m tests.benchmarks.performance [--write]``.

Every measure runs three times, but for bulk, which takes minutes and is measured once; the table
has the medians and the range. ``--write`` puts it into the page, between its two marks.
"""

from __future__ import annotations

import importlib.metadata
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import bulk, rehearse, turn
from tests.benchmarks.measure import Figure

PAGE = Path(__file__).parents[2] / "docs/performance.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
MEASURES: Sequence[tuple[str, int, Callable[[], list[Figure]]]] = (
    ("tests.benchmarks.turn", 3, turn.figures),
    ("tests.benchmarks.rehearse", 3, rehearse.figures),
    ("tests.benchmarks.bulk", 1, bulk.figures),
)
"""(command, how often, measure)"""


def table() -> str:
    """The figures of this machine as a Markdown table."""
    rows = ["| what | median | range | of what |", "|---|---|---|---|"]
    for command, times, measure in MEASURES:
        runs = [measure() for _ in range(times)]
        rows.append(f"| `python -m {command}` | | | |")
        for same in zip(*runs, strict=True):
            what, of, values = same[0][0], same[0][2], sorted(value for _, value, _ in same)
            middle = statistics.median(values)
            rows.append(f"| {what} | {middle:.2f} | {values[0]:.2f} to {values[-1]:.2f} | {of} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    machine = (
        f"Python {platform.python_version()}, wasmtime {importlib.metadata.version('wasmtime')}, "
        f"{platform.system()} on {platform.machine()}.\n\n"
    )
    made = machine + table()
    print(made)
    if "--write" in sys.argv:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}{made}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
