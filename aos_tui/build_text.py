"""A world whose reducers are still to be built, and a build that goes on: as lines of pieces.

Plain functions; they know nothing of Textual. A line is wrapped where it is shown; its rest then
stands below its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aos_core.build.stages import LIBRARY
from aos_core.plain import clean
from aos_tui.formatting import Piece, count

if TYPE_CHECKING:
    from aos_tui.building import Building
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.opening import Unbuilt

Line = list[Piece]


def unbuilt_lines(lacks: Unbuilt, glyphs: Glyphs) -> Iterator[Line]:
    """What is so, and what to do."""
    reducers = "reducer has" if len(lacks.modules) == 1 else "reducers have"
    yield [(f"  Nothing is wrong: the {reducers} just not been built here yet.", "")]
    yield []
    width = max(len(name) for name, _ in lacks.modules)
    for name, source in lacks.modules:
        yield [
            (f"    {glyphs.pending} ", "wait"),
            (f"{clean(name):<{width}}", "name"),
            (f"  its source: {clean(source)}", "dim"),
        ]
    yield []
    yield from _how(lacks, glyphs) if lacks.compiler else _lacking(lacks, glyphs)


def _how(lacks: Unbuilt, glyphs: Glyphs) -> Iterator[Line]:
    yield [("  b", "key"), ("  builds it, and then the world opens.", "")]
    if lacks.library:
        yield [("     This first time takes about a minute: the compiler's library for ", "dim"),
               ("WebAssembly is built too, once for all worlds.", "dim")]  # fmt: skip
    yield [(f"     With {clean(lacks.compiler)}.", "dim")]
    yield []
    yield [("  Edit it now or later: what you save is built again, and the open world ", ""),
           ("offers to swap to it.", "")]  # fmt: skip


def _lacking(lacks: Unbuilt, glyphs: Glyphs) -> Iterator[Line]:
    yield [(f"  {glyphs.failed} ", "bad"),
           ("That takes a Rust compiler for WebAssembly, which this machine does not have. ", ""),
           ("Either of these brings one:", "")]  # fmt: skip
    for command, needs in lacks.ways:
        yield []
        yield [(f"    {command}", "name")]
        yield [(f"      {needs}", "dim")]
    yield []
    yield [("  r", "key"), ("  looks again, when that is done; ", ""), ("aos doctor", "name"),
           (" says more.", "")]  # fmt: skip


def build_lines(told: Sequence[Building], most: int, glyphs: Glyphs) -> Iterator[Line]:
    """What a build has done and is doing, at most ``most`` of it; nothing was told: nothing."""
    if not told:
        return
    *done, now = told
    left_out = max(0, len(done) + 1 - most)
    if left_out:
        yield [(f"    {count(left_out, 'step')} before", "dim")]
    for of in done[left_out:]:
        yield [(f"    {glyphs.done} ", "good"), (clean(of.stage), "dim")]
    yield [(f"    {glyphs.waiting} ", "wait"), (clean(now.stage), "")]
    yield []
    yield [("  esc", "key"), ("  stops it; b begins it again.", "")]


def add_stage(told: Sequence[Building], new: Building) -> list[Building]:
    """The stages with one more; one that goes on from the last stands in its place."""
    if told and told[-1].module in ("", new.module) and _topic(told[-1]) == _topic(new):
        return [*told[:-1], new]
    return [*told, new]


def _topic(of: Building) -> str:
    return LIBRARY if of.stage.startswith(LIBRARY) else of.stage
