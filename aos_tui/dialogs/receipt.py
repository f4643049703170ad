"""Edit a receipt before it is released: its status, its payload, its cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, RadioButton, RadioSet

from aos_tui.dialogs.base import Wrong
from aos_tui.dialogs.json_text import json_text
from aos_tui.dialogs.value_editor import ValueEditor
from aos_tui.dialogs.value_form import ValueForm
from aos_tui.form.shape import Shape

STATUSES = ("ok", "error", "timeout")

Receipt = tuple[str, Any, int | None]


class ReceiptDialog(ValueForm[Receipt]):
    """Dismisses with (status, payload, cost in cents or None), or None.

    ``status`` is one of :data:`STATUSES`; ``type_json``: the payload's type as AIR JSON without
    references, ``open``: whether it takes members that its type does not name. ``validate`` takes
    (status, payload, cost) and says what is wrong; ``preview`` takes the payload and shows its
    canonical bytes.
    """

    SAYS = "Releases this receipt as you write it here, instead of the prepared one."
    KEYS = (("ctrl+s", "submit", "Release"),)
    REFUSED = "not released"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "release the receipt as it is written here"),
    ]

    def __init__(
        self,
        title: str,
        status: str,
        payload_json: Any,
        cost_cents: int | None,
        type_json: Any,
        validate: Callable[[str, Any, int | None], str | None] | None = None,
        *,
        open: bool = True,
        preview: Callable[[Any], str] | None = None,
    ) -> None:
        super().__init__(title)
        self._status = status
        self._payload = payload_json
        self._cost = cost_cents
        self._type = type_json
        self._shape = Shape(open)
        self._validate, self._preview = validate, preview

    def body(self) -> ComposeResult:
        with Horizontal(id="choice"):
            yield Label("status")
            with RadioSet(compact=True):
                for status in STATUSES:
                    yield Status(status, value=status == self._status)
            yield Label("cost")
            cost = "" if self._cost is None else str(self._cost)
            yield Input(cost, placeholder="cents", type="integer", compact=True, id="cost")
        yield ValueEditor("payload", self._type, json_text(self._payload), self._shape)

    def read(self) -> Receipt:
        pressed = self.query_one("#choice RadioSet", RadioSet).pressed_index
        if pressed < 0:
            raise Wrong(f"choose a status: {', '.join(STATUSES)}")
        cost = self._read_cost()
        payload = self.query_one(ValueEditor).read()
        problem = self._validate(STATUSES[pressed], payload, cost) if self._validate else None
        if problem is not None:
            raise Wrong(problem)
        return STATUSES[pressed], payload, cost

    def _read_cost(self) -> int | None:
        text = self.query_one("#cost", Input).value.strip()
        if not text:
            return None
        if not (text.isascii() and text.isdecimal()):
            raise Wrong(f"the cost is a whole number of cents, 0 or more, not {text}")
        return int(text)

    def fine(self, result: Receipt) -> str:
        return "ok: the payload fits its type" if self._validate else "ok: well-formed JSON"

    def bytes_of(self, result: Receipt) -> tuple[str, str] | None:
        if self._preview is None:
            return None
        return "Canonical CBOR of the payload", self._preview(result[1])


class Status(RadioButton):
    """A choice that shows its state by a sign and not by colour alone."""

    BUTTON_LEFT = BUTTON_RIGHT = ""
    BUTTON_INNER = "( )"

    def watch_value(self) -> None:
        self.BUTTON_INNER = "(x)" if self.value else "( )"
        super().watch_value()
