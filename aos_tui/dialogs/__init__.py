"""The dialogs: each a modal screen that is given plain values and dismisses with a plain result.

They know neither the app nor worlds; forms know of ``aos_core`` how values are written. A name is
imported when it is first used, so that no dialog costs anything before the first paint.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_tui.dialogs.branches import BranchesDialog, BranchOption
    from aos_tui.dialogs.choice import BreakDialog, InstancesDialog, PastDialog
    from aos_tui.dialogs.comparison import ComparisonDialog
    from aos_tui.dialogs.confirm import ConfirmDialog
    from aos_tui.dialogs.event import EventDialog
    from aos_tui.dialogs.export import ExportDialog, SavedDialog
    from aos_tui.dialogs.failure import FailureDialog
    from aos_tui.dialogs.folder import FolderDialog
    from aos_tui.dialogs.fork import ForkDialog, RenameDialog
    from aos_tui.dialogs.help import HelpDialog
    from aos_tui.dialogs.jump import JumpScreen
    from aos_tui.dialogs.lost import LostDialog
    from aos_tui.dialogs.new import NewDialog
    from aos_tui.dialogs.prompt import PromptDialog
    from aos_tui.dialogs.proof import ProofDialog
    from aos_tui.dialogs.property import PropertyDialog
    from aos_tui.dialogs.receipt import ReceiptDialog
    from aos_tui.dialogs.record import RecordDialog, RecordPage
    from aos_tui.dialogs.rehearsal import RehearsalDialog
    from aos_tui.dialogs.scenarios import ScenariosDialog
    from aos_tui.dialogs.shuffle import ShuffleDialog
    from aos_tui.dialogs.swap import SwapDialog
    from aos_tui.dialogs.types import type_text
    from aos_tui.dialogs.value import ValueDialog
    from aos_tui.dialogs.why import WhyDialog, WhyLine, WhyPage

__all__ = [
    "BranchOption",
    "BranchesDialog",
    "BreakDialog",
    "ComparisonDialog",
    "ConfirmDialog",
    "EventDialog",
    "ExportDialog",
    "FailureDialog",
    "FolderDialog",
    "ForkDialog",
    "HelpDialog",
    "InstancesDialog",
    "JumpScreen",
    "LostDialog",
    "NewDialog",
    "PastDialog",
    "PromptDialog",
    "ProofDialog",
    "PropertyDialog",
    "ReceiptDialog",
    "RecordDialog",
    "RecordPage",
    "RehearsalDialog",
    "RenameDialog",
    "SavedDialog",
    "ScenariosDialog",
    "ShuffleDialog",
    "SwapDialog",
    "ValueDialog",
    "WhyDialog",
    "WhyLine",
    "WhyPage",
    "type_text",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rooms = {"type_text": "types", "RenameDialog": "fork", "SavedDialog": "export"}
    rooms |= {
        "BranchOption": "branches",
        "JumpScreen": "jump",
        "RecordPage": "record",
        "WhyLine": "why",
        "WhyPage": "why",
    }
    rooms |= dict.fromkeys(("BreakDialog", "InstancesDialog", "PastDialog"), "choice")
    room = rooms.get(name) or name.removesuffix("Dialog").lower()
    return getattr(import_module(f"{__name__}.{room}"), name)
