"""Who may ask for what: capabilities, their constraints, policy (air-v1, section 10; B-23).

``decide`` is pure. It answers with a :class:`Decision`, which becomes a record; what cannot be
decided at all (unknown kind, wrong params) raises :class:`Refused`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any
from urllib.parse import urlsplit

from aos_core.kernel.program import Grant, Program


class Refused(Exception):
    """An effect that cannot be asked for; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Decision:
    """``cap`` and ``policy`` are ``allow`` or ``deny``; ``policy`` is None where not reached.

    ``rule`` is the index of the policy rule that decided; ``code`` says why a denial.
    """

    grant: str
    cap: str
    policy: str | None = None
    rule: int | None = None
    code: str | None = None

    @property
    def allowed(self) -> bool:
        return self.cap == "allow" and self.policy == "allow"


def find_grant(program: Program, name: str, kind: str) -> Grant:
    """The grant by name, its cap type checked. Raises :class:`Refused`."""
    grant = program.grants.get(name)
    if grant is None:
        raise Refused("grant_not_found", f"there is no grant {name!r}")
    wanted = program.effects[kind].cap_type
    if grant.cap_type != wanted:
        raise Refused(
            "cap_type_mismatch", f"grant {name!r} is of {grant.cap_type}; {kind} needs {wanted}"
        )
    return grant


def slot_grant(program: Program, module: str, slot: str, kind: str) -> str:
    """The grant that a reducer's slot is bound to (air-v1, section 6). Raises :class:`Refused`."""
    bound = program.bindings.get(module, {}).get(slot)
    if bound is not None:
        return bound
    if slot == "default":
        cap_type = program.effects[kind].cap_type
        fitting = [grant.name for grant in program.grants.values() if grant.cap_type == cap_type]
        if len(fitting) == 1:
            return fitting[0]
    raise Refused("slot_not_bound", f"slot {slot!r} of {module} is bound to no grant")


def decide(
    program: Program,
    origin: Mapping[str, Any],
    kind: str,
    params: Any,
    grant: Grant,
    logical_ns: int,
) -> Decision:
    """Constraints, expiry, policy: the first that denies ends it."""
    code = _constrain(grant, params)
    if code is None and grant.expiry_ns is not None and logical_ns >= grant.expiry_ns:
        code = "expired"
    if code is not None:
        return Decision(grant.name, "deny", code=code)
    policy, rule = _apply_policy(program, origin, kind, grant)
    denied = "policy_denied" if policy == "deny" else None
    return Decision(grant.name, "allow", policy, rule, denied)


def _apply_policy(
    program: Program, origin: Mapping[str, Any], kind: str, grant: Grant
) -> tuple[str, int | None]:
    """First match wins; no match denies; no policy at all allows."""
    if program.policy is None:
        return "allow", None
    facts = {
        "effect_kind": kind,
        "cap_name": grant.name,
        "cap_type": grant.cap_type,
        "origin_kind": origin["kind"],
        "origin_name": origin["name"],
    }
    for index, rule in enumerate(program.policy):
        if all(facts[name] == value for name, value in rule.when.items()):
            return rule.decision, index
    return "deny", None


Enforcer = Callable[[Mapping[str, Any], Any], str | None]
"""(grant params, effect params) -> the code of a denial, or None."""


def _constrain(grant: Grant, params: Any) -> str | None:
    """The native enforcer of the grant's cap. A cap whose enforcer is not known allows nothing;
    one without an enforcer is held to its cap type's rules where its fields have those names."""
    if grant.enforcer == "sys/CapAllowAll@1":
        enforcer = BY_CAP_TYPE.get(grant.cap_type)
        try:
            return None if enforcer is None else enforcer(grant.params, params)
        except (TypeError, ValueError):  # the world's own schema gives these names other types
            return "cap_params_invalid"
    enforcer = ENFORCERS.get(grant.enforcer)
    return "enforcer_error" if enforcer is None else enforcer(grant.params, params)


def enforce_http(grant: Mapping[str, Any], params: Any) -> str | None:
    """Host, scheme, method, port, path prefix; each list optional, empty means any."""
    if not isinstance(params, dict) or not isinstance(params.get("url"), str):
        return "effect_params_invalid"
    url = _split_url(params["url"])
    if url is None:
        return "invalid_url"
    scheme, host, port, path = url
    method = str(params.get("method", "")).upper()
    if not _among(grant, "hosts", host, str.lower):
        return "host_not_allowed"
    if not _among(grant, "schemes", scheme, str.lower):
        return "scheme_not_allowed"
    if not _among(grant, "methods", method, str.upper):
        return "method_not_allowed"
    if not _among(grant, "ports", port, int):
        return "port_not_allowed"
    prefixes = _allowed(grant, "path_prefixes")
    # a server may resolve dot segments or not, so the path has to be allowed either way
    for meant in (path, _resolve_dots(path)):
        if prefixes and not any(meant.startswith(prefix) for prefix in prefixes):
            return "path_not_allowed"
    return None


def _resolve_dots(path: str) -> str:
    """The path without its ``.`` and ``..`` segments, also where they are percent-encoded."""
    _, *segments = re.sub("%2e", ".", path, flags=re.IGNORECASE).split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _split_url(url: str) -> tuple[str, str, int | None, str] | None:
    """(scheme, host, port, path); None for what is no URL, IPv6 literals among it (B-23)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if not parts.scheme or not host or "[" in parts.netloc or any(c in url for c in "\t\r\n \\"):
        return None
    scheme = parts.scheme.lower()
    if port is None:
        port = {"http": 80, "https": 443}.get(scheme)
    return scheme, host.lower(), port, parts.path or "/"


def _among(grant: Mapping[str, Any], name: str, found: Any, fold: Callable[[Any], Any]) -> bool:
    allowed = _allowed(grant, name)
    return not allowed or found in [fold(item) for item in allowed]


def _allowed(grant: Mapping[str, Any], name: str) -> list[Any]:
    """A list of a grant, empty where it is absent. Raises TypeError for what is no list."""
    allowed = grant.get(name)
    if not isinstance(allowed, (list, NoneType)):
        raise TypeError(name)
    return allowed or []


def enforce_llm(grant: Mapping[str, Any], params: Any) -> str | None:
    """Provider, model, number of tokens, tool names; each optional."""
    if not isinstance(params, dict):
        return "effect_params_invalid"
    if not _among(grant, "providers", params.get("provider"), str):
        return "provider_not_allowed"
    if not _among(grant, "models", params.get("model"), str):
        return "model_not_allowed"
    most = grant.get("max_tokens")
    if most is not None and params.get("max_tokens", 0) > most:
        return "max_tokens_exceeded"
    choice = params.get("tool_choice") or {}
    if choice.get("$tag") == "Tool" and not _among(
        grant, "tools_allow", choice["$value"]["name"], str
    ):
        return "tool_not_allowed"
    return None


ENFORCERS: Mapping[str, Enforcer] = {
    "sys/CapEnforceHttpOut@1": enforce_http,
    "sys/CapEnforceLlmBasic@1": enforce_llm,
}
BY_CAP_TYPE: Mapping[str, Enforcer] = {"http.out": enforce_http, "llm.basic": enforce_llm}
