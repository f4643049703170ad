"""The one table of what a person can do: it feeds keys, footer, help and palette.

An action that applies ``anywhere`` is ``action_<name>`` of the world's screen; one of a pane is
that of the pane. Where its pane has not the focus, its key says so. Those of the ``picker`` are
that screen's own, where no world is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

ANYWHERE = "anywhere"
PANES = ("journal", "state", "plan", "pending")
PICKER = "picker"


@dataclass(frozen=True, slots=True)
class Action:
    """``keys`` as Textual names them, comma between; ``label`` for the footer, ``help`` a line.

    ``footer``: whether the footer shows it in every pane, where there is room; those of one
    ``group`` stand there under its name.
    ``own``: a key that Textual's own widget binds.
    """

    name: str
    keys: str
    label: str
    help: str
    where: str = ANYWHERE
    footer: bool = False
    own: bool = False
    group: str = ""

    @property
    def needs_world(self) -> bool:
        """Whether it does nothing before the world is open."""
        return self.where == ANYWHERE and not self.own and self.name not in _ALWAYS

    @property
    def id(self) -> str:
        """How keys.toml calls it."""
        return self.name if self.where == ANYWHERE else f"{self.where}.{self.name}"

    @property
    def key_text(self) -> str:
        """The keys in force as people call them."""
        keys = _remapped.get(self.id, self.keys)
        return " ".join(map(shown_key, keys.split(",")))


def shown_key(key: str) -> str:
    """A key, as Textual names it, as people call it."""
    return _SHOWN.get(key, key)


_ALWAYS = frozenset({"cancel", "help", "jump", "messages", "open_world", "quit", "zoom"})

_remapped: dict[str, str] = {}
"""The user's own keys by id."""


def remap(keys: Mapping[str, str]) -> None:
    """From now on the table speaks of these keys; they are bound by Textual's keymap."""
    _remapped.clear()
    _remapped.update(keys)


_SHOWN = {
    "comma": ",",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "dollar_sign": "$",
    "slash": "/",
    "question_mark": "?",
    "apostrophe": "'",
    "semicolon": ";",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "enter": "enter",
    "shift+tab": "shift+tab",
}

