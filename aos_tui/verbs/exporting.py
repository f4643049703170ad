"""The verb that makes a file of the session."""

from __future__ import annotations

from typing import Any

from aos_tui.session.exporting import SCREENSHOT
from aos_tui.verbs.base import Base, on_what_is_shown


class Exporting(Base):
    """Ask as what and where, write it, say where it is."""

    @on_what_is_shown
    def action_export(self) -> None:
        """Write the session up to the shown height as a file."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.session.exporting:
            self.no_dialog("an export runs already; esc stops it")
        else:
            self.prepare(self._ask_export)

    async def _ask_export(self) -> None:
        assert self.snapshot is not None
        height, branch = self.snapshot.height, self.snapshot.branch
        session = self.session
        files = await session.export_files(height)
        screen = self.app.export_screenshot()  # as it is, without the dialog

        def answer(chosen: tuple[str, str, bool]) -> None:
            form, file, force = chosen
            if form == SCREENSHOT:
                self.work(lambda: self._write_screenshot(screen, file, force), group="export")
            else:
                self.work(lambda: self._export(form, file, height, force), group="export")

        what = f"branch {branch} up to height {height}"
        self._ask(
            "ExportDialog", answer, what, files, session.export_problem, session.export_question
        )

    async def _export(self, form: str, file: str, height: int, force: bool) -> None:
        said = await self.session.export(form, file, height, force=force)
        if said is None:
            self.notify("the export was stopped; nothing was written")
        else:
            self._say_saved(said["path"], _what(form, said))

    async def _write_screenshot(self, svg: str, file: str, force: bool) -> None:
        path = await self.session.write_screenshot(svg, file, force=force)
        self._say_saved(path, "The screen as it was.")

    def _say_saved(self, path: str, said: str) -> None:
        if self.app.screen is self:
            self._ask("SavedDialog", lambda _: None, path, said)
        else:  # another dialog is open
            self.notify(f"saved {path}")


def _what(form: str, said: dict[str, Any]) -> str:
    """What was made of it, in a sentence."""
    match form:
        case "scenario":
            return "A scenario; played in memory it ended as it should."
        case "pytest":
            return f"A test; run once, {said['why']}"
    return "A report, in one file: mail it or print it."
