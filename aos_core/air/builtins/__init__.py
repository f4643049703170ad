"""The built-in ``sys/*`` definitions of AIR v1, written in ``sys.air``.

Schemas, effects, caps and modules that every world may refer to and none may define.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from aos_core.air.builtins.notation import parse


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """The built-ins as raw AIR nodes with ``$kind``: schemas, effects, caps, then modules.

    Read once and shared: treat every node as read-only. Defaults are left out (a cap without
    ``enforcer``), and the ``wasm_hash`` of a module is the all-zero placeholder.
    """
    text = resources.files(__package__).joinpath("sys.air").read_text("utf-8")
    return tuple(parse(text, "sys.air"))
