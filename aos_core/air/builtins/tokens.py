"""A cursor over the tokens of ``sys.air``: what the parser in ``notation`` reads from."""

from __future__ import annotations

import re
from collections.abc import Container

from aos_core.errors import AirError

# A newline is a token (it ends a definition) unless an indented line, a blank one or a comment
# follows.
_SPACE = re.compile(r"(?:[ \t]|#.*|\n(?=[ \t\n#]|\Z))*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_TOKEN = re.compile(rf"{_WORD.pattern}|@[1-9][0-9]*|->|[{{}}<>:,|?=\n]|\Z")


class Cursor:
    """``token`` is the token ahead, empty at the end of the text; ``at`` is its offset.

    Every method that does not find what it was asked for raises :class:`AirError` with ``file``,
    ``line`` and ``column``, both counted from 1.
    """

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file
        self.token, self.at = "", 0
        self.advance()

    def advance(self) -> str:
        """Steps to the next token and returns the one passed."""
        passed, end = self.token, self.at + len(self.token)
        space = _SPACE.match(self._text, end)
        self.at = space.end() if space else end
        token = _TOKEN.match(self._text, self.at)
        if token is None:
            raise self.error(f"{self._text[self.at]!r} means nothing here", self.at)
        self.token = token.group()
        return passed

    def accept(self, token: str) -> bool:
        """Whether ``token`` is ahead; if so it is passed."""
        if self.token != token:
            return False
        self.advance()
        return True

    def expect(self, token: str) -> None:
        """Passes ``token``."""
        if not self.accept(token):
            raise self.expected(repr(token))

    def one_of(self, *words: str) -> str:
        """Passes one of ``words`` and returns it."""
        if self.token not in words:
            raise self.expected(" or ".join(words))
        return self.advance()

    def word_ahead(self) -> bool:
        """Whether the token ahead is a word."""
        return _WORD.match(self.token) is not None

    def word(self, what: str, taken: Container[str] = ()) -> str:
        """Passes a word, one that is not among ``taken``, and returns it; ``what`` describes it."""
        if not self.word_ahead():
            raise self.expected(what)
        if self.token in taken:
            raise self.error(f"{what} {self.token!r} stands here twice", self.at)
        return self.advance()

    def name(self) -> str:
        """Passes a name and returns it in full: ``sys/Foo@1`` for ``Foo``."""
        return self.in_full(self.word("a name"))

    def in_full(self, word: str) -> str:
        """The full name of ``word``, which was just passed; passes its version, if it has one."""
        version = self.advance() if self.token.startswith("@") else "@1"
        return f"sys/{word}{version}"

    def expected(self, what: str) -> AirError:
        """The error that ``what`` should have been ahead."""
        found = {"": "the end of the file", "\n": "the end of the line"}
        return self.error(
            f"expected {what}, found {found.get(self.token) or repr(self.token)}", self.at
        )

    def error(self, message: str, at: int) -> AirError:
        """An error at the offset ``at``."""
        line, start = self._text.count("\n", 0, at) + 1, self._text.rfind("\n", 0, at)
        return AirError(message, file=self._file, line=line, column=at - start)
