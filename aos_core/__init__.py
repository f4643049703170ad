"""The runtime of AgentOS worlds: a library first.

``World`` is the way in; everything the app does can be written with it. Names are loaded at first
use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_core.adapters.receipt import Receipt
    from aos_core.errors import AosError
    from aos_core.hosts import LiveHost, SimulatedHost
    from aos_core.kernel.records import Record
    from aos_core.kernel.turn import Turn
    from aos_core.replay import Divergence, Report
    from aos_core.scenario import Run, run_scenario
    from aos_core.view import Pending, PlanView, StepView, View
    from aos_core.world import World

_HOMES = {
    "AosError": "errors",
    "Divergence": "replay",
    "LiveHost": "hosts",
    "Pending": "view",
    "PlanView": "view",
    "Receipt": "adapters.receipt",
    "Record": "kernel.records",
    "Report": "replay",
    "Run": "scenario",
    "SimulatedHost": "hosts",
    "StepView": "view",
    "Turn": "kernel.turn",
    "View": "view",
    "World": "world",
    "run_scenario": "scenario",
}

__all__ = [
    "AosError",
    "Divergence",
    "LiveHost",
    "Pending",
    "PlanView",
    "Receipt",
    "Record",
    "Report",
    "Run",
    "SimulatedHost",
    "StepView",
    "Turn",
    "View",
    "World",
    "run_scenario",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
