"""Ask for the name of a branch: of a fork, or another one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from aos_tui.dialogs.prompt import PromptDialog

NAME = re.compile(r"[A-Za-z0-9._~+,-]{1,80}")


class ForkDialog(PromptDialog):
    """Dismisses with the name of the new branch, or None.

    ``height``: where the fork is asked for. ``turn_start``: the first height of the turn that
    ``height`` lies inside; None, or a height after ``height``, where a turn ends at ``height``.
    ``taken``: names in use; ``why``: what it is for, in a sentence.
    """

    KEYS = (("enter", "submit", "Fork"),)
    REFUSED = "not forked"

    def __init__(
        self,
        height: int,
        turn_start: int | None,
        suggested: str,
        taken: Sequence[str],
        why: str = "",
    ) -> None:
        super().__init__(
            f"Fork at height {height}", "name of the new branch", suggested, self._problem
        )
        self._height = height
        self._start = height if turn_start is None else min(height, turn_start - 1)
        self._taken = frozenset(taken)
        self._why = f"{why} " if why else ""

    def says(self) -> str:
        inside = (
            f"Height {self._height} lies inside a turn, and a turn is never split: "
            f"the fork starts from the beginning of that turn. "
            if self._start < self._height
            else ""
        )
        return (
            f"{self._why}{inside}The new branch goes on after height {self._start}. "
            f"The past is never changed: this branch stays as it is."
        )

    def _problem(self, name: str) -> str | None:
        return name_problem(name, self._taken)


class RenameDialog(PromptDialog):
    """Dismisses with the new name of a branch, or None. ``taken``: names in use by others."""

    KEYS = (("enter", "submit", "Rename"),)
    REFUSED = "not renamed"
    SAYS = "Only the name changes: what is in the branch, and what goes on from it, stays."

    def __init__(self, name: str, taken: Sequence[str]) -> None:
        super().__init__(
            f"Rename {name}", "its new name", name, lambda text: name_problem(text, taken)
        )


def name_problem(name: str, taken: Collection[str]) -> str | None:
    """Why a branch cannot be called so, or None."""
    if not name:
        return "a branch needs a name"
    if len(name) > 80:
        return f"a name has at most 80 characters, this one {len(name)}"
    if not NAME.fullmatch(name) or name in (".", ".."):
        return "a name is made of letters A to Z, digits and . _ ~ + , -"
    if name in taken:
        return f"there is a branch {name} already"
    return None
