"""References to secrets in params, and who may use which (air-v1, section 10; B-19, B-23).

The kernel never sees a value: that is the business of the adapter which performs the effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aos_core.air.nodes import DefSecret

TAG = "secret"


def reference(value: Any) -> str | None:
    """The name ``alias@version`` of the defsecret that a value refers to; None for other values.

    The alias is a name up to its last ``@``, the version what stands after it (B-6).
    """
    match value:
        case {"$tag": "secret", "$value": {"alias": str(alias), "version": int(version)}}:
            return None if version is True or version is False else f"{alias}@{version}"
    return None


def to_variants(value: Any) -> Any:
    """``value`` with every map whose only member is ``secret``, a map, in variant form (B-19)."""
    if isinstance(value, list):
        return [to_variants(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {
        key: to_variants(item) if isinstance(item, (dict, list)) else item
        for key, item in value.items()
    }
    if len(inner) == 1 and isinstance(inner.get("secret"), dict):
        return {"$tag": TAG, "$value": inner["secret"]}
    return inner


def references(value: Any) -> Iterator[str]:
    """Every secret that a value refers to, in the order of its fields."""
    name = reference(value)
    if name is not None:
        yield name
        return
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        if isinstance(item, (dict, list)):
            yield from references(item)


def denial(
    params: Any, secrets: Mapping[str, DefSecret], grant: str, origin: Mapping[str, Any]
) -> str | None:
    """The code that says why these params may not use one of their secrets here, or None.

    An empty list allows all. A secret that nobody defined is denied by nothing here: there is no
    value to protect, and the adapter refuses it by name.
    """
    for name in references(params):
        secret = secrets.get(name)
        if secret is None:
            continue
        if secret.allowed_caps and grant not in secret.allowed_caps:
            return "secret_cap_not_allowed"
        by_plan = origin["kind"] == "plan"
        if by_plan and secret.allowed_plans and origin["name"] not in secret.allowed_plans:
            return "secret_plan_not_allowed"
    return None
