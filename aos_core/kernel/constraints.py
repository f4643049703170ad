"""The constraint rules that are native to the kernel: HTTP, LLM, workspaces (air-v1, section 10;
B-23).

Each rule is pure: (grant params, effect kind, effect params) -> the code of a denial, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from types import NoneType
from typing import Any

from aos_core.air.builtins import HTTP_ENFORCER, LLM_ENFORCER, WORKSPACE_ENFORCER

Constraint = Callable[[Any, str, Any], str | None]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?#]*)(?P<path>[^?#]*)")
"""RFC 3986, appendix B. By hand: a library may judge otherwise in its next release, and what is
judged here is replayed for ever."""

_NO_HOST = re.compile(
    r"[\[\] \\\u2047-\u2049\u2100\u2101\u2105\u2106\u2a74\ufe13\ufe16\ufe55\ufe56\ufe5f\ufe6b"
    r"\uff03\uff0f\uff1a\uff1f\uff20]"
)
"""An IPv6 literal (B-23), what no host holds, and what some take for one of ``/?#@:`` (NFKC)."""

_PORT = re.compile(r"[0-9]{0,9}")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_UPPER = {lower: upper for upper, lower in _LOWER.items()}
_SLASHES = re.compile(r"(?:[/\\]|%2f|%5c)+", re.IGNORECASE)
_DOT = re.compile("%2e", re.IGNORECASE)


def native(enforcer: str) -> Constraint | None:
    """The rules of a native enforcer. That of governance knows none yet: it allows nothing."""
    kinds, rules = _NATIVE.get(enforcer, ((), None))
    if rules is None:
        return None
    return lambda grant, kind, params: (
        rules(grant, kind, params) if kind in kinds else "effect_kind_mismatch"
    )


def of_cap_type(cap_type: str, grant: Any) -> Constraint | None:
    """The rules for a grant of a cap without enforcer, where its fields have their names."""
    rules, names = _BY_CAP_TYPE.get(cap_type, (None, ()))
    named = isinstance(grant, dict) and any(name in grant for name in names)
    return rules if named else None


def constrain(rules: Constraint, grant: Any, kind: str, params: Any) -> str | None:
    """The code of the denial by ``rules``, or None."""
    try:
        return rules(grant, kind, params)
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


def enforce_http(grant: Any, kind: str, params: Any) -> str | None:
    """Host, scheme, method, port, path prefix; each list optional, empty means any."""
    text = _member(params, "url", str)
    if text is None:
        return "effect_params_invalid"
    url = _split_url(text)
    if url is None:
        return "invalid_url"
    scheme, host, port, path = url
    method = _upper(_member(params, "method", str) or "")
    if not _among(grant, "hosts", host, _lower):
        return "host_not_allowed"
    if not _among(grant, "schemes", scheme, _lower):
        return "scheme_not_allowed"
    if not _among(grant, "methods", method, _upper):
        return "method_not_allowed"
    ports, prefixes = _allowed(grant, "ports", int), _allowed(grant, "path_prefixes")
    if ports and port not in ports:
        return "port_not_allowed"
    return None if not prefixes or _lies_within(path, prefixes) else "path_not_allowed"


def _lower(text: str) -> str:
    """ASCII letters only: what Unicode takes for a letter changes."""
    return text.translate(_LOWER)


def _upper(text: str) -> str:
    return text.translate(_UPPER)


def _lies_within(path: str, prefixes: list[str]) -> bool:
    """Servers differ in how they read a path, so it has to be allowed in every reading."""
    readings = (path, _resolve_dots(path), _resolve_dots(_unescape_slashes(path)))
    return all(meant.startswith(tuple(prefixes)) for meant in readings)


def _unescape_slashes(path: str) -> str:
    r"""The path as those read it who decode ``%2f``, read ``\`` as a slash and
    take slashes in a row for one."""
    if "//" not in path and "\\" not in path and "%" not in path:
        return path
    return _SLASHES.sub("/", path)


def _resolve_dots(path: str) -> str:
    """The path without its ``.`` and ``..`` segments, also where they are percent-encoded."""
    if "." not in path and "%" not in path:
        return path
    _, *segments = _DOT.sub(".", path).split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


@lru_cache(maxsize=256)  # a plan asks the same few places; a history run again, the very same
def _split_url(url: str) -> tuple[str, str, int | None, str] | None:
    """(scheme, host, port, path); None for what is no URL, IPv6 literals among it (B-23)."""
    found = None if _CONTROL.search(url) else _URL.match(url)
    if found is None or _NO_HOST.search(found["place"]):
        return None
    scheme = found["scheme"].translate(_LOWER)
    host, _, port = found["place"].rpartition("@")[2].partition(":")
    if not host or not _PORT.fullmatch(port) or int(port or 0) > 65535:
        return None
    number = int(port) if port else {"http": 80, "https": 443}.get(scheme)
    return scheme, host.translate(_LOWER), number, found["path"] or "/"


def enforce_llm(grant: Any, kind: str, params: Any) -> str | None:
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


_WORKSPACE_OPS = {
    "workspace.resolve": "resolve",
    "workspace.list": "list",
    "workspace.read_ref": "read",
    "workspace.read_bytes": "read",
    "workspace.annotations_get": "read",
    "workspace.empty_root": "write",
    "workspace.write_bytes": "write",
    "workspace.remove": "write",
    "workspace.annotations_set": "write",
    "workspace.diff": "diff",
}
_NAMES_WORKSPACE = ("workspace.resolve", "workspace.empty_root")


def enforce_workspace(grant: Any, kind: str, params: Any) -> str | None:
    """Operations, workspace where the params name one, path prefix elsewhere; each optional."""
    op = _WORKSPACE_OPS[kind]
    if not _among(grant, "ops", op, _lower):
        return "op_not_allowed"
    if kind in _NAMES_WORKSPACE:
        named = _among(grant, "workspaces", _member(params, "workspace", str))
        return None if named else "workspace_not_allowed"
    path = _member(params, "prefix" if op == "diff" else "path", str) or ""
    prefixes = _allowed(grant, "path_prefixes")
    if not prefixes or any(_lies_below(path, prefix) for prefix in prefixes):
        return None
    return "path_not_allowed"


def _lies_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(prefix + "/")


_NATIVE: Mapping[str, tuple[Collection[str], Constraint]] = {
    HTTP_ENFORCER: (("http.request",), enforce_http),
    LLM_ENFORCER: (("llm.generate",), enforce_llm),
    WORKSPACE_ENFORCER: (_WORKSPACE_OPS, enforce_workspace),
}
_BY_CAP_TYPE: Mapping[str, tuple[Constraint, tuple[str, ...]]] = {
    "http.out": (enforce_http, ("hosts", "schemes", "methods", "ports", "path_prefixes")),
    "llm.basic": (enforce_llm, ("providers", "models", "max_tokens", "tools_allow")),
}
