"""Asking for an effect: normalise, find the grant, decide, name the intent (air-v1, section 10).

Nothing is performed here. An allowed request becomes an :class:`Intent` that waits in the state
until the host brings a receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aos_core import canon
from aos_core.errors import ValueRejected
from aos_core.kernel.authority import CallPure, Decision, Refused, Request, decide, find_grant
from aos_core.kernel.program import Program
from aos_core.kernel.secrets import to_variants
from aos_core.kernel.state import Intent


def ask(
    program: Program,
    types: Program,
    origin: Mapping[str, Any],
    kind: str,
    params: Any,
    grant_name: str,
    key: bytes | None,
    logical_ns: int,
    is_pending: Callable[[bytes], bool],
    call_pure: CallPure,
) -> tuple[Decision, Intent]:
    """The decision on a request, and the intent it is about. ``types`` is the program whose
    definition of the effect counts. Raises :class:`Refused`."""
    effect = types.effects.get(kind)
    if effect is None:
        raise Refused("unknown_effect", f"effect {kind!r} is not listed by the manifest")
    if effect.origin_scope not in (origin["kind"], "both"):
        raise Refused("origin_not_allowed", f"{kind} cannot be asked for by a {origin['kind']}")
    schema = types.schemas[effect.params_schema]
    try:
        normal = to_variants(schema.normalise(params))
    except ValueRejected as error:
        raise Refused("bad_params", error.message) from None
    grant = find_grant(program, grant_name, effect)
    encoded = schema.encode(normal)
    request = Request(origin, kind, normal, encoded, grant, logical_ns)
    decision = decide(program, request, call_pure)
    intent = Intent(kind, encoded, grant_name, key or canon.ZERO_HASH, origin)
    return decision, _distinct(intent, is_pending) if decision.allowed else intent


def _distinct(intent: Intent, is_pending: Callable[[bytes], bool]) -> Intent:
    """The intent under a hash that is not pending: where its own is, a key is derived from its
    origin and n (journal-format.md, 8), so that of two equal requests none is lost."""
    original, n = intent, 0
    while is_pending(intent.hash):
        key = canon.digest(["key", dict(original.origin), n])
        intent = Intent(original.kind, original.params, original.cap, key, original.origin)
        n += 1
    return intent