ACTIONS: tuple[Action, ...] = (
    Action("fire", "e", "fire", "fire an event: choose its schema, give its value", footer=True),
    Action("release", "r", "release",
           "release the selected receipts, or the one under the cursor", footer=True,
           group="release"),
    Action("release_all", "R", "release all", "release all receipts in the shown order",
           footer=True, group="release"),
    Action("shuffle", "s", "shuffle",
           "release all in a new random order; its seed is shown and repeats it", footer=True,
           group="shuffle"),
    Action("shuffle_by", "S", "shuffle by",
           "release all in the order of a seed or a permutation", footer=True, group="shuffle"),
    Action("edit", "i", "edit", "edit the receipt under the cursor, then release it", footer=True),
    Action("break_receipt", "x", "break",
           "answer the effect under the cursor wrongly: error, timeout, twice, late, never, ..",
           footer=True),
    Action("release_live", "L", "live",
           "perform what is selected for real, through its adapter; it asks the first time"),
    Action("undo", "u", "undo",
           "undo the last input: a new branch before it; what has inputs of its own is kept; "
           "right after x n: let the receipt come again"),
    Action("compare", "c", "compare",
           "compare this end with the branch before the last shuffle, fault, swap or undo"),
    Action("scenario_step", "t", "step", "play the next step of the scenario", footer=True,
           group="play"),
    Action("scenario_all", "T", "play", "play the scenario to its end; esc stops it", footer=True,
           group="play"),
    Action("scenarios", "O", "scenarios",
           "list the scenarios of this world, and begin one on a branch of its own"),
    Action("verify", "v", "verify",
           "verify: run the whole journal again, with the code it recorded (not what is on disk), "
           "and compare every record and root", footer=True),
    Action("build", "b", "build",
           "build what was edited, then ask whether to swap to what is on disk, or to rehearse it"),
    Action("rehearse", "", "rehearse",
           "run the whole history again with what is on disk, and see what would differ"),
    Action("back", "comma", "back", "one record back", footer=True, group="go"),
    Action("forward", "full_stop", "on", "one record forward", footer=True,
           group="go"),
    Action("turn_back", "less_than_sign", "turn back", "to the end of the turn before"),
    Action("turn_on", "greater_than_sign", "turn on",
           "to the end of the next turn; inside a turn, to its end"),
    Action("first", "0", "first", "to genesis, height 0"),
    Action("last", "dollar_sign", "last", "to the last record"),
    Action("go_to", "g", "go to", "go to a height"),
    Action("follow", "f", "follow", "follow the live end"),
    Action("fork", "F", "fork", "fork at the shown height into a new branch, and go on there"),
    Action("branches", "B", "branches",
           "list the branches: go on with another one, rename, delete some, bring back"),
    Action("diff", "D", "diff", "compare two branches or heights"),
    Action("why", "w", "why",
           "why the selected record is there, and what it led to: walk on, down to a field"),
    Action("history", "H", "history",
           "every height at which the field selected in the state pane changed; jump there"),
    Action("property", "p", "property",
           "what should hold at every height: watched, and where it first fails"),
    Action("mark_height", "m", "mark", "mark the shown height, or no longer"),
    Action("to_mark", "apostrophe", "to mark", "back to the mark before the shown height"),
    Action("filter", "slash", "find",
           "filter the journal: kind:receipt schema:Agg* after:100 before:200 text:timeout",
           footer=True),
    Action("next_hit", "n", "next hit", "to the next record that the filter finds, or last found"),
    Action("previous_hit", "N", "previous hit",
           "to the previous record that the filter finds, or last found"),
    Action("copy", "y", "copy",
           "copy the value under the cursor, to the clipboard and to .aos/copied.txt"),
    Action("export", "ctrl+s", "export",
           "write the session as a scenario, a test, a report to mail, or a screenshot"),
    Action("jump", "semicolon", "jump",
           "a letter on every pane, and on rows: pressing it goes there"),
    Action("open_world", "o", "worlds",
           "open another world, or make a new one; this one stays open until the other one is"),
    Action("zoom", "z", "zoom",
           "give the focused pane the room of all (tab: the next one), and back"),
    Action("messages", "exclamation_mark", "messages",
           "what was said, the newest first: errors too, which a key or a dialog has put away"),
    Action("cancel", "escape", "stop",
           "put away what is said; stop what runs, close the filter, leave the zoomed pane, the "
           "tour"),
    Action("help", "question_mark", "help",
           "this help; in a dialog its own keys, there in a text field f1", footer=True),
    Action("quit", "q", "quit", "quit: nothing is lost, the journal has it", footer=True),
    Action("palette", "ctrl+p", "palette", "find any of these by name", own=True),
    Action("focus_next", "tab", "next pane", "to the next pane (shift+tab: the one before)",
           own=True),
    Action("move", "up,down,j,k", "move", "to another record; every pane shows its height",
           "journal", own=True),
    Action("open", "enter", "open", "open the record: value, hashes, CBOR, causes", "journal"),
    Action("fold", "space", "fold", "fold the turn under the cursor to one line, or unfold it",
           "journal"),
    Action("fold_all", "C", "fold all", "fold every turn to one line, or unfold all", "journal"),
    Action("unfold", "space", "unfold", "unfold or fold the value", "state"),
    Action("open_value", "enter", "open", "open the value whole; unfold one that has parts",
           "state"),
    Action("display", "d", "display",
           "the next display: tree, JSON, CBOR, or what differs", "state"),
    Action("against", "M", "against",
           "compare with the nearest marked height, or with what was before", "state"),
    Action("find", "slash", "find", "find a cell of a keyed reducer by its key, as one types",
           "state"),
    Action("copy_path", "Y", "copy path", "copy the value with its path", "state"),
    Action("move_state", "up,down,left,right,h,j,k,l", "move",
           "to another line; in the tree, into a value and out; in text, sideways", "state",
           own=True),
    Action("open_step", "enter", "open",
           "open the step: its definition, what it was given and what it gave", "plan"),
    Action("previous_plan", "left_square_bracket", "previous", "the plan instance before", "plan",
           group="instance"),
    Action("next_plan", "right_square_bracket", "next", "the next plan instance", "plan",
           group="instance"),
    Action("choose_plan", "space", "choose", "choose among the plan instances", "plan"),
    Action("toggle_list", "d", "list", "show the plan as a list, or as a graph", "plan"),
    Action("walk", "up,down,left,right,h,j,k,l", "walk", "to a step beside this one", "plan",
           own=True),
    Action("pan", "shift+up,shift+down,shift+left,shift+right", "pan",
           "move the picture; the mouse drags it", "plan", own=True),
    Action("mark", "space", "select", "select the effect, or no longer", "pending"),
    Action("mark_all", "a", "all", "select all effects; none, where all are selected", "pending"),
    Action("move_down", "J", "later", "move the effect down in the order of release", "pending",
           group="order"),
    Action("move_up", "K", "earlier", "move the effect up in the order of release", "pending",
           group="order"),
    Action("open_intent", "enter", "open", "open the record that asked for the effect", "pending",
           own=True),
    Action("pick", "enter", "open", "open the world, or do what the line says", PICKER,
           footer=True),
    Action("move_in_list", "up,down,pageup,pagedown", "move", "to another line", PICKER, own=True),
    Action("forget", "delete", "forget", "take the world off the recent ones", PICKER,
           footer=True),
    Action("help", "question_mark", "help", "this help", PICKER, footer=True),
    Action("leave", "escape", "leave",
           "empty the filter; else back to the world, or quit where none is open", PICKER,
           footer=True),
    Action("quit", "ctrl+q", "quit", "quit", PICKER, own=True),
)  # fmt: skip


