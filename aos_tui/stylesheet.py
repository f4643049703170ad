"""The stylesheet of the app, which is not parsed anew where it would come to the same."""

from __future__ import annotations

from pathlib import PurePath

from textual.css import stylesheet


class Stylesheet(stylesheet.Stylesheet):
    """Textual's parses all of its sources again whenever it is told the variables, also where they
    are as they were: three times before the first paint."""

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)
            self._require_parse = True

    def read(self, filename: str | PurePath) -> None:
        """Textual's goes on with the rules that it had until a source is added."""
        super().read(filename)
        self._rules_map = None

    def reparse(self) -> None:
        """Textual's begins with an empty cache; what was parsed under these variables is known."""
        if self._require_parse:
            self.parse()
