"""What a shell offers for an argument: names of worlds, scenarios, branches, reducers, schemas.

Asked for at every press of a key, so it reads files and starts nothing; where a world cannot be
read there is nothing to offer, and that is no error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from aos_core.errors import AosError
from aos_core.files import WorldFiles, bundled_worlds, find_world

Offer = Callable[[typer.Context, str], list[str]]


def worlds(ctx: typer.Context, incomplete: str) -> list[str]:
    """Slugs and numbers of the worlds that ship; the shell itself completes folders."""
    names = [name for of in bundled_worlds() for name in (of.slug, of.number)]
    return [name for name in names if name.startswith(incomplete)]


def _of_world(names: Callable[[WorldFiles], list[str]]) -> Offer:
    """Offers names that the files of the world of the command line give."""

    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found = names(WorldFiles.read(find_world(_world(ctx))))
        except (AosError, OSError):
            return []
        return [name for name in found if name.startswith(incomplete)]

    return offer


def _world(ctx: typer.Context) -> str:
    """The WORLD of the command line; of several the last."""
    if ctx.args:  # where an option still lacks its value, arguments have found no names yet
        return ctx.args[0]
    given: Any = ctx.params.get("world") or ctx.params.get("worlds") or "."
    return given if isinstance(given, str) else str(given[-1])


def _branches(files: WorldFiles) -> list[str]:
    from aos_core.branches import list_branches

    return list_branches(files.data_dir / "journal")


def _removed(files: WorldFiles) -> list[str]:
    from aos_core.branches import list_branches

    return list_branches(files.data_dir / "journal/removed")


def _reducers(files: WorldFiles) -> list[str]:
    from aos_core.air.nodes import DefModule

    listed = {of.name for of in files.catalog.manifest.refs["modules"]}
    modules = files.catalog.all(DefModule)
    return [of.name for of in modules if of.module_kind == "reducer" and of.name in listed]


def _schemas(files: WorldFiles) -> list[str]:
    """What routing and triggers listen to, then the other schemas of the world."""
    from aos_core.air.nodes import DefSchema

    manifest = files.catalog.manifest
    routed = [of.event for of in manifest.routes or ()]
    heard = routed + [of.event for of in manifest.triggers]
    own = [of.name for of in files.catalog.all(DefSchema) if not of.name.startswith("sys/")]
    return list(dict.fromkeys([*heard, *own]))


def _answers(files: WorldFiles) -> list[str]:
    return ["pending", "scenario", *(f"scenario={name}" for name in files.scenarios)]


answers = _of_world(_answers)
scenarios = _of_world(lambda files: files.scenarios)
branches = _of_world(_branches)
removed_branches = _of_world(_removed)
reducers = _of_world(_reducers)
schemas = _of_world(_schemas)