_BY_ID: Mapping[str, Action] = {of.id: of for of in ACTIONS}


def bindings_of(where: str) -> list[BindingType]:
    """The bindings of a pane; of the screen: those of every place, and for keys of panes a word
    on where they work."""
    found: list[BindingType] = [
        _binding(action) for action in ACTIONS if action.where == where and _binds(action)
    ]
    if where == ANYWHERE:
        taken = {key for action in ACTIONS if action.where == where for key in _keys(action)}
        elsewhere = {
            key: action
            for action in ACTIONS
            if action.where in PANES
            for key in _keys(action)
            if key not in taken
        }
        found += [Binding(key, f"elsewhere('{key}')", show=False) for key in elsewhere]
    return found


_FIRST: Mapping[str, str] = {
    "journal": "scenario_step fire journal.open release break_receipt undo why verify compare "
               "branches filter back journal.fold",
    "state": "state.open_value state.display history state.find back copy scenario_step property",
    "plan": "plan.open_step plan.toggle_list plan.previous_plan zoom back scenario_step release "
            "why",
    "pending": "release shuffle break_receipt edit release_live pending.mark pending.move_down "
               "pending.open_intent",
}  # fmt: skip
"""By pane, what somebody needs first who is new there: 80 columns have room for about eight."""
_LAST = ("help", "quit")
"""What a footer always ends with: the way to all the others, and out."""

Shown = tuple[str, tuple[Action, ...]]
"""(label, actions) that stand together in a footer."""


def footer_of(where: str) -> tuple[list[Shown], list[Shown]]:
    """What the footer shows while a pane has the focus: what comes first, the most needed first,
    as far as there is room; and what always ends it."""
    first = [_BY_ID[id] for id in _FIRST.get(where, "").split()]
    taken = {of.keys for of in ACTIONS if of.where == where}  # where a pane has its own for a key
    everywhere = [
        of
        for of in ACTIONS
        if of.footer and (of.where == where or (of.where == ANYWHERE and of.keys not in taken))
    ]
    if where == PICKER:
        everywhere = [of for of in everywhere if of.where == PICKER]
    more = [of for of in ACTIONS if of.where == where and not of.own]
    shown: dict[str, Shown] = {}
    for action in (*first, *everywhere, *more):
        together = [of for of in ACTIONS if of.group == action.group and of.where == action.where]
        whole = tuple(together) if action.group else (action,)
        shown.setdefault(whole[0].id, (action.group or action.label, whole))
    last = [of for of in shown.values() if of[1][0].name in _LAST and where != PICKER]
    return [of for of in shown.values() if of not in last], last


NEED_WORLD = frozenset(of.name for of in ACTIONS if of.needs_world)
"""The actions of the world's screen that need a world that is open."""


def key_says(key: str) -> str:
    """Where a key of a pane works, for when it is pressed elsewhere."""
    places = [f"{of.where}: {of.help}" for of in ACTIONS if of.where in PANES and key in _keys(of)]
    return f"{_SHOWN.get(key, key)} does nothing here. In {'; in '.join(places)}"


def help_groups(focused: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(heading, [(keys, help)]), the focused pane's first; the picker has its own alone."""
    order = [focused, ANYWHERE, *(pane for pane in PANES if pane != focused)]
    if focused == PICKER:
        order = [PICKER]
    titles = {name: f"In the {name} pane" for name in PANES}
    titles |= {ANYWHERE: "Anywhere", PICKER: "Where worlds are picked"}
    return [
        (titles[where], [(of.key_text, of.help) for of in ACTIONS if of.where == where and of.keys])
        for where in dict.fromkeys(order)
        if where in titles
    ]


def _keys(action: Action) -> list[str]:
    return action.keys.split(",") if action.keys else []


def _binds(action: Action) -> bool:
    return bool(action.keys) and not action.own


def _binding(action: Action) -> Binding:
    return Binding(
        action.keys,
        action.name,
        action.label,
        show=action.footer,
        id=action.id,
    )
