"""What verification found where it failed, and the offer to keep it as a scenario."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from aos_tui.dialogs.value import ValueDialog


class ProofDialog(ValueDialog[bool]):
    """Dismisses with True where the scenario is to be written, else with None. ``offers``: whether
    there is one to write."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "write the inputs up to there as a scenario")
    ]

    def __init__(self, text: str, *, offers: bool) -> None:
        super().__init__("Verification failed", text)
        self._offers = offers

    def says(self) -> str:
        what = "The journal's own code was run, not what is on disk."
        if not self._offers:
            return what
        return f"{what} w writes the inputs up to there as a scenario."

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        offered = (("w", "write", "Write the scenario"),) if self._offers else ()
        return (*offered, *super().keys())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is written where there is nothing to write."""
        return action != "write" or self._offers

    def action_write(self) -> None:
        """Dismiss with True."""
        self.dismiss(True)
