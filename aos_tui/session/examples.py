"""Properties to begin with, made of what a world has: its reducers and their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_core.air.schemas import Schemas
    from aos_core.air.types import Type
    from aos_core.view import View

Example = tuple[str, str]
"""(what it says, its text)"""

_EACH = 10
"""So many of one reducer."""
_FIELD = 3
"""So many of one field."""
_ARMS = 3
"""So many arms of a variant."""
_DEEP = 3


def property_examples(view: View) -> list[Example]:
    """What could be asked of a world, in the order of its reducers."""
    found = [_written("never more than 3 effects pending", "le", _ref("@pending"), {"nat": 3})]
    for reducer in view.reducers():
        module = view.program.modules[reducer]
        begin = f"@state:{reducer}"
        if module.key_schema is not None:
            if (cell := _some_cell(view, reducer)) is None:
                continue
            begin = f"@cell:{reducer}[{json.dumps(cell, ensure_ascii=False)}]"
        schemas = view.program.schemas
        of = schemas.types[module.abi["state"]]
        found += islice(_of_type(begin, "", of, schemas), _EACH)
    return list(dict.fromkeys(found))


def _some_cell(view: View, reducer: str) -> Any:
    from aos_core.present import cell_key

    cells = view.kernel_state.cells.get(reducer)
    key = next((key for key, _ in cells.items()), None) if cells else None
    return None if key is None else cell_key(view.program, reducer, key)


def _of_type(ref: str, name: str, of: Type, schemas: Schemas, deep: int = 0) -> Iterator[Example]:
    """Of what ``ref`` leads to, which people call ``name``."""
    from aos_core.air.types import ListOf, MapOf, Option, Prim, Record, SetOf, Variant

    here, called, inside = _ref(ref), name or "the state", f"{name}." if name else ""
    match schemas.resolve(of):
        case Prim("nat" | "int" as kind):
            yield _written(f"{called} is at most 100", "le", here, {kind: 100})
            if kind == "int":
                yield _written(f"{called} is never negative", "ge", here, {kind: 0})
        case Prim("text"):
            yield _written(f"{called} is never empty", "ne", here, {"text": ""})
        case Prim("bool"):
            yield _written(f"{called} stays true", "eq", here, {"bool": True})
        case ListOf() | SetOf() | MapOf():
            size = _op("len", here)
            yield _written(f"{called} has at most 100 items", "le", size, {"nat": 100})
        case Option(inner):
            yield from _of_type(ref, name, inner, schemas, deep)
        case Variant(arms) if arms:
            yield from _of_variant(called, _ref(f"{ref}.$tag"), [tag for tag, _ in arms])
            for _, arm in arms if deep < _DEEP else ():  # the path is that of any arm
                yield from _of_type(f"{ref}.$value", name, arm, schemas, deep + 1)
        case Record(fields) if deep < _DEEP:
            for field, inner in fields:
                if "." not in field:
                    found = _of_type(f"{ref}.{field}", f"{inside}{field}", inner, schemas, deep + 1)
                    yield from islice(found, _FIELD)


def _of_variant(name: str, tag: Any, arms: list[str]) -> Iterator[Example]:
    """The last arms first: a reducer begins with the first ones."""
    last = arms[-1]
    # The other way round it fails inside a turn: effects are asked for when its steps are over.
    rests, so = _op("eq", _ref("@pending"), {"nat": 0}), _op("eq", tag, {"text": last})
    yield _written(f"{name} never becomes {last}", "ne", tag, {"text": last})
    yield _written(f"effects are pending only while {name} is {last}", "or", rests, so)
    for arm in arms[-2 : -_ARMS - 1 : -1]:
        yield _written(f"{name} never becomes {arm}", "ne", tag, {"text": arm})


def _ref(to: str) -> dict[str, str]:
    return {"ref": to}


def _op(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": args}


def _written(what: str, op: str, *args: Any) -> Example:
    return what, json.dumps(_op(op, *args), ensure_ascii=False)
