"""The state: a tree of every reducer, decoded, with what the last record changed marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from aos_tui.formatting import Piece, compact, pretty, short_name, to_text
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot

Path = tuple[str, ...]
_MISSING = object()


class StatePane(Pane, Tree[Path]):
    """A node's data is its path. Children are made when a node is unfolded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    def __init__(self, glyphs: Glyphs) -> None:
        self._glyphs = glyphs  # the tree draws its root while it is made
        super().__init__("state", data=(), id="state", classes="pane")
        self.show_root = False
        self.show_guides = False
        self.guide_depth = 2
        self.auto_expand = True
        self.border_title = "State"
        self._snapshot: Snapshot | None = None
        self._unfolded: dict[Path, bool] = {}

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; what is unfolded and the cursor stay."""
        old, self._snapshot = self._snapshot, snapshot
        names = ", ".join(map(short_name, snapshot.states))
        self.border_title = f"State  {names}" if names else "State"
        if old is not None and (old.states, old.before) == (snapshot.states, snapshot.before):
            return
        at = None if self.cursor_node is None else self.cursor_node.data
        self.clear()
        self.root.expand()
        if not snapshot.states:
            self.root.add_leaf(Text("no reducer has state yet", style="dim"), data=())
            return
        self._fill(self.root)
        self.call_after_refresh(self._go_back, at)

    def _go_back(self, path: Path | None) -> None:
        for node in self._below(self.root):
            if node.data == path or path is None:
                self.move_cursor(node)
                return

    def _below(self, node: TreeNode[Path]) -> Iterable[TreeNode[Path]]:
        for child in node.children:
            yield child
            yield from self._below(child)

    def _fill(self, node: TreeNode[Path]) -> None:
        """Add a node's children, and theirs where they are unfolded."""
        path = node.data or ()
        items = list(_items(self._value(path)))
        width = min(24, max((len(name) for name, _ in items), default=0))
        for name, value in items:
            inner = (*path, name)
            label = self._label(inner, value, width)
            if not any(True for _ in _items(value)):
                node.add_leaf(label, data=inner)
                continue
            child = node.add(label, data=inner)
            if self._unfolded.get(inner, len(inner) == 1):
                self._fill(child)
                child.expand()

    def _label(self, path: Path, value: Any, width: int) -> Text:
        before = self._value(path, before=True)
        changed = before is _MISSING or before != value
        mark: Piece = (f"{self._glyphs.change if changed else ' '} ", "change")
        if len(path) == 1:
            pieces = [(f"{path[0]} ", "name"), mark, (self._more(path[0], value), "dim")]
        else:
            pieces = [(f"{path[-1]:<{width}} ", ""), mark, (_short(value), "name")]
            if changed and before is not _MISSING and not isinstance(before, (dict, list)):
                pieces.append((f"  was {compact(before, 30)}", "dim"))
        return to_text(pieces, self.palette())

    def _more(self, reducer: str, value: Any) -> str:
        """How many of a keyed reducer's cells are listed, where not all are."""
        assert self._snapshot is not None
        more = self._snapshot.unshown.get(reducer, 0)
        return f"{len(value)} of {len(value) + more} cells" if more else ""

    def _value(self, path: Path, *, before: bool = False) -> Any:
        assert self._snapshot is not None
        value: Any = self._snapshot.before if before else self._snapshot.states
        for name in path:
            value = dict(_items(value)).get(name, _MISSING)
            if value is _MISSING:
                break
        return value

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Path]) -> None:
        """Make the children now."""
        event.stop()
        if event.node.data:
            self._unfolded[event.node.data] = True
            if not event.node.children:
                self._fill(event.node)

    def on_tree_node_collapsed(self, event: Tree.NodeCollapsed[Path]) -> None:
        """Remember it."""
        event.stop()
        if event.node.data:
            self._unfolded[event.node.data] = False

    def render_label(self, node: TreeNode[Path], base_style: Style, style: Style) -> Text:
        """The label with our own glyph for folded and unfolded nodes."""
        glyph = " "
        if node.allow_expand:
            glyph = self._glyphs.open if node.is_expanded else self._glyphs.input
        label = node.label.copy() if isinstance(node.label, Text) else Text(str(node.label))
        label.stylize_before(style)
        line = Text.assemble((f"{glyph} ", base_style), label)
        indent = self.guide_depth * max(0, len(node.data or ()) - 1)
        if (room := self.scrollable_content_region.width - indent) > 0:
            line.truncate(room, overflow="ellipsis")
        return line

    def on_resize(self, event: events.Resize) -> None:
        """Lines are cut where the pane ends."""
        self._invalidate()

    @property
    def selected(self) -> Path:
        """The path under the cursor: reducer, for a keyed one the cell, then members."""
        node = self.cursor_node
        return () if node is None or node.data is None else node.data

    def copied(self) -> tuple[str, str] | None:
        node = self.cursor_node
        if node is None or not node.data:
            return None
        value = self._value(node.data)
        return ".".join(node.data), value if isinstance(value, str) else pretty(value)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    """The named parts of a value; none of a scalar."""
    if isinstance(value, Mapping):
        return [(str(name), of) for name, of in value.items()]
    if isinstance(value, list):
        return [(str(index), of) for index, of in enumerate(value)]
    return ()


def _short(value: Any) -> str:
    return compact(value, 80) if value != "" else '""'
