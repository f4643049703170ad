"""The view model, and the only room of the app that holds a world.

``thread`` holds it, ``opening`` opens a branch, ``showing`` says which height is shown,
``following`` what others do to the branch, ``proving`` verifies it, ``branching`` goes to another,
``session`` acts on the world; each builds on the one before. ``reading`` makes what panes and
dialogs show of it, ``forms`` what one writes into it. ``aos_core`` is imported where it is first
needed: a world opens after the first paint.
"""

from __future__ import annotations

from aos_tui.session.session import Session
from aos_tui.session.thread import Closed

__all__ = ["Closed", "Session"]
