"""The built-in ``sys/*`` definitions of AIR v1, written in ``sys.air``.

Schemas, effects, caps and modules that every world may refer to and none may define.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from aos_core.air.builtins.notation import parse

RECEIPT_EVENTS: Final[Mapping[str, str]] = {
    "timer.set": "sys/TimerFired@1",
    "blob.put": "sys/BlobPutResult@1",
    "blob.get": "sys/BlobGetResult@1",
}
"""By effect, the event that brings a reducer its receipt; its key is the asking cell's (B-15)."""

ALLOW_ALL: Final = "sys/CapAllowAll@1"
HTTP_ENFORCER: Final = "sys/CapEnforceHttpOut@1"
LLM_ENFORCER: Final = "sys/CapEnforceLlmBasic@1"
WORKSPACE_ENFORCER: Final = "sys/CapEnforceWorkspace@1"
GOVERNANCE_ENFORCER: Final = "sys/CapEnforceGovernance@1"
"""Enforcers that are native to the kernel."""

CHECK_INPUT: Final = "sys/CapCheckInput@1"
CHECK_OUTPUT: Final = "sys/CapCheckOutput@1"
"""What an enforcer is asked, and what it answers."""


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """The built-ins as raw AIR nodes with ``$kind``: schemas, effects, caps, then modules.

    Read once and shared: treat every node as read-only. Defaults are left out (a cap without
    ``enforcer``), and the ``wasm_hash`` of a module is the all-zero placeholder.
    """
    text = resources.files(__package__).joinpath("sys.air").read_text("utf-8")
    return tuple(parse(text, "sys.air"))
