"""The session as a file: by a process for a world on disk, by a thread for one in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aos_tui.session.long_work import Progress
from aos_tui.session.rehearsing import Rehearsing
from aos_tui.session.worlds import holds

FORMS = ("scenario", "pytest", "html")
SCREENSHOT = "screenshot"


class Exporting(Rehearsing):
    """Propose names, and write the files."""

    exporting = False

    async def export_files(self, height: int) -> dict[str, str]:
        """The file to propose for each form, of the branch up to a height; names that are taken
        are counted on."""

        def act() -> dict[str, str]:
            from aos_core.export import proposed_file

            world = self._opened
            files = {form: proposed_file(world.files, form, world.branch, height) for form in FORMS}
            files[SCREENSHOT] = files["html"].with_suffix(".svg")
            return {form: _shown(_free(file)) for form, file in files.items()}

        return await self._run(act)

    def export_problem(self, file: str) -> str | None:
        """What is wrong with the name of a file to be written, or None. Quick."""
        path = Path(file).expanduser()
        if holds(Path.is_dir, path):
            return "this is a folder: name a file in it"
        return (
            "this file is there already: choose another name" if holds(Path.exists, path) else None
        )

    async def export(self, form: str, file: str, height: int) -> dict[str, Any] | None:
        """Write the branch up to a height; what ``aos export --json`` says, with ``notices``, None
        where :meth:`cancel` broke it off. Raises :class:`AosError` where it cannot be done."""
        path = Path(file).expanduser().absolute()
        property = None
        if form == "pytest" and self.property_watch is not None:
            property = json.dumps(self.property_watch.property.source)
        self._stop, self.exporting = False, True
        self._tell_exported(0)
        try:
            act = self._export_here if self._opened.in_memory else self._export_beside
            return await act(form, path, height, property)
        finally:
            self.exporting = False
            self.tell_progress(None)

    async def _export_beside(
        self, form: str, path: Path, height: int, property: str | None
    ) -> dict[str, Any] | None:
        from aos_tui.command import error_of

        required = () if property is None else ("--property", property)
        branch = await self._name_now()
        words = ("export", str(self.root), "--branch", branch, "--at", str(height))
        words = (*words, "--as", form, "-o", str(path), *required)
        said = await self._by_process(words, "exporting", self._tell_exported)
        if said is not None and (error := error_of(said)) is not None:
            raise error
        return said

    async def _export_here(
        self, form: str, path: Path, height: int, property: str | None
    ) -> dict[str, Any] | None:
        from aos_core.export import Form, export

        world = self._opened

        def act(progress: Progress) -> dict[str, Any]:
            kind = Form(form)
            return export(world, kind, path, height, property=property, progress=progress).to_json()

        return await self._by_thread(act, self._tell_exported)

    def _tell_exported(self, percent: int) -> None:
        if self.exporting:
            done = f" {percent} %" if percent else ""
            self.tell_progress(f"exporting{done}, esc stops it")

    async def write_screenshot(self, svg: str, file: str) -> str:
        """Write a picture of the screen; returns its path. Raises :class:`UsageError`."""

        def act() -> str:
            from aos_core.export.places import need_free, write

            path = Path(file).expanduser().absolute()
            need_free(path, force=False)
            write(path, svg)
            return str(path)

        return await self._run(act)


def _free(file: Path) -> Path:
    """The file, or where it is there already the first of ``NAME-2`` and so on that is not; of a
    test ``NAME_2``, which is a name in Python."""
    number, between = 1, "_" if file.suffix == ".py" else "-"
    found = file
    while found.exists():
        number += 1
        found = file.with_stem(f"{file.stem}{between}{number}")
    return found


def _shown(file: Path) -> str:
    """As people would type it where the app was started."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
