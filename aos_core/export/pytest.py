"""A session as a pytest that stands alone beside its world.

What it asserts follows from what the session shows. Where replay *diverges*, a *property* fails or
a turn *faults*, the test ends with that turn, fails on it, and passes once the reducer is mended:
so it asserts nothing that only the bug made true. Of a sound session it asserts how it ended.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.adapters.prepared import facts
from aos_core.air.host_json import untyped_to_host
from aos_core.bisect import bisect
from aos_core.errors import AosError
from aos_core.export.places import need_free
from aos_core.export.run_once import Outcome, run_and_keep
from aos_core.export.scenario import disk_changes
from aos_core.plain import clip
from aos_core.progress import Progress
from aos_core.property import Property
from aos_core.replay import Divergence
from aos_core.scenario_expect import expected
from aos_core.scenario_file import Expect
from aos_core.scenario_writer import (
    last_end,
    manifest_on_disk,
    reproduction,
    rest,
    save_modules,
    scenario_of,
)
from aos_core.world import World

_MOST_EFFECTS = 100
"""So many kinds of effects and plans are counted one by one."""

_NAMES = ("kind", "url", "method")
"""By which facts the test counts effects."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A test before it is a file: the scenario it plays, what is asserted of its end (``calls`` of
    ``aos_core.testing``, ``values`` by the names they use), what it shows, in a sentence, and
    whether it shows a ``bug``, so that it has to fail."""

    scenario: str
    calls: tuple[str, ...]
    values: Mapping[str, Any]
    shows: str
    bug: bool


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that was run and is saved. ``passes``: how that ended; ``why`` it is as it should
    be."""

    passes: bool
    why: str


