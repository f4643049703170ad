"""The verbs of the world's screen: one ``action_`` method for each line of the action table.

Nothing here waits: dialogs answer through callbacks, and what changes the world runs as a worker.
"""

from __future__ import annotations

from aos_tui.verbs.choosing import Choosing
from aos_tui.verbs.coding import Coding
from aos_tui.verbs.experimenting import Experimenting
from aos_tui.verbs.exporting import Exporting
from aos_tui.verbs.inquiring import Inquiring


class Verbs(Choosing, Coding, Experimenting, Exporting, Inquiring):
    """What one can do with a world. The panes are the subclass's."""


__all__ = ["Verbs"]
