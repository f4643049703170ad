"""The stylesheet of the app, which is not parsed anew where it would come to the same."""

from __future__ import annotations

from textual.css import stylesheet


class Stylesheet(stylesheet.Stylesheet):
    """Textual's parses all of its sources again whenever it is told the variables, also where they
    are as they were: three times before the first paint."""

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)
            self._require_parse = True

    def reparse(self) -> None:
        if self._require_parse:
            super().reparse()
