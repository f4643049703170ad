"""Every picture of this folder, from scripted keys in a world in memory; one table, for the script
that makes them (``screenshots/make.sh``) and for the test that looks whether they show what the
docs say of them (``tests/tui/test_pictures.py``).

python screenshots/pictures.py [NAME..]     makes all, or those whose names begin so
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
LARGE, SMALL, PAGE = (120, 40), (80, 24), (100, 30)
"""Columns and rows: of the README, of the smallest usual terminal, of a page of the docs."""
ANSWERED = (
    '{"op": "not", "args": [{"op": "contains", "args": '
    '[{"ref": "@state:demo/Aggregator@1.last_statuses"}, {"int": 0}]}]}'
)
"""The property of the tutorial: no server is passed over in silence."""


class Picture(NamedTuple):
    """What to press, and what can be read then. ``world`` as ``aos-tui`` takes it."""

    name: str
    keys: tuple[str, ...]
    says: tuple[str, ...]
    world: str = "04"
    scenario: str | None = None
    size: tuple[int, int] = LARGE

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.name}-{self.size[0]}x{self.size[1]}.svg"


def _both(name: str, keys: tuple[str, ...], *says: str) -> Iterator[Picture]:
    for size in (LARGE, SMALL):
        yield Picture(name, keys, says, size=size)


def _tutorial() -> Iterator[Picture]:
    """One session; each picture goes on where the one before stands."""
    keys: tuple[str, ...] = ()
    for name, more, says in (
        ("waiting", ("t",), ("waits for 3", "◷ await_a", "answer ready: 202")),
        ("order", ("tab", "tab", "tab", "J", "J"), ("waits for 3", "2 GET example.com/api/b")),
        ("done", ("R", "v"), ("✓ verified", "Done", "[202, 200, 201]")),
        ("undone", ("u",), ("main-undo-23", "waits for 1")),
        ("break", ("escape", "x"), ("t  timeout", "nothing came in time")),
        ("compare", ("t", "c"), ("4 differences", "- [202, 200, 201]", "+ [0, 200, 201]")),
        ("why", ("escape", "tab", "w"), ("receipt GET /api/a timeout", "last_statuses")),
        (
            "property",
            ("escape", "p", f"text:{ANSWERED}", "ctrl+s"),
            ("It first fails at height 30", "p ✗"),
        ),
    ):
        keys += more
        yield Picture(f"tutorial-{name}", keys, says, size=PAGE)


PICTURES = (
    *_both("main", ("t", "r", "comma", "f", "R", "v"), "✓ verified", "AggregateComplete"),
    *_both("waiting", ("t", "r"), "waits for 2", "✓ await_a", "◷ await_b"),
    *_both("travel", ("t", "R", "less_than_sign", "comma", "comma"), "h 20 of 30", "◷ await_b"),
    *_both("event", ("e",), "AggregatorEvent"),
    *_both("help", ("question_mark",), "fire an event"),
    *_tutorial(),
    # one for the README of each rung
    Picture("00-counter", ("T", "v"), ("✓ verified", "Counter"), "00"),
    Picture("01-hello-timer", ("t", "t"), ("timer.set",), "01"),
    Picture("02-blob-echo", ("T", "v"), ("✓ verified",), "02"),
    Picture("03-fetch-notify", ("T", "v"), ("✓ verified", "⊘ failed"), "03"),
    Picture(
        "05-chain-comp",
        (*"ttttt", "tab", "tab", "down", "space", "shift+tab"),
        ("notify_plan #3  waits",), "05", "two-at-once",
    ),
    Picture("06-safe-upgrade", ("T", "v"), ("✓ verified", "check_plan"), "06"),
    Picture(
        "06-safe-upgrade-v2", ("t", "t"), ("check_plan",),
        str(ROOT / "examples/06-safe-upgrade/air.v2"), "primary-down",
    ),
    Picture("07-llm-summarizer", ("t", "t"), ("summarize_plan", "llm.generate"), "07"),
    Picture("08-retry-backoff", ("T", "v"), ("✓ verified",), "08"),
    Picture("09-cells", ("t", "t", "t", "t", "t"), ("Seat", "A1"), "09"),
)  # fmt: skip


def main(beginnings: list[str]) -> int:
    """Make the pictures, all or those whose names begin so; 1 if one of them showed an error."""
    from aos_tui.headless import run_headless
    from aos_tui.options import Options

    failed = 0
    for of in PICTURES:
        if beginnings and not of.name.startswith(tuple(beginnings)):
            continue
        failed |= run_headless(
            Options(
                of.world, scenario=of.scenario, memory=True, headless=True, size=of.size,
                keys=of.keys, screenshot=of.file, pace=0.0, poll=0.0,
            )
        )  # fmt: skip
        print(of.file.relative_to(ROOT))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
