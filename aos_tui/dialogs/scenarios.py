"""Choose another scenario of the world."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from aos_tui.dialogs.choice import ChoiceDialog


class ScenariosDialog(ChoiceDialog[str]):
    """Dismisses with the name of a scenario, or None."""

    KEYS = (("y", "copy_all", "Copy"),)
    MORE = "enter begin it"

    def __init__(
        self, says: str, lines: Sequence[tuple[Text, str | None]], chosen: int, indent: int
    ) -> None:
        super().__init__("Scenarios", lines, chosen, indent)
        self._says = says

    def says(self) -> str:
        return self._says
