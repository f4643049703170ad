"""What a ``fault`` record says in words: one fixed sentence a code, since records are for ever.

What went wrong exactly, with names and numbers, is told beside the records (``Turn.details``): it
is made anew whenever a turn is run, in the words of the version that runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
    "bad_event": "an event that was raised does not fit its schema",
    "bad_output": "the output is not what a step gives",
    "bad_params": "the params of an effect do not fit their schema",
    "bad_state": "the state does not fit its schema",
    "effect_not_declared": "the reducer does not declare this effect",
    "grant_not_found": "there is no such grant",
    "memory_limit": "the memory limit leaves no room",
    "origin_not_allowed": "this effect may not be asked for from here",
    "out_of_fuel": "the step ran out of fuel",
    "output_limit": "the output is larger than the output limit",
    "slot_not_bound": "the slot is bound to no grant",
    "task_budget": "the turn needs more tasks than its limit allows",
    "too_many_effects": "a step may ask for one effect at most",
    "unknown_effect": "the manifest does not list this effect",
}
DENIED: Final = "the effect was denied"
"""Of every other code: it is that of a denial, of the policy or of a grant's enforcer."""


def sentence(code: str, text: str) -> str:
    """The words of a fault: of a trap ``text``, which is the module's own panic or a fixed sentence
    for the kind of trap; else the sentence of its code."""
    return text if code == "trap" else SENTENCES.get(code, DENIED)
