"""The members of a JSON object, read with their types: every failure names its JSON path.

Reading looks at structure only: whether names resolve is for :mod:`aos_core.air.check`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from aos_core import canon
from aos_core.air.types import Type, parse_type
from aos_core.errors import AirError
from aos_core.hints import did_you_mean

_Part = TypeVar("_Part")

PLACEHOLDERS = ("", "sha256", "sha256:", canon.hash_text(canon.ZERO_HASH))
"""What may stand where a hash is still to be written."""


class Findings:
    """What is wrong with the structure of one node, and the objects that were looked at.

    ``strict``: the first error is raised. Else all are kept, and what is wrong reads as empty;
    ``broken`` are the items of arrays that were wrong, as they stand, by path, and ``contained``
    counts the errors in them: where there is no other, the rest of the node is sound.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.errors: list[AirError] = []
        self.objects: list[Fields] = []
        self.broken: dict[str, Any] = {}
        self.contained = 0

    def fail(self, error: AirError) -> None:
        if self.strict:
            raise error
        self.errors.append(error)

    def unknown_members(self) -> Iterator[tuple[str, str, str | None]]:
        """(path, name, hint) of members that nothing reads: they are dropped."""
        for fields in self.objects:
            for name in fields.node:
                if name not in fields.asked and not name.startswith("$"):
                    rest = fields.asked - fields.node.keys() - fields.missed
                    near = difflib.get_close_matches(name, fields.missed, 1)
                    if not near:
                        yield fields.at(name), name, did_you_mean(name, rest)


class Fields:
    """Typed access to the members of a JSON object; every failure names its JSON path.

    ``asked`` are the members that were looked for, ``missed`` those of them that must be there.
    """

    def __init__(self, node: Any, path: str, findings: Findings) -> None:
        self.path, self.findings = path, findings
        self.asked: set[str] = set()
        self.missed: set[str] = set()
        self._dead = not isinstance(node, dict)
        self.node: dict[str, Any] = {} if self._dead else node
        findings.objects.append(self)
        if self._dead:
            self.fail("expected an object")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def fail(self, message: str, name: str | None = None, hint: str | None = None) -> None:
        """Something is wrong: with a member, or with the object."""
        path = self.path if name is None else self.at(name)
        self.findings.fail(AirError(message, path=path, hint=hint))

    def get(self, name: str) -> Any:
        """The member as it stands, None where it is absent."""
        self.asked.add(name)
        return self.node.get(name)

    def need(self, name: str) -> Any:
        self.asked.add(name)
        if name not in self.node and not self._dead:
            near = difflib.get_close_matches(name, self.node.keys() - self.asked, 1)
            hint = f"did you mean {name} where {near[0]} stands?" if near else None
            self.missed.add(name)
            self.fail(f"field {name!r} is missing", hint=hint)
        return self.node.get(name)

    def text(self, name: str) -> str:
        """A text; an empty one names nothing."""
        value = self.need(name)
        if isinstance(value, str) and value:
            return value
        if name in self.node:
            self.fail(
                f"{name} must be a text" + (", not an empty one" if value == "" else ""), name
            )
        return ""

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.get(name) is not None else None

    def choice(self, name: str, among: Collection[str]) -> str:
        """One of some texts."""
        value = self.text(name)
        if value and value not in among:
            self.fail(f"unknown {name} {value!r}", name, did_you_mean(value, among))
        return value

    def list(self, name: str) -> list[Any]:
        value = self.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self.fail(f"{name} must be an array", name)
        return []

    def texts(self, name: str) -> tuple[str, ...]:
        items = self.list(name)
        for index, item in enumerate(items):
            if not isinstance(item, str) or not item:
                self.fail("expected a text", f"{name}[{index}]")
        return tuple(item for item in items if isinstance(item, str))

    def map(self, name: str) -> dict[str, Any]:
        value = self.get(name)
        if value is None or isinstance(value, dict):
            return {key: item for key, item in (value or {}).items() if key != "$comment"}
        self.fail(f"{name} must be an object", name)
        return {}

    def text_map(self, name: str) -> dict[str, str]:
        value = self.map(name)
        for key, item in value.items():
            if not isinstance(item, str) or not item:
                self.fail("expected a text", f"{name}.{key}")
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def hash(self, name: str) -> str | None:
        """A hash, or None for a placeholder (B-5)."""
        value = self.get(name)
        if value is None or (isinstance(value, str) and value.strip().lower() in PLACEHOLDERS):
            return None
        if not isinstance(value, str) or not canon.is_hash_text(value):
            hint = "sha256: and 64 hex digits, or leave it out"
            self.fail(f"{value!r} is not a hash", name, hint)
            return None
        return value

    def type(self, name: str) -> Type:
        return parse_type(self.need(name), self.at(name), self.findings.fail)

    def inside(self, name: str) -> Fields:
        """The object at ``name``; empty where it is absent."""
        value = self.get(name)
        return Fields({} if value is None else value, self.at(name), self.findings)

    def must(self, name: str) -> Fields:
        """The object at ``name``. Where there is none, nothing more is said of it."""
        value = self.need(name)
        if name in self.node:
            return Fields(value, self.at(name), self.findings)
        nothing = Fields({}, self.at(name), self.findings)
        nothing._dead = True
        return nothing

    def not_known(self) -> None:
        """Nothing can be said of the members: what kind of object it is, is wrong already."""
        self.asked |= self.node.keys()
        self._dead = True

    def each(self, name: str, parse: Callable[[Fields], _Part]) -> tuple[_Part, ...]:
        """What an array holds."""
        found = []
        for index, item in enumerate(self.list(name)):
            before, path = len(self.findings.errors), f"{self.at(name)}[{index}]"
            found.append(parse(Fields(item, path, self.findings)))
            if (errors := len(self.findings.errors) - before) > 0:
                self.findings.broken[path] = item
                self.findings.contained += errors
        return tuple(found)


def given(**fields: Any) -> dict[str, Any]:
    """The members that are there: neither None nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}
