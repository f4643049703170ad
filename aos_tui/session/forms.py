"""What one writes by hand: the events one can fire, and a receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aos_core.effect_words import target
from aos_tui.formatting import diagnostic

if TYPE_CHECKING:
    from aos_core.air.schemas import Schema
    from aos_core.air.types import Type
    from aos_core.view import Pending
    from aos_core.world import World

EventChoice = tuple[str, Any, Any]
"""(schema name, its type as JSON with references followed, an example as host JSON)"""


HEX_WIDTH = 16
"""Bytes on a line of hex."""


@dataclass(frozen=True, slots=True)
class ReceiptForm:
    """What one begins with when a receipt is written by hand: the prepared one, or zeroes.

    ``payload`` is host JSON, ``type_json`` its type with references followed; ``open``: it takes
    members that its type does not name. ``validate`` takes (status, payload, cost in cents) and
    says what is wrong, or None; ``preview`` takes a payload and shows its canonical bytes.
    """

    title: str
    status: str
    payload: Any
    cost_cents: int | None
    type_json: Any
    open: bool
    validate: Callable[[str, Any, int | None], str | None]
    preview: Callable[[Any], str]


def event_choices(world: World) -> tuple[list[EventChoice], str]:
    """The routed events with an example each, and the name of the one to begin with.

    The example is the scenario's where it fires one, else zeroes. Raises :class:`UsageError` where
    no event is routed.
    """
    from aos_core.errors import UsageError

    schemas = world.program.schemas
    examples: dict[str, Any] = {}
    for step in () if world.scenario is None else world.scenario.steps:
        if step.verb == "fire" and "value" in step.value:
            examples.setdefault(step.value["schema"], step.value["value"])
    names = list(world.program.targets)
    if not names:
        raise UsageError("no event is routed to a reducer", hint="see routing in the manifest")
    choices = [
        (
            name,
            inlined({"ref": name}, schemas.types),
            examples[name] if name in examples else schemas[name].to_host(schemas[name].zero()),
        )
        for name in names
    ]
    return choices, next((name for name in names if name in examples), names[0])


def event_problem(world: World, schema: str, value: Any) -> str | None:
    """What is wrong with an event's value (host JSON), or None: also where it has no cell to go
    to."""
    from aos_core.errors import AosError
    from aos_core.kernel.routing import route

    try:
        route(world.program, schema, world.program.schemas[schema].from_host(value), None)
    except AosError as error:
        return error.message
    return None


def event_preview(world: World, schema: str, value: Any) -> str:
    """The canonical bytes of an event's value (host JSON) that fits."""
    return _bytes_text(world.program.schemas[schema], value)


def _bytes_text(schema: Schema, value: Any) -> str:
    """How many bytes a value has, their hash, the bytes in hex, and what they mean."""
    from aos_core import canon

    plain = schema.from_host(value)
    data = schema.encode(plain)
    lines = (data[at : at + HEX_WIDTH].hex(" ") for at in range(0, len(data), HEX_WIDTH))
    count = "1 byte" if len(data) == 1 else f"{len(data):,} bytes"
    said = [count, canon.hash_text(canon.sha256(data)), "", *lines, "", diagnostic(plain)]
    return "\n".join(said)


def receipt_form(world: World, item: Pending) -> ReceiptForm:
    """The form for the receipt of a pending effect."""
    from aos_core.adapters.prepared import zero_payload
    from aos_core.errors import AosError
    from aos_core.scenario import edited

    answer = item.to_json()["answer"]
    if answer is None:
        zero = item.schema.to_host(item.schema.normalise(zero_payload(item.intent, item.schema)))
        answer = {"status": "ok", "payload": zero, "cost_cents": None}

    def validate(status: str, payload: Any, cost_cents: int | None) -> str | None:
        try:
            edited(item, {"status": status, "payload": payload, "cost_cents": cost_cents})
        except AosError as error:
            return error.message
        return None

    return ReceiptForm(
        title=f"Receipt {item.n}  {target(item.kind, item.params)}",
        status=answer["status"],
        payload=answer["payload"],
        cost_cents=answer["cost_cents"],
        type_json=inlined(item.schema.type.to_json(), world.program.schemas.types),
        open=item.schema.codec.open,
        validate=validate,
        preview=lambda payload: _bytes_text(item.schema, payload),
    )


def inlined(node: Any, types: Mapping[str, Type]) -> Any:
    """A type as JSON with references to schemas replaced by what they name; that comes to an end,
    since a world whose types refer to themselves is refused.

    Fields and arms may have any name, ``ref`` too: only where text stands behind it is it a
    reference. What several refer to is one object: written out each time, the types of a few
    schemas that refer to the next twice each would not fit into memory.
    """
    known: dict[str, Any] = {}

    def followed(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        name = node.get("ref")
        if not isinstance(name, str):
            return {part: followed(of) for part, of in node.items()}
        if name not in known:
            known[name] = followed(types[name].to_json())
        return known[name]

    return followed(node)
