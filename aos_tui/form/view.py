"""The fields of a value on the screen: a line each, what is inside them indented below.

What is edited is written into the nodes at once; the view only shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static, TextArea

from aos_core.air.misfit import Misfit
from aos_core.plain import clean
from aos_tui.form import leaf
from aos_tui.form.fields import AddButton, Drop, LineField, LinesField, Pick, Picked, Tick
from aos_tui.form.nodes import SHOWN_ROWS, Choice, Flag, Group, Leaf, Maybe, Node, Pairs, Rows

WIDEST = 22
"""Cells that the longest name of a field may take."""


class FormView(VerticalScroll, can_focus=False):
    """The fields of a node. Posts :class:`Edited` whenever one of them says something else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "the next field"),
        Binding("up", "app.focus_previous", "the field before"),
        Binding("ctrl+n,f9", "add_row", "add a row to the list"),
        Binding("f8", "remove_row", "remove the row"),
        Binding("f4", "renote", "write the value in another notation"),
    ]

    class Edited(Message):
        """The value is another one."""

    def __init__(self, root: Node, title: str) -> None:
        super().__init__()
        self._root, self._title = root, title

    def compose(self) -> ComposeResult:
        width = min(WIDEST, len(self._title))
        yield Slot(self._title, self._root, width, outermost=True)

    def on_mount(self) -> None:
        self.judge()

    def judge(self) -> None:
        """Say at each field what is wrong with it."""
        wrongs = {id(node): wrong for node, _, wrong in self._root.wrongs()}
        for slot in self.query(Slot):
            slot.judge(wrongs)

    def edited(self) -> None:
        """A field has written into its node."""
        self.judge()
        self.post_message(self.Edited())

    def focus_wrong(self) -> bool:
        """Go to the first field that does not read; whether there is one."""
        node = next((node for node, _, _ in self._root.wrongs()), None)
        for slot in self.query(Slot):
            if node is not None and slot.holds(node):
                slot.focus_first()
                return True
        return False

    @on(Input.Submitted)
    def _go_on(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    async def action_add_row(self) -> None:
        """Another row of the list where the cursor is."""
        slot = next((of for of in self._around() if of.rows is not None), None)
        if slot is None:
            self.notify("there is no list or map here to add to")
        else:
            await slot.add_row()

    async def action_remove_row(self) -> None:
        """Remove the row where the cursor is."""
        slot = next((of for of in self._around() if of.owner is not None), None)
        if slot is None or slot.owner is None:
            self.notify("there is no row of a list or map here to remove")
        else:
            await slot.owner.remove_row(slot)

    async def action_renote(self) -> None:
        """Write the value where the cursor is in another notation."""
        slot = next(iter(self._around()), None)
        if slot is None or not await slot.renote():
            self.notify("what is here has one notation")

    def _around(self) -> Iterator[Slot]:
        """The slots that the cursor is in, the innermost first."""
        focused = self.screen.focused
        if focused is not None:
            yield from (of for of in focused.ancestors_with_self if isinstance(of, Slot))


class Slot(Vertical):
    """A node under its name: a line with what can be decided there, what is wrong, and what is
    inside."""

    def __init__(
        self,
        name: str,
        node: Node,
        width: int = 0,
        *,
        key: Leaf | None = None,
        owner: Slot | None = None,
        outermost: bool = False,
    ) -> None:
        """``width``: cells of the column of names. ``key``: of an entry of a map, which then stands
        for the name. ``owner``: the list or map that this is a row of."""
        super().__init__(classes="slot")
        self._label, self._node, self._width = name, node, width
        self._key, self.owner, self._outermost = key, owner, outermost

    # -- what there is ----------------------------------------------------------------------

    @property
    def _item(self) -> Node | None:
        """What stands in the line beside the tick of an option."""
        return self._node.item if isinstance(self._node, Maybe) else self._node

    @property
    def rows(self) -> Rows | Pairs | None:
        """The list or map that this shows."""
        return self._item if isinstance(self._item, Rows | Pairs) else None

    def holds(self, node: Node) -> bool:
        """Whether a node is decided in this line."""
        return node in (self._key, self._node, self._item)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line") as line:
            line.display = not (self._outermost and isinstance(self._node, Group))
            yield from self._heading()
            yield from self._editors()
            yield Label(self._hint(), classes="hint", markup=False)
            if self.owner is not None:
                yield Drop()
        wrong = Static(classes="wrong", markup=False)
        wrong.styles.padding = (0, 0, 0, self._width + 1)
        yield wrong
        with Vertical(classes="body") as body:
            body.set_class(self._outermost, "-outermost")
            yield from self._inside()

    def _heading(self) -> Iterable[Widget]:
        if self._key is None:
            label = Label(clean(self._label), classes="name", markup=False)
            label.styles.width = max(self._width, 1)
            yield label
            return
        key = LineField(self._key.text)
        key.add_class("key")
        yield key

    def _editors(self) -> Iterable[Widget]:
        if isinstance(self._node, Maybe):
            none = "left out" if self._node.left_out else "none"
            yield Tick(self._item is not None, (none, ""))
        match self._item:
            case Leaf(kind, notation, text):
                if notation == leaf.LINES:
                    yield LinesField(text)
                else:
                    yield LineField(text, numeric=kind in NUMERIC, takes_lines=kind == "text")
            case Flag(on):
                yield Tick(on, ("false", "true"))
            case Choice(arms=arms, tag=tag) if tag is not None:
                yield Pick(self._label, list(arms), tag)

    def _inside(self) -> Iterable[Widget]:
        """What is inside the node, and not in its line."""
        item = self._item
        match item:
            case Group():
                yield from _slots(item)
            case Choice(payload=Group() as group):
                yield from _slots(group)
            case Choice(payload=payload, tag=tag) if payload is not None and tag is not None:
                yield Slot(tag, payload, len(tag))
            case Maybe():
                yield Slot("some", item, len("some"))
            case Rows() | Pairs():
                yield from map(self._row, range(min(SHOWN_ROWS, len(item.items))))
                more = len(item.items) - SHOWN_ROWS
                if more > 0:
                    yield Static(f"{more} more: f2 shows all as JSON", classes="note")
                yield AddButton()

    def _row(self, at: int) -> Slot:
        rows = self.rows
        assert rows is not None
        if isinstance(rows, Pairs):
            key, of = rows.items[at]
            return Slot("", of, key=key, owner=self)
        return Slot(str(at), rows.items[at], len(str(len(rows.items))), owner=self)

    def _hint(self) -> str:
        """What kind of value goes here, and what it says otherwise."""
        match self._item:
            case Leaf(kind, notation, text):
                more = leaf.also(kind, text, notation)
                shown = kind if notation in (kind, leaf.TEXT, leaf.LINES) else notation
                switch = " f4" if len(leaf.notations(kind)) > 1 and kind != "text" else ""
                return f"{f'= {more}  ' if more else ''}{shown}{switch}"
            case Rows(items=items, is_set=is_set):
                return f"{'a set' if is_set else 'a list'} of {len(items)}{_removable(items)}"
            case Pairs(items=items):
                return f"a map of {len(items)}{_removable(items)}"
            case None:
                return _kind_text(self._node)
        return ""

    # -- what happens -----------------------------------------------------------------------

    def judge(self, wrongs: dict[int, str]) -> None:
        """Show what is wrong in this line, ``wrongs`` by the node's ``id``."""
        mine = (self._key, self._node, self._item)
        found = next((wrongs[id(node)] for node in mine if id(node) in wrongs), "")
        wrong = self.query_one(".wrong", Static)
        wrong.update(f"! {clean(found)}" if found else "")
        wrong.display = bool(found)

    def focus_first(self) -> None:
        """Go to what is decided here first."""
        for widget in self.query("*"):
            if widget.focusable:
                # where a row is new, Textual would scroll by where it was laid out to before
                widget.focus(scroll_visible=False)
                self.call_after_refresh(widget.scroll_visible, animate=False)
                return

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _type(self, event: Input.Changed | TextArea.Changed) -> None:
        text = event.control.text if isinstance(event, TextArea.Changed) else event.value
        target = self._key if event.control.has_class("key") else self._item
        event.stop()
        if isinstance(target, Leaf) and target.text != text:
            target.text = text
            self.query_one(".hint", Label).update(self._hint())
            self._form.edited()

    @on(LineField.Lines)
    async def _take_lines(self, event: LineField.Lines) -> None:
        event.stop()
        if isinstance(self._item, Leaf):
            self._item.notation, self._item.text = leaf.LINES, event.text
            await self._anew(LinesField)

    @on(Picked.Changed)
    async def _decide(self, event: Picked.Changed) -> None:
        event.stop()
        match event.by, self._node, self._item:
            case Drop(), _, _:
                assert self.owner is not None
                await self.owner.remove_row(self)
                return
            case Tick() as tick, Maybe() as maybe, _ if tick is self.query(Tick).first():
                maybe.put(tick.on)
                await self._anew(Tick)
                return
            case Tick() as tick, _, Flag() as flag:
                flag.on = tick.on
            case Pick() as pick, _, Choice() as choice:
                choice.choose(pick.chosen)
                self._form.edited()  # before what takes a while: a key may come in between
                await self._refill()
                self._form.judge()
                return
        self._form.edited()

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        if isinstance(event.button, AddButton):
            event.stop()
            await self.add_row()

    async def renote(self) -> bool:
        """Write the value in its next notation; whether it has another."""
        if not isinstance(self._item, Leaf):
            return False
        try:
            self._item.renote()
        except Misfit:
            return False
        lines = self._item.notation == leaf.LINES
        await self._anew(LinesField if lines else LineField)
        return True

    async def add_row(self) -> None:
        """Another row, with the cursor in it."""
        rows = self.rows
        assert rows is not None
        rows.add()
        if len(rows.items) > SHOWN_ROWS:
            await self._refill()
        else:
            button = self._body.query_children(AddButton).first()
            row = self._row(len(rows.items) - 1)
            await self._body.mount(row, before=button)
            row.focus_first()
        self.query_one(".hint", Label).update(self._hint())
        self._form.edited()

    async def remove_row(self, row: Slot) -> None:
        """Remove a row; the cursor goes to the next."""
        rows = self.rows
        assert rows is not None
        at = [of for of in self._body.children if isinstance(of, Slot)].index(row)
        del rows.items[at]
        await self._refill()
        self.query_one(".hint", Label).update(self._hint())
        left = [of for of in self._body.children if isinstance(of, Slot)]
        if left:
            left[min(at, len(left) - 1)].focus_first()
        else:
            self._body.query_children(AddButton).first().focus()
        self._form.edited()

    async def _refill(self) -> None:
        """Show anew what is inside."""
        async with self.batch():
            await self._body.remove_children()
            await self._body.mount_all(self._inside())

    async def _anew(self, focus: type[Widget]) -> None:
        """Show all of it anew, with the cursor in the first such widget."""
        await self.recompose()
        self.query(focus).first().focus()
        self._form.edited()

    @property
    def _body(self) -> Vertical:
        return self.query_children(".body").first(Vertical)

    @property
    def _form(self) -> FormView:
        return next(of for of in self.ancestors if isinstance(of, FormView))


NUMERIC = ("nat", "int", "duration", "dec128")


def _slots(group: Group) -> Iterable[Widget]:
    """The fields of a record under each other, and what it has beside them."""
    width = min(WIDEST, max(map(len, group.fields), default=0))
    for name, node in group.fields.items():
        yield Slot(name, node, width)
    if group.extra:
        names = clean(", ".join(group.extra))
        yield Static(f"also {names}: f2 shows it", classes="note", markup=False)
    if not group.fields:
        yield Static("nothing to fill in", classes="note")


def _removable(items: list[object] | list[Node] | list[tuple[Leaf, Node]]) -> str:
    return ", f8 removes" if items else ""


def _kind_text(node: Node) -> str:
    from aos_tui.dialogs.types import type_text

    return clean(type_text(node.of)[:24]) if isinstance(node, Maybe) else ""
