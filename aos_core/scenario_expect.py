"""What holds at a height, as a scenario expects it: found, and written as its ``[expect]``."""

from __future__ import annotations

from typing import Any

from aos_core import canon
from aos_core.air.codec import Codec, RecordCodec, VariantCodec
from aos_core.air.misfit import Misfit
from aos_core.errors import CanonError
from aos_core.scenario_file import Expect
from aos_core.toml_values import Unsayable, inline, toml_key, without_nulls
from aos_core.view import View

MOST_CELLS = 100
"""How many cells of a keyed reducer are spelled out in ``[expect]``; of more, only the number."""


def expect_section(expect: Expect, root: str) -> str:
    """``[expect]``, with the root that the journal has in a comment."""
    lines = [f"# {root} is the root", "[expect]"]
    lines += [] if expect.root is None else [f"root = {inline(expect.root)}"]
    lines += ["order_free = true"] if expect.order_free else []
    lines += [] if expect.pending is None else [f"pending = {expect.pending}"]
    lines += [f"cells.{toml_key(name)} = {count}" for name, count in expect.cells.items()]
    for name, counted in (("effects", expect.effects), ("plans", expect.plans)):
        lines += [f"{name} = {inline([dict(of) for of in counted])}"] if counted else []
    states, sections = expect.state or {}, []
    for name, state in states.items():
        if isinstance(state, dict) and state:
            parts = [f"{toml_key(key)} = {inline(of)}" for key, of in state.items()]
            sections.append("\n".join([f"[expect.state.{toml_key(name)}]", *parts]))
        else:
            lines.append(f"state.{toml_key(name)} = {inline(state)}")
    return "\n\n".join(["\n".join(lines), *sections])


def expected(view: View) -> Expect:
    """What holds at a height: how much is pending, how many cells there are, and every state."""
    cells, states = {}, {}
    for reducer in view.reducers():
        found, module = view.state(reducer), view.program.modules[reducer]
        codec = view.program.schemas[module.abi["state"]].codec
        if module.key_schema is None:
            said = _holds(codec, found)
        else:
            cells[reducer] = len(found)
            spelled = found if len(found) <= MOST_CELLS else {}
            parts = {key: _holds(codec, of) for key, of in spelled.items()}
            said = {key: of for key, of in parts.items() if of is not None}
        if said is not None and said != {}:
            states[reducer] = said
    return Expect(pending=len(view.pending), cells=cells, state=states)


def _holds(codec: Codec, state: Any) -> Any:
    """What of a state can be expected (see ``expectations``), as TOML can say it: of records the
    members that it can say, anything else whole. None where there is nothing."""
    match codec, state:
        case RecordCodec(), dict():
            parts = {name: _holds(of, state.get(name)) for name, of in codec.fields.items()}
            return {name: parts[name] for name in codec.authored if parts[name] is not None}
        case VariantCodec(), dict() if len(state) == 1 and state.keys() <= codec.arms.keys():
            ((tag, payload),) = state.items()
            part = _holds(codec.arms[tag], payload)
            return None if part is None else {tag: part}
    said = without_nulls(state)
    try:
        inline(said)
        normal = [canon.encode(codec.normalise(codec.from_host(of))) for of in (said, state)]
    except (Misfit, CanonError, Unsayable):
        return None
    return said if normal[0] == normal[1] else None
