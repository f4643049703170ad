"""One of every dialog, with long words and markup in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rich.text import Text
from textual.screen import ModalScreen

from aos_tui.building import BuildResult
from aos_tui.dialogs import (
    BranchesDialog,
    BranchOption,
    BreakDialog,
    ComparisonDialog,
    ConfirmDialog,
    EventDialog,
    ExportDialog,
    FailureDialog,
    ForkDialog,
    HelpDialog,
    InstancesDialog,
    LostDialog,
    PastDialog,
    PromptDialog,
    ProofDialog,
    PropertyDialog,
    ReceiptDialog,
    RecordDialog,
    RecordPage,
    RehearsalDialog,
    SavedDialog,
    ScenariosDialog,
    ShuffleDialog,
    SwapDialog,
    ValueDialog,
    WhyDialog,
    WhyLine,
    WhyPage,
)
from aos_tui.dialogs.branches import Change
from aos_tui.dialogs.value_editor import ValueEditor
from aos_tui.state_lines import Field
from tests.tui.dialogs.hosting import Host

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
TARGET = {"record": {"name": TEXT, "url": TEXT}}
START = {"variant": {"Start": {"record": {"topic": TEXT, "primary": TARGET}}, "Stop": {"unit": {}}}}
SCHEMAS = [("demo/Event@1", START, {"Stop": None}), ("demo/Tick@1", NAT, 7)]
HTTP = {"record": {"status": {"int": {}}, "body": {"option": TEXT}}}


def editor(app: Host) -> ValueEditor:
    return app.dialog.query_one(ValueEditor)


def failure(drawn: str) -> FailureDialog:
    """What is wrong with a build; ``drawn``: the compiler's own words."""
    wrong = BuildResult((), "build_failed", "a [crate] does not compile", "mend it", drawn)
    return FailureDialog(wrong, "The world goes on.")


def event(**more: Any) -> EventDialog:
    return EventDialog(SCHEMAS, None, **more)


def receipt(validate: Callable[[str, Any, int | None], str | None] | None = None) -> ReceiptDialog:
    return ReceiptDialog("Receipt 2", "ok", {"status": 200, "body": None}, 5, HTTP, validate)


def page(height: int) -> RecordPage:
    return RecordPage(
        height,
        f"Record {height} [receipt]",
        [("Value", "{'a': [1]}"), ("CBOR", "h'00'\n" * 60)],
        [(f"{height - 1} intent [GET]", height - 1), (f"{height + 1} plan", height + 1)],
    )


async def look(height: int) -> RecordPage | None:
    return page(height) if height < 20 else None


def record() -> RecordDialog:
    return RecordDialog(page(17), look)


def why_page(height: int) -> WhyPage:
    lines = [WhyLine(Text(f"{of} record [b]"), of) for of in (height - 1, height, height + 1)]
    field = Field("Rab", b"", ("a", "b"), "a.b")
    return WhyPage(height, [*lines, WhyLine(Text("a.b  1 -> 2"), height, field)], 1, False)


async def look_why(height: int) -> WhyPage | None:
    return why_page(height)


def why() -> WhyDialog:
    return WhyDialog(why_page(17), look_why, lambda field, height, answer: answer(len(field.title)))


def branches(change: Change | None = None) -> BranchesDialog:
    def lines(whole: bool, selected: Collection[str]) -> list[BranchOption]:
        def line(
            name: str, text: str, state: str = "other", *, needed: bool = False
        ) -> BranchOption:
            mark = "x " if name in selected else "  "
            return BranchOption(Text(mark + text), name, state, needed=needed)

        found = [
            line("a", "a", "present", needed=True), line("b", "b [b]"),
            line("above", "above", needed=True), line("bad", "bad", "unreadable"),
        ]  # fmt: skip
        if not whole:
            return [*found, BranchOption(Text("2 more, 1 deleted"), hidden=3)]
        made = [line(name, name) for name in ("a-1", "a-2")]
        return [*found, *made, line("gone", "gone", "removed")]

    return BranchesDialog(lines, change or (lambda of, what, names: None))


def help_dialog() -> HelpDialog:
    rows = [("ctrl+p", "the palette"), ("r R", "release those selected, release all " * 3)]
    return HelpDialog([(f"Group {i}", rows) for i in range(8)])


def export() -> ExportDialog:
    files = {
        "scenario": "scenarios/a.toml",
        "pytest": "tests/test_a.py",
        "html": "a.html",
        "screenshot": "a.svg",
    }

    def problem(folder: str, name: str) -> str | None:
        return None if name else "name a file"

    def question(folder: str, name: str) -> tuple[str, str, str] | None:
        taken = ("Overwrite it?", f"{name} is there already.", "Overwrite")
        return taken if name == "b.html" else None

    return ExportDialog("branch main up to height 7", files, problem, question)


EVERY: dict[str, Callable[[], ModalScreen[Any]]] = {
    "event": event,
    "no-event": lambda: EventDialog([], None),
    "receipt": receipt,
    "shuffle": lambda: ShuffleDialog(40, 7),
    "prompt": lambda: PromptDialog("Go", "to which height", "", lambda _: "error " * 60),
    "fork": lambda: ForkDialog(12, 9, "try", ["main"]),
    "record": record,
    "branches": branches,
    "why": why,
    "help": help_dialog,
    "export": export,
    "saved": lambda: SavedDialog("/a/long/way/to/" * 12 + "a.html", "A report. " * 60),
    "confirm": lambda: ConfirmDialog("Quit?", "A build is running. " * 40),
    "swap": lambda: SwapDialog("Rebuilt", "Other than what is in force. " * 40),
    "rehearsal": lambda: RehearsalDialog(
        "Rehearsed: changes 3 of 1,204 records",
        [
            ("", "It changes [3] of 1,204. " * 9),
            ("First difference: record 17 (step)", "field\n" * 9),
        ],
        goes=True,
    ),
    "failure": lambda: failure(drawn="error [E0308]\n" + "  | ^^^^^^^^ wrong\n" * 80),
    "failure-short": lambda: failure(drawn=""),
    "value": lambda: ValueDialog("State [demo]", "x" * 5000),
    "break": lambda: BreakDialog("effect 1", "no answer is prepared: i writes one"),
    "instances": lambda: InstancesDialog([(f"#{of} [p]", of) for of in range(100)], 0, 7),
    "past": lambda: PastDialog(
        "a.b", "9 values", [(f"{of} [v]", of) for of in range(99)], 98, lambda _: ["|"] * 5
    ),
    "scenarios": lambda: ScenariosDialog(
        "99 scenarios", [(Text(f"  s{of:<4} " + "said " * 20), f"{of}") for of in range(99)], 0, 8
    ),
    "comparison": lambda: ComparisonDialog(
        ("main", "b"), [("9 differences", "")], [("a.b", "x" * 900, None)] * 20, "there is more"
    ),
    "property": lambda: PropertyDialog(
        "{}", [(f"p{of}", "[{}]" * 40) for of in range(30)], lambda _: "wrong " * 60, watched=True
    ),
    "proof": lambda: ProofDialog("found [a]\n" * 60, offers=True),
    "lost": lambda: LostDialog("main", "/a/long/way/to/" * 12 + "main.log", "31 records"),
}
