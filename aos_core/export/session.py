"""One way into the rooms, for the command line and the app."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from aos_core.errors import UsageError
from aos_core.export.html import export_html
from aos_core.export.pytest import export_pytest
from aos_core.export.scenario import export_scenario
from aos_core.progress import Progress
from aos_core.world import World


class Form(StrEnum):
    """What a session can become."""

    scenario = "scenario"
    pytest = "pytest"
    html = "html"


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that is saved. ``notices``: what a person should know. Of a test, ``passes``: how its
    first run ended, and ``why`` that is as it should be."""

    path: Path
    notices: tuple[str, ...] = ()
    passes: bool | None = None
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``aos export --json`` prints it."""
        tested = {} if self.passes is None else {"passes": self.passes, "why": self.why}
        return {"path": str(self.path), **tested}


def export(
    world: World,
    form: Form,
    file: Path,
    until: int | None = None,
    *,
    property: str | None = None,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Exported:
    """Write the branch up to height ``until``, or its end, in one of the forms; ``property`` is for
    a test. Raises as the rooms do, and :class:`UsageError` for a property that no test asserts."""
    if form is not Form.html and until == 0:
        raise UsageError(
            "there is nothing to export: up to height 0 no turn has ended",
            hint="begin with an event"
            if world.height == 0
            else f"the first turn ends at height {world.turn_bounds(1)[1]}",
            code="nothing_to_export",
        )
    if property is not None and form is not Form.pytest:
        raise UsageError("a property is for a test", hint="--as pytest, or leave it out")
    match form:
        case Form.scenario:
            return Exported(file, tuple(export_scenario(world, file, until, force=force)))
        case Form.pytest:
            tested = export_pytest(
                world, file, until, property=property, force=force, progress=progress
            )
            return Exported(file, (), tested.passes, tested.why)
        case Form.html:
            notices = export_html(world, file, until, force=force, progress=progress)
            return Exported(file, tuple(notices))
