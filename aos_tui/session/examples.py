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

_EACH = 3
"""So many of one reducer."""
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
        found += islice(_of_type(begin, "", of, schemas, 0), _EACH)
    return found


def _some_cell(view: View, reducer: str) -> Any:
    from aos_core.present import cell_key

    cells = view.kernel_state.cells.get(reducer)
    key = next((key for key, _ in cells.items()), None) if cells else None
    return None if key is None else cell_key(view.program, reducer, key)


def _of_type(begin: str, path: str, of: Type, schemas: Schemas, deep: int) -> Iterator[Example]:
    from aos_core.air.types import ListOf, MapOf, Prim, Record, SetOf, Variant

    here, name = _ref(begin + path), path.rpartition(".")[2] or "the state"
    match schemas.resolve(of):
        case Prim("nat" | "int" as kind):
            yield _written(f"{name} is at most 100", "le", here, {kind: 100})
        case Prim("text"):
            yield _written(f"{name} is never empty", "ne", here, {"text": ""})
        case Prim("bool"):
            yield _written(f"{name} stays true", "eq", here, {"bool": True})
        case ListOf() | SetOf() | MapOf():
            size = {"op": "len", "args": [here]}
            yield _written(f"{name} has at most 100 items", "le", size, {"nat": 100})
        case Variant(arms) if arms:
            yield _written(
                f"{name} never becomes {arms[-1][0]}", "ne", _ref(f"{begin}{path}.$tag"),
                {"text": arms[-1][0]},
            )  # fmt: skip
            for _, arm in arms if deep < _DEEP else ():
                yield from _of_type(begin, f"{path}.$value", arm, schemas, deep + 1)
        case Record(fields) if deep < _DEEP:
            for field, inner in fields:
                if "." not in field:
                    yield from islice(
                        _of_type(begin, f"{path}.{field}", inner, schemas, deep + 1), 1
                    )


def _ref(to: str) -> dict[str, str]:
    return {"ref": to}


def _written(what: str, op: str, *args: Any) -> Example:
    return what, json.dumps({"op": op, "args": args}, ensure_ascii=False)
