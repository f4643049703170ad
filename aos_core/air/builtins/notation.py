"""Reads the notation of ``sys.air``: one definition a line; an indented line continues it.

    definition = "schema" NAME "=" type
               | "effect" NAME ":" NAME "->" NAME "cap" WORD "from" ("plan" | "reducer" | "both")
               | "cap" NAME "=" type ["enforcer" NAME]
               | "pure" NAME ":" NAME "->" NAME
               | "reducer" NAME ["per" NAME] ":" NAME "->" NAME "context" NAME
    type       = plain | WORD [plain] "|" WORD [plain] {"|" WORD [plain]}
    plain      = (record | ("list" | "set") "<" type ">" | "map" "<" type "," type ">"
               |  PRIMITIVE | NAME) ["?"]
    record     = "{" [WORD ":" type {"," WORD ":" type}] "}"

``NAME`` is a word with or without ``@version``: ``Foo@2`` is ``sys/Foo@2``, ``Foo`` is
``sys/Foo@1``. In a type it has a capital. The second form of ``type`` is a variant.
"""

from __future__ import annotations

from typing import Any

from aos_core.air.builtins.tokens import Cursor
from aos_core.air.types import PRIMITIVES
from aos_core.canon import ZERO_HASH, hash_text


def parse(text: str, file: str) -> list[dict[str, Any]]:
    """The definitions of ``text`` as raw AIR nodes with ``$kind``, in the order written.

    ``file`` names the text in errors. Raises :class:`AirError` with ``file``, ``line``, ``column``.
    """
    cursor = Cursor(text, file)
    nodes: dict[tuple[str, str], dict[str, Any]] = {}
    cursor.accept("\n")
    while cursor.token:
        start = cursor.at
        node = _definition(cursor)
        if cursor.token and not cursor.accept("\n"):
            raise cursor.expected("the end of the definition")
        if nodes.setdefault((node["$kind"], node["name"]), node) is not node:
            raise cursor.error(f"{node['$kind']} {node['name']} is defined twice", start)
    return list(nodes.values())


def _definition(cursor: Cursor) -> dict[str, Any]:
    keyword = cursor.one_of("schema", "effect", "cap", "pure", "reducer")
    word, name = cursor.token, cursor.name()
    if keyword == "schema":
        cursor.expect("=")
        return {"$kind": "defschema", "name": name, "type": _type(cursor)}
    if keyword == "effect":
        return {"$kind": "defeffect", "name": name, "kind": word} | _effect(cursor)
    if keyword == "cap":
        return {"$kind": "defcap", "name": name, "cap_type": word} | _cap(cursor)
    module = {"$kind": "defmodule", "name": name, "module_kind": keyword}
    return module | {"wasm_hash": hash_text(ZERO_HASH)} | _module(cursor, keyword)


def _effect(cursor: Cursor) -> dict[str, Any]:
    params, receipt = _arrow(cursor)
    cursor.expect("cap")
    cap_type = cursor.word("a cap type")
    cursor.expect("from")
    scope = cursor.one_of("plan", "reducer", "both")
    schemas = {"params_schema": params, "receipt_schema": receipt}
    return schemas | {"cap_type": cap_type, "origin_scope": scope}


def _cap(cursor: Cursor) -> dict[str, Any]:
    cursor.expect("=")
    schema = {"schema": _type(cursor)}
    return schema | ({"enforcer": {"module": cursor.name()}} if cursor.accept("enforcer") else {})


def _module(cursor: Cursor, kind: str) -> dict[str, Any]:
    if kind == "pure":
        source, result = _arrow(cursor)
        return {"abi": {"pure": {"input": source, "output": result}}}
    key = {"key_schema": cursor.name()} if cursor.accept("per") else {}
    event, state = _arrow(cursor)
    cursor.expect("context")
    return key | {"abi": {"reducer": {"state": state, "event": event, "context": cursor.name()}}}


def _arrow(cursor: Cursor) -> tuple[str, str]:
    cursor.expect(":")
    source = cursor.name()
    cursor.expect("->")
    return source, cursor.name()


def _type(cursor: Cursor) -> dict[str, Any]:
    if cursor.token == "{":
        return _plain(cursor)
    start, word = cursor.at, cursor.word("a type")
    if cursor.token == "|" or _plain_ahead(cursor):
        return {"variant": _cases(cursor, word)}
    return _worded(cursor, word, start)


def _plain(cursor: Cursor) -> dict[str, Any]:
    if cursor.accept("{"):
        return _optional(cursor, {"record": _fields(cursor)})
    start = cursor.at
    return _worded(cursor, cursor.word("a type"), start)


def _worded(cursor: Cursor, word: str, start: int) -> dict[str, Any]:
    """The type that begins with ``word``, which was just passed and stands at ``start``."""
    if word in ("list", "set"):
        cursor.expect("<")
        inner: dict[str, Any] = {word: _type_until(cursor, ">")}
    elif word == "map":
        cursor.expect("<")
        inner = {"map": {"key": _type_until(cursor, ","), "value": _type_until(cursor, ">")}}
    elif word in PRIMITIVES:
        inner = {word: {}}
    elif word[0].isupper():
        inner = {"ref": cursor.in_full(word)}
    else:
        raise cursor.error(f"there is no type {word!r}", start)
    return _optional(cursor, inner)


def _optional(cursor: Cursor, inner: dict[str, Any]) -> dict[str, Any]:
    return {"option": inner} if cursor.accept("?") else inner


def _type_until(cursor: Cursor, mark: str) -> dict[str, Any]:
    inner = _type(cursor)
    cursor.expect(mark)
    return inner


def _fields(cursor: Cursor) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    while not cursor.accept("}"):
        if fields:
            cursor.expect(",")
        name = cursor.word("a field", taken=fields)
        cursor.expect(":")
        fields[name] = _type(cursor)
    return fields


def _cases(cursor: Cursor, tag: str) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    while True:
        cases[tag] = _plain(cursor) if _plain_ahead(cursor) else {"unit": {}}
        if len(cases) > 1 and cursor.token != "|":
            return cases
        cursor.expect("|")
        tag = cursor.word("a tag", taken=cases)


def _plain_ahead(cursor: Cursor) -> bool:
    return cursor.token == "{" or cursor.word_ahead()
