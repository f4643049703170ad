"""Rehearsal over many journals: every branch of a world, or of every world in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.branches import list_branches
from aos_core.errors import AosError, UsageError
from aos_core.files import WorldFiles
from aos_core.other_code import Code
from aos_core.progress import StageProgress
from aos_core.rehearsal import Rehearsal
from aos_core.rehearse import rehearse
from aos_core.scenario_file import Scenario
from aos_core.world import UNFINISHED, World


@dataclass(frozen=True, slots=True)
class Told:
    """One journal of many: what other code makes of it, or why that cannot be said."""

    path: Path
    branch: str
    rehearsal: Rehearsal | None = None
    error: AosError | None = None

    @property
    def name(self) -> str:
        """The world's folder and the branch."""
        return f"{self.path.name} {self.branch}"

    def to_json(self) -> dict[str, Any]:
        """As ``aos rehearse --over --json`` prints it."""
        found: dict[str, Any] = {}
        if self.rehearsal is not None:
            found = self.rehearsal.to_json()
        if self.error is not None:
            found = {"error": self.error.to_json()}
        return {"world": str(self.path), "branch": self.branch, **found}


def journals_in(folder: Path) -> list[tuple[Path, str]]:
    """(world, branch) of every journal: of the world that ``folder`` is, else of every world that
    lies in it. Raises :class:`UsageError` where there is none."""
    worlds = [folder] if _is_world(folder) else sorted(filter(_is_world, folder.glob("*")))
    found = [(path, branch) for path in worlds for branch in _branches(path)]
    if not found:
        raise UsageError(
            f"there is no journal in {folder}",
            code="no_branch",
            hint="give a world, or a folder of worlds, each with its world.toml and .aos",
            file=folder,
        )
    return found


def _is_world(path: Path) -> bool:
    return (path / "world.toml").is_file()


def _branches(path: Path) -> list[str]:
    try:
        names = list_branches(WorldFiles.read(path).data_dir / "journal")
    except AosError:
        return []
    return [name for name in names if not name.endswith(UNFINISHED)]


def rehearse_folder(
    folder: Path,
    code: Callable[[World], Code],
    *,
    answers: Scenario | None = None,
    strict: bool = False,
    progress: StageProgress | None = None,
    fast: bool = False,
) -> Iterator[Told]:
    """Rehearse every journal of a folder (:func:`journals_in`) with what ``code`` gives for its
    world, one after the other; what goes wrong with one is told and stops no other.

    ``answers`` and ``strict`` as in :func:`rehearse`; ``progress`` is given the journal's name as
    the stage; ``fast`` as in ``World.open``. Raises :class:`UsageError` where there is no journal,
    and what ``progress`` raises."""
    for path, branch in journals_in(folder):
        told = Told(path, branch)

        def tell(done: int, total: int, name: str = told.name) -> None:
            if progress is not None:
                progress(name, done, total)

        try:
            with World.open(path, branch, write=False, fast=fast) as world:
                found = rehearse(world, code(world), answers=answers, strict=strict, progress=tell)
        except AosError as error:
            yield Told(path, branch, error=error)
        else:
            yield Told(path, branch, rehearsal=found)
