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

from aos_core.air.builtins import ALLOW_ALL, HTTP_ENFORCER, LLM_ENFORCER
from aos_core.air.nodes import DefEffect
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


def find_grant(program: Program, name: str, effect: DefEffect) -> Grant:
    """The grant by name, its cap type checked. Raises :class:`Refused`."""
    grant = program.grants.get(name)
    if grant is None:
        raise Refused("grant_not_found", f"there is no grant {name!r}")
    if grant.cap_type != effect.cap_type:
        raise Refused(
            "cap_type_mismatch",
            f"grant {name!r} is of {grant.cap_type}; {effect.effect} needs {effect.cap_type}",
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


Enforcer = Callable[[Any, Any], str | None]
"""(grant params, effect params) -> the code of a denial, or None."""


def _constrain(grant: Grant, params: Any) -> str | None:
    """The native enforcer of the grant's cap. A cap whose enforcer is not known allows nothing;
    one without an enforcer is held to its cap type's rules where its fields have those names."""
    enforcer = ENFORCERS.get(grant.enforcer)
    if grant.enforcer == ALLOW_ALL:
        enforcer, names = BY_CAP_TYPE.get(grant.cap_type, (None, ()))
        named = isinstance(grant.params, dict) and any(name in grant.params for name in names)
        if not named:
            return None
    if enforcer is None:
        return "enforcer_error"
    try:
        return enforcer(grant.params, params)
    except _Unreadable as error:
        return error.code


class _Unreadable(Exception):
    """A grant or params whose fields have other types than the rules know; ``code`` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _member(params: Any, name: str, of: type) -> Any:
    """A field of an effect's params; None where it is null or not there."""
    if not isinstance(params, dict) or not isinstance(params.get(name), (of, NoneType)):
        raise _Unreadable("effect_params_invalid")
    return params.get(name)


def _allowed(grant: Any, name: str, of: type[str] | type[int] = str) -> list[Any]:
    """A list of a grant, empty where it is null or not there."""
    allowed = grant.get(name) if isinstance(grant, dict) else name
    if allowed is None:
        return []
    if not isinstance(allowed, list) or not all(type(item) is of for item in allowed):
        raise _Unreadable("cap_params_invalid")
    return allowed


def _among(grant: Any, name: str, found: Any, fold: Callable[[str], str] = str) -> bool:
    allowed = _allowed(grant, name)
    return not allowed or found in map(fold, allowed)


def enforce_http(grant: Any, params: Any) -> str | None:
    """Host, scheme, method, port, path prefix; each list optional, empty means any."""
    text = _member(params, "url", str)
    if text is None:
        return "effect_params_invalid"
    url = _split_url(text)
    if url is None:
        return "invalid_url"
    scheme, host, port, path = url
    method = (_member(params, "method", str) or "").upper()
    if not _among(grant, "hosts", host, str.lower):
        return "host_not_allowed"
    if not _among(grant, "schemes", scheme, str.lower):
        return "scheme_not_allowed"
    if not _among(grant, "methods", method, str.upper):
        return "method_not_allowed"
    ports, prefixes = _allowed(grant, "ports", int), _allowed(grant, "path_prefixes")
    if ports and port not in ports:
        return "port_not_allowed"
    # servers differ in how they read a path, so it has to be allowed in every reading
    for meant in (path, _resolve_dots(path), _resolve_dots(_unescape_slashes(path))):
        if prefixes and not any(meant.startswith(prefix) for prefix in prefixes):
            return "path_not_allowed"
    return None


def _unescape_slashes(path: str) -> str:
    """The path as those read it who decode ``%2f`` and take slashes in a row for one."""
    return re.sub("(?:/|%2f|%5c)+", "/", path, flags=re.IGNORECASE)


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
    if not parts.scheme or not host or "[" in parts.netloc or re.search(r"[\x00-\x20\x7f\\]", url):
        return None
    scheme = parts.scheme.lower()
    if port is None:
        port = {"http": 80, "https": 443}.get(scheme)
    return scheme, host.lower(), port, parts.path or "/"


def enforce_llm(grant: Any, params: Any) -> str | None:
    """Provider, model, number of tokens, tool names; each optional."""
    if not _among(grant, "providers", _member(params, "provider", str)):
        return "provider_not_allowed"
    if not _among(grant, "models", _member(params, "model", str)):
        return "model_not_allowed"
    most = grant.get("max_tokens")
    if type(most) not in (int, NoneType):
        raise _Unreadable("cap_params_invalid")
    if most is not None and (_member(params, "max_tokens", int) or 0) > most:
        return "max_tokens_exceeded"
    choice = _member(params, "tool_choice", dict) or {}
    if choice.get("$tag") == "Tool":
        tool = _member(choice.get("$value"), "name", str)
        if not _among(grant, "tools_allow", tool):
            return "tool_not_allowed"
    return None


ENFORCERS: Mapping[str, Enforcer] = {
    HTTP_ENFORCER: enforce_http,
    LLM_ENFORCER: enforce_llm,
}
BY_CAP_TYPE: Mapping[str, tuple[Enforcer, tuple[str, ...]]] = {
    "http.out": (enforce_http, ("hosts", "schemes", "methods", "ports", "path_prefixes")),
    "llm.basic": (enforce_llm, ("providers", "models", "max_tokens", "tools_allow")),
}
