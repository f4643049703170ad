"""A branch as a scenario, played in memory before it is saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from aos_core import canon
from aos_core.errors import AosError, UsageError
from aos_core.export.places import need_free, write
from aos_core.plain import clip
from aos_core.present import NOTHING, changes
from aos_core.scenario import run_scenario
from aos_core.scenario_file import parse_scenario
from aos_core.scenario_writer import last_end, save_modules, scenario_of
from aos_core.view import View
from aos_core.words import plainly
from aos_core.world import World

_MOST_DIFFERENCES = 5


def export_scenario(
    world: World, file: Path, until: int | None = None, *, force: bool = False
) -> list[str]:
    """Write the branch up to height ``until``, or its end, as a scenario that plays to the same
    root. Returns what a person should know.

    Where the files on disk are not those that the branch runs, the manifest differs, hence the
    root; then the cells, plans and pending effects must be the same. Raises :class:`UsageError`
    (``not_the_same``) with what differs where it plays to something else: nothing is written then;
    and what reading the branch and writing raise.
    """
    need_free(file, force=force)
    text = scenario_of(world, until)
    with _modules_only_if_saved(world, text):
        notices = _require_same(world, world.at(last_end(world, until)), file.stem, text)
        write(file, text)
    return notices


@contextlib.contextmanager
def _modules_only_if_saved(world: World, text: str) -> Iterator[None]:
    """The modules of a scenario's swaps are in their files inside, and stay if all goes well."""
    written = save_modules(world, text)
    try:
        yield
    except BaseException:
        for module in written:
            module.unlink(missing_ok=True)
        raise


def _require_same(world: World, end: View, name: str, text: str) -> list[str]:
    try:
        run = run_scenario(world.files.root, parse_scenario(name, text), memory=True, fast=True)
    except AosError as error:
        raise _refused(world, error.message) from error
    with run.world:
        played = run.world.at(run.world.height)
        if end.root == played.root and run.ok:
            return []
        mine, theirs = end.kernel_state, played.kernel_state
        if run.ok and mine._replace(manifest=theirs.manifest).root == theirs.root:
            others = (
                "the files on disk are not those that the branch runs: the scenario plays to the "
                "same states, plans and pending effects, and the root "
            )
            return [others + canon.hash_text(played.root)]
        wrong = [of.text for of in run.expectations if not of.ok]
        raise _refused(world, "; ".join([*_differences(end, played), *wrong][:_MOST_DIFFERENCES]))


def _differences(end: View, played: View) -> Iterator[str]:
    """What differs of two ends, in words."""
    for path, old, new in changes(end.states(), played.states()):
        yield f"{path} is {_shown(new)}, not {_shown(old)}"
    asked = [[plainly(of.params) for of in view.pending] for view in (end, played)]
    if asked[0] != asked[1]:
        yield f"{len(asked[1])} effects are pending, not {len(asked[0])}"
    running = [[of.plan for of in view.plans() if of.status == "running"] for view in (end, played)]
    if running[0] != running[1]:
        yield f"{len(running[1])} plans run, not {len(running[0])}"
    yield f"the root is {canon.hash_text(played.root)}, not {canon.hash_text(end.root)}"


def _shown(value: object) -> str:
    return "nothing" if value is NOTHING else plainly(value)


def _refused(world: World, why: str) -> UsageError:
    changed = disk_changes(world)
    hint = "a pytest says the same as a test that may fail: --as pytest"
    if changed:
        others = "the files on disk are not those that the branch runs"
        hint = f"{others} ({', '.join(changed)}); {hint}"
    return UsageError(
        f"not saved: played, the scenario does not end as branch {world.branch}: {clip(why, 600)}",
        hint=hint,
        code="not_the_same",
    )


def disk_changes(world: World) -> tuple[str, ...]:
    """What differs between the files on disk and what the branch runs; of files that do not load,
    that."""
    try:
        return world.disk_changes()
    except AosError as error:
        return (f"they do not load: {error.message}",)
