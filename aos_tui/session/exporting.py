"""The session as a file: by a process for a world on disk, by a thread for one in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aos_tui.session.long_work import Progress
from aos_tui.session.rehearsing import Rehearsing
from aos_tui.session.worlds import holds, shown_path, typed_path, writing_problem

FORMS = ("scenario", "pytest", "html")
SCREENSHOT = "screenshot"


class Exporting(Rehearsing):
    """Propose names, and write the files."""

    exporting = False
    export_folders: Mapping[str, Path] = MappingProxyType({})
    """Where files of a form went last, until the world is closed."""
    _proposed: Collection[Path] = ()
    """The folders that were proposed: they need no question to be made."""

    async def export_files(self, height: int) -> dict[str, str]:
        """The file to propose for each form, of the branch up to a height, in the folder where one
        went before; names that are taken are counted on."""

        def act() -> dict[str, str]:
            from aos_core.export import proposed_file

            world = self._opened
            files = {form: proposed_file(world.files, form, world.branch, height) for form in FORMS}
            files[SCREENSHOT] = files["html"].with_suffix(".svg")
            kept = self.export_folders
            files |= {form: folder / files[form].name for form, folder in kept.items()}
            self._proposed = {file.parent.absolute() for file in files.values()}
            return {form: _shown(_free(file)) for form, file in files.items()}

        return await self._run(act)

    def export_problem(self, folder: str, name: str) -> str | None:
        """What is wrong with the place of a file to be written, or None. Quick."""
        around = Path(typed_path(folder))
        if (problem := writing_problem(around)) is not None:
            return problem
        if not name.strip("."):  # .. is no file either
            return "name a file"
        if "/" in name or os.sep in name or not name.isprintable():
            return "the name of a file has no / in it: its folder stands above"
        if holds(Path.is_dir, around / name):
            return f"{name} is a folder: name a file in it"
        return None

    def export_question(self, folder: str, name: str) -> tuple[str, str, str] | None:
        """(title, text, yes) to be asked before a file is written there, or None. Quick."""
        around = Path(typed_path(folder))
        if not holds(Path.exists, around) and around not in self._proposed:
            return (
                "Make the folder?",
                f"The folder {shown_path(str(around))} is not there.",
                "Make it",
            )
        if holds(Path.exists, around / name):
            return "Overwrite it?", f"The file {name} is there already.", "Overwrite"
        return None

    async def export(
        self, form: str, file: str, height: int, *, force: bool = False
    ) -> dict[str, Any] | None:
        """Write the branch up to a height, with ``force`` over what is there; what ``aos export
        --json`` says, with ``notices``, None where :meth:`cancel` broke it off. Raises
        :class:`AosError` where it cannot be done."""
        path = self._place_of(form, file)
        property = None
        if form == "pytest" and self.property_watch is not None:
            property = json.dumps(self.property_watch.property.source)
        self._stop, self.exporting = False, True
        self._tell_exported(0)
        try:
            act = self._export_here if self._opened.in_memory else self._export_beside
            return await act(form, path, height, property, force)
        finally:
            self.exporting = False
            self.tell_progress(None)

    async def _export_beside(
        self, form: str, path: Path, height: int, property: str | None, force: bool
    ) -> dict[str, Any] | None:
        from aos_tui.command import error_of

        more = () if property is None else ("--property", property)
        more = (*more, "--force") if force else more
        branch = await self._name_now()
        words = ("export", str(self.root), "--branch", branch, "--at", str(height))
        words = (*words, "--as", form, "-o", str(path), *more)
        said = await self._by_process(words, "exporting", self._tell_exported)
        if said is not None and (error := error_of(said)) is not None:
            raise error
        return said

    async def _export_here(
        self, form: str, path: Path, height: int, property: str | None, force: bool
    ) -> dict[str, Any] | None:
        from aos_core.export import Form, export

        world = self._opened

        def act(progress: Progress) -> dict[str, Any]:
            kind = Form(form)
            return export(
                world, kind, path, height, property=property, force=force, progress=progress
            ).to_json()

        return await self._by_thread(act, self._tell_exported)

    def _tell_exported(self, percent: int) -> None:
        if self.exporting:
            done = f" {percent} %" if percent else ""
            self.tell_progress(f"exporting{done}; esc stops it")

    async def write_screenshot(self, svg: str, file: str, *, force: bool = False) -> str:
        """Write a picture of the screen, with ``force`` over what is there; returns its path.
        Raises :class:`UsageError`."""
        path = self._place_of(SCREENSHOT, file)

        def act() -> str:
            from aos_core.export.places import need_free, write

            need_free(path, force=force)
            write(path, svg)
            return str(path)

        return await self._run(act)

    def _place_of(self, form: str, file: str) -> Path:
        """The absolute path that was typed; its folder is proposed from now on."""
        path = Path(typed_path(file))
        self.export_folders = {**self.export_folders, form: path.parent}
        return path


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