def export_pytest(
    world: World,
    file: Path,
    until: int | None = None,
    *,
    property: str | None = None,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Tested:
    """Write the branch up to height ``until``, or its end, as a test, run once before the file is
    there. ``property``: what must hold at every height, as JSON text.

    Raises :class:`AosError` (``not_exported``) where the run ends otherwise than it should, with
    what pytest says; :class:`UsageError` where there is no pytest; and what reading the branch and
    writing raise: nothing is written then.
    """
    need_free(file, force=force)
    draft = draft_of(world, until, property, progress)
    modules = save_modules(world, draft.scenario)
    try:
        text = test_text(world, file, draft)
        same = manifest_on_disk(world) == world.program.catalog.manifest_hash
        return run_and_keep(file, text, lambda outcome: _judge(world, draft, outcome, same))
    except BaseException:
        for module in modules:
            module.unlink(missing_ok=True)
        raise


def _judge(world: World, draft: Draft, outcome: Outcome, same: bool) -> Tested:
    """Why a test passes or fails as it should; raises where it does not."""
    if not outcome.loads:
        raise AosError(
            f"not saved: the world on disk does not load, so a test of it shows nothing: "
            f"{outcome.message}",
            hint="aos check says more",
            code="not_exported",
        )
    if outcome.passed != draft.bug:
        if outcome.passed:
            return Tested(True, f"it passes: {draft.shows}")
        return Tested(False, f"it fails, as it should until that is mended: {outcome.message}")
    if not same:
        changed = ", ".join(disk_changes(world)) or "the definitions it began with"
        end = "it passes" if outcome.passed else f"it fails: {outcome.message}"
        return Tested(
            outcome.passed,
            f"{end}. On the branch {draft.shows}; the files on disk are others ({changed})",
        )
    should = "fail" if draft.bug else "pass"
    raise AosError(
        f"not saved: the test should {should}, as {draft.shows}, and it does not: "
        f"{clip(outcome.message or 'it passes', 600)}",
        code="not_exported",
    )


# -- what is asserted -----------------------------------------------------------------------


def draft_of(
    world: World, until: int | None, property: str | None, progress: Progress = lambda *_: None
) -> Draft:
    """The test of a branch: of the first thing that is wrong with it, else of its end.

    A divergence comes first, as nothing after it can be trusted; then the property, then faults.
    """
    divergence = world.verify(progress=progress).divergence
    end = last_end(world, until)
    if divergence is not None and (until is None or divergence.height <= end):
        return _of_divergence(world, divergence)
    calls: tuple[str, ...] = ()
    values: dict[str, str] = {}
    if property is not None:
        calls, values = ("assert_holds(run.world, PROPERTY)",), {"PROPERTY": property}
        found = bisect(Property.parse(property, world.program), world.at, end).height
        if found is not None:
            shows = f"the property fails at record {found}"
            _, turn_end = world.turn_bounds(found)
            scenario = scenario_of(world, turn_end, expect=Expect())
            return Draft(scenario, calls, values, shows, bug=True)
    faults = world.history.of_kind("fault", 0, end)
    if faults:
        return _of_fault(world, faults[0])
    return _of_end(world, end, calls, values)


def _of_divergence(world: World, divergence: Divergence) -> Draft:
    """Asserts that the turn has the records that the journal has. They name no manifest, so they
    are the same with mended code; the root is compared only under the same definitions."""
    with world.read_anew() as travel:
        turns = rest(travel.chain.frames)
        frame = next(of for of in turns if of.last_height >= divergence.height)
    records = [untyped_to_host(dict(of)) for of in frame.records]
    manifest = world.history.manifest_at(frame.last_height)
    return Draft(
        reproduction(world, divergence, expect=Expect()),
        (
            "assert_last_turn(run.world, RECORDS)",
            "assert_root(run.world, ROOT, definitions=DEFINITIONS)",
        ),
        {"RECORDS": records, **_root(frame.root, manifest)},
        f"replay diverges: {divergence.describe()}",
        bug=True,
    )


def _of_fault(world: World, height: int) -> Draft:
    """Asserts that no turn faults: what a mended reducer gives instead nobody knows here."""
    record = world.records[height]
    _, end = world.turn_bounds(height)
    return Draft(
        scenario_of(world, end, expect=Expect()),
        ("assert_no_fault(run.world)",),
        {},
        f"the turn of record {height} faults: {record['code']}: {clip(world.detail(height), 200)}",
        bug=True,
    )


def _of_end(world: World, end: int, calls: Sequence[str], values: Mapping[str, Any]) -> Draft:
    """Asserts states, effects, plans and what is pending; the root under the same definitions."""
    view = world.at(end)
    asked = [facts(of.intent) for of in world.history.all_asked(end + 1)]
    plans = [
        {"plan": of.plan, "status": of.status, **({} if of.error is None else {"code": of.error})}
        for of in view.plans()
    ]
    expect = replace(
        expected(view),
        effects=tuple(_counted(asked, _NAMES)),
        plans=tuple(_counted(plans, ("plan", "status", "code"))),
    )
    return Draft(
        scenario_of(world, end, expect=expect),
        (
            "assert_no_fault(run.world)",
            *calls,
            "assert_root(run.world, ROOT, definitions=DEFINITIONS)",
        ),
        {**values, **_root(view.root, view.kernel_state.manifest)},
        f"it ends as branch {world.branch} at height {end}",
        bug=False,
    )


def _root(root: bytes, manifest: bytes) -> dict[str, str]:
    return {"ROOT": canon.hash_text(root), "DEFINITIONS": canon.hash_text(manifest)}


def _counted(
    every: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """How often each is there, counted as an expectation counts: by the names that it has."""
    distinct: dict[str, dict[str, str]] = {}
    for of in every:
        match = {name: of[name] for name in names if isinstance(of.get(name), str)}
        distinct.setdefault(json.dumps(match, sort_keys=True), match)
    for match in list(distinct.values())[:_MOST_EFFECTS]:
        fit = (all(of.get(name) == value for name, value in match.items()) for of in every)
        yield {**match, "count": sum(fit)}


# -- the file -------------------------------------------------------------------------------


def test_text(world: World, file: Path, draft: Draft) -> str:
    """The test as Python, for a file that will lie at ``file``."""
    stem = re.sub(r"\W", "_", file.stem)
    names = sorted({"Play", "parse_scenario", *(of.partition("(")[0] for of in draft.calls)})
    mark = _mark(world, file)
    head = [
        f"Exported from branch {world.branch} of world {world.files.config.name}: {draft.shows}.",
        "It fails until that is mended, and passes then." if draft.bug else "",
        "pytest finds `play` by itself where aos-tui is installed.",
    ]
    comments = (line for of in head if of for line in _comment(of))
    called = "\n".join(f"    {of}" for of in draft.calls)
    name = stem if stem.startswith("test_") else f"test_{stem}"
    defined = f"def {name}(play: Play) -> None:"
    played = f"    run = play(parse_scenario({_python(file.stem)}, SCENARIO))"
    sections = [
        "\n".join(comments),
        "\n".join(
            [
                *(["import pytest", ""] if mark else []),
                f"from aos_core.testing import {', '.join(names)}",
            ]
        ),
        *([f"pytestmark = pytest.mark.aos_world({_python(mark)})"] if mark else []),
        *(f"{name} = {_python(value)}" for name, value in draft.values.items()),
        f"SCENARIO = {_literal(draft.scenario)}",
        f"\n{defined}\n{played}\n{called}",
    ]
    return "\n\n".join(sections) + "\n"


def _mark(world: World, file: Path) -> str | None:
    """How the test names its world; None where the nearest folder above it is the world."""
    files = world.files
    nearest = next((of for of in file.parents if (of / "world.toml").is_file()), None)
    if nearest is not None and nearest.resolve() == files.root.resolve():
        return None
    if files.bundled and files.root == files.home:
        return files.config.name
    return Path(os.path.relpath(files.root, file.parent)).as_posix()


def _comment(text: str) -> list[str]:
    shown = "".join(of if of.isprintable() else " " for of in text)
    return [f"# {line}" for line in textwrap.wrap(shown, 95)]


def _literal(text: str) -> str:
    """A text of many lines as Python, to be read where that is possible."""
    plain = all(of.isprintable() or of == "\n" for of in text)
    if plain and "'''" not in text and not text.endswith(("'", "\\")):
        return f"r'''\n{text}'''"
    lines = "\n".join(f"    {line!r}" for line in text.splitlines(keepends=True))
    return f"(\n{lines}\n)"


def _python(value: Any) -> str:
    """A text, or records a line each, as Python."""
    if isinstance(value, str):
        return json.dumps(value)
    return "[\n" + "".join(f"    {of!r},\n" for of in value) + "]"
