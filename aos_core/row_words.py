"""What a line of the journal says of a record, without its signs: so it is found by what it shows.

The index keeps it beside a record's fields. The app's own lines have colours and signs as well
(``aos_tui.formatting.summary``); a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aos_core.effect_words import target
from aos_core.plain import short_name
from aos_core.words import key_text


def row_words(plain: Mapping[str, Any], about: str, outcome: str | None = None) -> str:
    """The words of a record as the journal keeps it. ``about``: of a receipt what it answers, as
    :func:`asked_for` has it, of a plan's record the number of its instance as ``#0``; ``outcome``:
    of a receipt."""
    match plain["k"]:
        case "event":
            value = plain["value"]
            tag = value.get("$tag", "") if isinstance(value, Mapping) else ""
            return _joined(short_name(plain["schema"]), tag, _key(plain))
        case "step":
            same = "unchanged" if plain.get("before") == plain.get("after") else ""
            return _joined(short_name(plain["reducer"]), same, _key(plain))
        case "receipt":
            came = "" if outcome == "settled" else outcome
            return _joined(about, answered(plain["status"], plain["payload"]), came)
        case "decision":
            allowed = plain["cap"] == "allow" and plain.get("policy") in (None, "allow")
            return _joined("allow" if allowed else "deny", plain["grant"], plain.get("code"))
        case "intent":
            return _joined(target(plain["kind"], plain["params"]), plain["kind"])
        case "plan_started":
            return _joined(short_name(plain["plan"]), about, "started")
        case "plan_step":
            return _joined(about, plain["step"], plain["state"])
        case "plan_ended":
            return _joined(about, "ended", plain["status"], plain.get("error_code"))
        case "manifest_replaced":
            return f"swap {', '.join(map(short_name, plain['changed'])) or 'settings'}"
        case "fault":
            return _joined(plain["code"], plain["text"])
    return ""


def asked_for(plain: Mapping[str, Any]) -> str:
    """What the receipts of an intent's record are said to be for."""
    return target(plain["kind"], plain["params"], host=False)


def answered(status: str, payload: Any) -> str:
    """How a receipt went: the code of HTTP where all is well, else its status."""
    code = payload.get("status") if isinstance(payload, Mapping) else None
    return str(code) if status == "ok" and isinstance(code, int) else status


def _joined(*words: Any) -> str:
    return " ".join(str(of) for of in words if of)


def _key(plain: Mapping[str, Any]) -> str:
    key = plain.get("key")
    shown = key_text(key) if isinstance(key, bytes) else "0x"
    return "" if shown.startswith("0x") else f"[{shown}]"
