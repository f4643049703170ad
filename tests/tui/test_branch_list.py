"""The graph of branches: how it is drawn, what is left out, and what one does from it."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from aos_core.by_hand import broken
from aos_core.disk import FileDisk
from aos_core.journal import Journal
from aos_core.layer import OPERATING_SYSTEM
from aos_core.offsets import offsets_path
from aos_core.world import World
from aos_tui.branch_names import fork_name, is_made, is_undo, named_branch, undo_name
from aos_tui.branch_text import MOST_MADE, WIDEST, arranged, branch_lines, lineage_of_present
from aos_tui.formatting import plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.left_off import recall_left
from aos_tui.session.branching import BranchLine, Place
from tests.support import EVENT, log, start
from tests.tui.driving import Driver, on_disk, opened, play, toasts

ROOT, OTHER = bytes([7]) * 32, bytes([9]) * 32
MAIN = BranchLine("main", height=30, root=ROOT, input="event Start", present=True)
TREE = [
    MAIN,
    BranchLine("late", "main", 22, 40, OTHER, "receipt GET /a 200", proven=True),
    BranchLine("early", "main", 3, 30, ROOT),
    BranchLine("deep", "early", 16, 20, bytes(32)),
    BranchLine("orphan", None, 5, 6, OTHER),
    BranchLine("broken", problem="the journal is damaged"),
    BranchLine("cut", "main", 2, 9, bytes(32), damage="damaged from height 10 on"),
    BranchLine("gone", "main", 2, 9, ROOT, removed=True),
]


def drawn(branches: list[BranchLine], whole: bool = True) -> list[str]:
    rows = arranged(branches, UNICODE, whole=whole)
    return [plain(line) for line in branch_lines(rows, UNICODE)]


def test_branches_hang_below_their_parents_by_the_height_of_the_fork() -> None:
    assert drawn(TREE) == [
        "◉ main         h 30  07070707  =   event Start",
        "  ├ cut    @2  h  9  00000000  =   ✗ damaged from height 10 on",
        "  ├ early  @3  h 30  07070707  =   nothing since it was forked",
        "  │ ╰ deep @16 h 20  00000000  =   nothing since it was forked",
        "  ╰ late   @22 h 40  09090909  = ✓ receipt GET /a 200",
        "  orphan   @5  h  6  09090909  =   nothing since it was forked",
        "  broken   ✗ the journal is damaged",
        "  gone     @2  h  9  07070707  =   deleted: enter brings it back",
    ]
    assert drawn(TREE, whole=False)[-2:] == [
        "  broken   ✗ the journal is damaged", "  1 deleted: s shows all",
    ]  # fmt: skip


def test_those_that_are_selected_are_marked() -> None:
    rows = arranged(TREE, UNICODE, whole=True)
    lines = [plain(line) for line in branch_lines(rows, UNICODE, {"early", "gone"})]
    assert [line.split()[2] for line in lines if line.startswith("✓")] == ["early"]


def test_the_open_branch_and_what_it_goes_on_from_are_known() -> None:
    assert lineage_of_present(TREE) == {"main"}
    here = [replace(of, present=of.name == "deep") for of in TREE]
    assert lineage_of_present(here) == {"main", "early", "deep"}


def test_without_unicode_the_tree_is_one_still() -> None:
    lines = branch_lines(arranged(TREE, ASCII, whole=True), ASCII)
    assert all(plain(line).isascii() for line in lines)
    assert plain(lines[3]).startswith("  | `-deep")


def made(number: int) -> BranchLine:
    return BranchLine(f"main-{number}", "main", number, number + 3, bytes([number]) * 32)


def test_what_undo_has_named_is_left_out_where_it_is_much() -> None:
    few = [MAIN, *map(made, range(MOST_MADE))]
    assert len(drawn(few, whole=False)) == 1 + MOST_MADE
    many = [MAIN, *map(made, range(40)), BranchLine("mine", "main-7", 9, 12, ROOT)]
    names = [line.split()[0 if line[0] == " " else 1] for line in drawn(many, whole=False)]
    assert names == ["main", "╰", "╰", "39"]
    assert [of.branch.name for of in arranged(many, UNICODE, whole=False) if of.branch] == [
        "main", "main-7", "mine",
    ]  # fmt: skip
    assert len(drawn(many)) == 42
    here = [replace(MAIN, present=False), *map(made, range(40)), replace(made(50), present=True)]
    shown = [of.branch.name for of in arranged(here, UNICODE, whole=False) if of.branch]
    assert shown == ["main", "main-50"]


@pytest.mark.parametrize(
    ("name", "fork", "made"),
    [
        ("main-22", 22, True), ("main-22-3", 22, True), ("main-22", 21, False),
        ("main-undo-23", 22, True), ("main-undo-23-2", 22, True), ("main-undo-23", 21, False),
        ("basic~3", None, True), ("try", 22, False), ("v-2", None, False),
    ],
)  # fmt: skip
def test_a_name_that_was_made_is_known(name: str, fork: int | None, made: bool) -> None:
    assert is_made(name, fork) == made


@pytest.mark.parametrize(
    ("of", "first", "name"),
    [
        ("main", 23, "main-undo-23"), ("basic~2", 23, "basic-undo-23"),
        ("main", 23, "main-undo-23-2"), ("main", 23, "main-undo-23-3"),
        ("m" * 80, 1_000_000, f"{'m' * 60}-undo-1000000"),
    ],
)  # fmt: skip
def test_undo_names_what_it_undoes_of_which_branch(of: str, first: int, name: str) -> None:
    taken = {"main-undo-23", "main-undo-23-2"} if name[-2:] in ("-2", "-3") else set()
    taken -= {name}
    assert undo_name(of, first, taken) == name
    assert is_undo(name, first - 1) and len(name) <= 80


def test_however_often_one_undoes_names_stay_short_and_are_new() -> None:
    taken: set[str] = {"main"}
    lineage, forks = ["main"], list[int]()
    for number, first in enumerate((23, 20, 17, 20, 23, 17) * 20):
        of = named_branch(lineage[-1], lineage, forks)
        name = (fork_name if number % 2 else undo_name)(of, first, taken)
        assert name not in taken and len(name) <= len("main-undo-23-120")
        forks.append(first if number % 2 else first - 1)
        assert is_made(name, forks[-1]) and is_undo(name, forks[-1]) == (number % 2 == 0)
        taken.add(name)
        lineage.append(name)


def test_a_fork_is_never_taken_for_an_undo() -> None:
    assert fork_name("main", 22, {"main-22"}) == "main-22-2"
    assert not is_undo("main-22-2", 22) and is_made("main-22-2", 22)


@pytest.mark.parametrize(
    ("lineage", "forks", "named"),
    [
        (["main"], [], "main"), (["main", "main-22"], [22], "main"),
        (["main", "main-22"], [21], "main-22"),  # somebody has called it so
        (["main", "main-22", "mine", "mine-undo-31"], [22, 26, 30], "mine"),
        (["main", "main-undo-23", "main-undo-23-30"], [22, 30], "main"),  # of an older version
        (["v-2", "v-2-5"], [5], "v-2"), (["basic~3", "basic-9"], [9], "basic~3"),
    ],
)  # fmt: skip
def test_what_is_made_is_named_after_what_somebody_has_named(
    lineage: list[str], forks: list[int], named: str
) -> None:
    assert named_branch(lineage[-1], lineage, forks) == named
    assert named_branch(lineage[0], lineage, forks) == lineage[0]


def test_long_names_are_cut() -> None:
    long = [replace(MAIN, name="m" * 80), BranchLine("b" * 80, "m" * 80, 3, 4, OTHER)]
    for line in drawn(long):
        assert line.index("h ") <= WIDEST + 6


# -- in the app ---------------------------------------------------------------------------------


def shown(on: Driver) -> list[str]:
    return [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]


async def test_a_fork_of_a_fork_has_a_short_name(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "F", "enter", "r", "F", "enter")
        assert await on.app.session.branches() == ["main", "main-16", "main-19"]
        await on.keys("r", "u", "r", "F", "enter")
        assert on.snapshot.branch == "main-22"
        assert "main-undo-20" in await on.app.session.branches()


@pytest.mark.parametrize("memory", [True, False])
async def test_the_list_knows_ends_inputs_and_what_was_verified(world: Path, memory: bool) -> None:
    async with opened(world, memory=memory, scenario="basic", size=(120, 40)) as on:
        await on.keys("t", "R", "v", "u", "F", "text:mine", "enter", "B")
        main, undone, mine = shown(on)
        assert ("receipt GET /api/c 201" in main, "✓" in main) == (True, not memory)
        assert "✓" not in mine, "as the header says"
        assert undone.startswith("  ├ main-undo-23 @22 h 22")
        assert mine.startswith("◉ ╰ mine         @22 h 22")
        assert " = " in undone and " = " in mine and " = " not in main
        await on.keys("up", "up", "c")
        assert on.mode == "ComparisonDialog"
        await on.keys("escape", "B", "home", "enter")
        assert on.snapshot.branch == "main"


@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_a_branch_is_renamed_deleted_and_brought_back(world: Path, kind: str) -> None:
    async with opened(world if kind == "disk" else "04") as on:
        await on.keys("t", "F", "text:side", "enter", "R", "B", "up", "enter")
        assert on.snapshot.branch == "main"
        await on.keys("B", "down", "r")
        assert on.mode == "RenameDialog"
        await on.keys(*["backspace"] * 4, "text:try", "enter")
        assert await on.app.session.branches() == ["main", "try"]
        assert on.mode == "BranchesDialog" and listed(on) == ("try", 2)
        await on.keys("d")
        assert on.mode == "ConfirmDialog"
        assert "14 records of its own" in on.app.screen._text  # type: ignore[attr-defined]
        await on.keys("n")
        assert await on.app.session.branches() == ["main", "try"]
        await on.keys("d", "y")
        assert await on.app.session.branches() == ["main"]
        assert on.mode == "BranchesDialog" and listed(on) == ("deleted", 2)
        await on.keys("enter")
        assert listed(on) == ("try", 2)
        await on.keys("enter")
        assert await on.app.session.branches() == ["main", "try"]
        assert on.mode == "BranchesDialog" and listed(on) == ("try", 2)
        await on.keys("enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("try", 30)


def listed(on: Driver) -> tuple[str, int]:
    """(the branch under the cursor, how many lines there are) of the list of branches."""
    found = on.app.screen.query_one(OptionList)
    assert found.highlighted is not None
    words = re.findall(r"[a-z~-]+", str(found.get_option_at_index(found.highlighted).prompt))
    return words[0], found.option_count


@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_the_open_branch_is_renamed_and_goes_on(world: Path, kind: str) -> None:
    async with opened(world if kind == "disk" else "04", poll=0.01) as on:
        await on.keys("t", "m", "B", "r", "ctrl+u", "text:mine", "enter")
        assert (on.mode, listed(on), on.snapshot.branch) == ("BranchesDialog", ("mine", 1), "mine")
        await on.keys("escape", "F", "ctrl+u", "text:side", "enter", "r")
        await on.keys("B", "up", "r", "ctrl+u", "text:origin", "enter")  # what it goes on from
        assert listed(on) == ("origin", 2)
        await on.keys("escape", "r", "v")
        assert (on.snapshot.branch, on.snapshot.live, on.snapshot.lost) == ("side", 22, False)
        assert (on.known["verified"], on.snapshot.trouble) == (True, None)
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.marked) == ("origin", (16,))
        await on.keys("R", "u")
        assert on.snapshot.branch == "origin-undo-23"
        assert on.errors == []
    if kind == "disk":
        assert [on_disk(world, name)[0] for name in ("origin", "side")] == [30, 22]
        assert not log(world).exists()


async def test_a_name_that_was_taken_meanwhile_is_an_error_and_the_list_says_so(
    world: Path,
) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("B", "r", "ctrl+u", "text:mine")
        with World.open(world, write=False) as other:
            other.fork(0, "mine").close()
        await on.keys("enter")
        assert (on.mode, listed(on), on.snapshot.branch) == ("BranchesDialog", ("main", 2), "main")
        assert any("mine exists" in of for of in on.errors)
        await on.keys("enter")
        assert on.mode == "live" and on.snapshot.writable


@pytest.mark.parametrize("which", ["open", "other"])
async def test_a_branch_that_is_renamed_though_the_disk_then_fails_is_known_by_its_name(
    world: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world)

    def fails(_: Path) -> None:
        if log(world, "mine").exists():
            raise OSError(errno.EIO, "Input/output error")

    async with opened(world) as on:
        await on.keys("m", "F", "ctrl+u", "text:side", "enter", "B", "up", "enter")
        assert on.snapshot.branch == "main"
        on.app.session.before = Place("main" if which == "open" else "side", None)
        await on.keys("B", *["down"] * (which == "other"), "r", "ctrl+u", "text:mine")
        with monkeypatch.context() as patched:
            patched.setattr(OPERATING_SYSTEM, "sync_directory", fails, raising=True)
            await on.keys("enter")
        assert "cannot be renamed" in on.errors[0]
        assert "mine" in await on.app.session.branches()
        assert on.app.session.before == Place("mine", None)
        assert on.snapshot.branch == ("mine" if which == "open" else "main")
        await on.keys("escape", "escape", "B", *["down"] * (which == "other"), "enter")
        assert (on.snapshot.branch, on.snapshot.marked) == ("mine", (30,))
    assert recall_left(world).marks["mine"].heights == (30,)
    assert recall_left(world).marks.keys() == {"mine", "side" if which == "open" else "main"}


async def test_a_branch_with_children_is_not_deleted(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("F", "text:side", "enter", "B", "up", "d")
        assert "side goes on from it" in on.said[-1]
        await on.keys("down", "d")
        assert "is open and cannot be deleted" in on.said[-1]
        assert on.mode == "BranchesDialog"
        assert await on.app.session.branches() == ["main", "side"]


@pytest.mark.parametrize("indexed", [True, False])
async def test_a_branch_is_told_by_what_it_asked_for_itself(world: Path, indexed: bool) -> None:
    play(world)
    with World.open(world) as main, main.fork(0, "side") as side:
        side.fire(EVENT, start("d", "e", "f"))
        assert [made.fault for made in broken(side, side.pending[1], "timeout")] == [None]
        assert main.history.last(side.records[17]["intent"], "intent", 30) is None
        with side.fork(side.height, "beside") as beside:  # asked for before it was forked
            list(broken(beside, beside.pending[1], "error"))
    if not indexed:
        (world / ".aos/index.db").unlink()
    async with opened(world, size=(120, 40)) as on:
        await on.keys("B")
        assert [line.split("   ")[-1].strip() for line in shown(on)] == [
            "receipt GET /api/c 201", "receipt GET /api/e timeout", "receipt GET /api/f error",
        ]  # fmt: skip


async def test_many_forks_are_not_looked_through_for_what_each_goes_on_from(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world)
    with World.open(world) as main:
        for n in range(20):
            with main.fork(0, f"fork-{n}") as fork:
                fork.fire(EVENT, start("d", "e", "f"))
                list(broken(fork, fork.pending[0], "timeout"))
    looked: list[str] = []
    look = FileDisk.open

    def counting(disk: FileDisk, branch: str, **more: Any) -> Journal:
        looked.append(branch)
        return look(disk, branch, **more)

    async with opened(world) as on:
        monkeypatch.setattr(FileDisk, "open", counting)
        assert len(await on.app.session.branch_lines()) == 21
    assert len(looked) < 3 * 20


async def test_that_some_are_not_shown_is_said_with_the_key_that_shows_them(world: Path) -> None:
    play(world)
    with World.open(world) as main:
        for n in range(MOST_MADE + 1):
            main.fork(0, f"main-0-{n + 2}").close()
        main.fork(0, "gone").close()
        main.delete_branch("gone")
    async with opened(world) as on:  # whoever made them and whenever
        await on.keys("B")
        assert on.mode == "BranchesDialog"
        assert "Branches, 6 of them not shown" in on.screen and "All s" in on.screen
        assert "5 more that undo and F have named and 1 deleted: s shows all" in on.screen
        assert "enter stay" in on.screen
        await on.keys("down")
        assert "enter show" in on.screen
        await on.keys("s")
        assert "not shown" not in on.screen and "Fewer s" in on.screen
        assert len(shown(on)) == 2 + MOST_MADE + 1
        await on.keys("end")
        assert "enter restore" in on.screen
        await on.keys("home", "down")
        assert "enter open" in on.screen
        await on.keys("d", "y")  # four are few enough
        assert len(shown(on)) == 2 + MOST_MADE + 1 and "Fewer s" in on.screen
        await on.keys("s")
        assert len(shown(on)) == 1 + MOST_MADE + 1 and "Branches, 2 of them not shown" in on.screen


@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_many_branches_are_deleted_at_once_and_what_is_lost_is_said(
    world: Path, kind: str
) -> None:
    async with opened(world if kind == "disk" else "04") as on:
        for name in ("one", "two", "three"):  # each goes on from the one before
            await on.keys("t", "F", "ctrl+u", f"text:{name}", "enter")
        await on.keys("r", "B", "home", "enter", "B", "a", "d")
        assert on.mode == "ConfirmDialog" and on.app.screen._title == "Delete 3 branches?"  # type: ignore[attr-defined]
        text = on.app.screen._text  # type: ignore[attr-defined]
        assert "Together they have" in text and "three" in text and "aos gc" in text
        await on.keys("n")
        assert len(await on.app.session.branches()) == 4
        await on.keys("d", "y")
        assert await on.app.session.branches() == ["main"]
        assert "3 branches are deleted" in on.said[-1] and on.errors == []
        assert listed(on) == ("deleted", 2)
        await on.keys("s", "end", "up", "up")
        assert len(shown(on)) == 4


async def test_what_a_branch_that_stays_goes_on_from_is_not_deleted_with_others(
    world: Path,
) -> None:
    async with opened(world) as on:
        for name in ("one", "two"):
            await on.keys("t", "F", "ctrl+u", f"text:{name}", "enter")
        await on.keys("B", "home", "enter", "B", "down", "space", "d")
        assert "branch one is not deleted: two goes on from it" in on.said[-1]
        assert on.mode == "BranchesDialog" and len(await on.app.session.branches()) == 3


async def test_the_list_says_what_is_damaged_cut_or_was_never_finished(world: Path) -> None:
    play(world)
    with World.open(world) as main:
        for name in ("cut", "half", "ill", "torn"):
            with main.fork(0, name) as fork:
                fork.fire(EVENT, start("d", "e", "f"))
    whole = {name: log(world, name).read_bytes() for name in ("cut", "half", "ill", "torn")}
    log(world, "cut").write_bytes(whole["cut"][:-20])
    log(world, "half").write_bytes(whole["half"][:30])
    offsets_path(log(world, "half")).unlink()
    at = len(whole["ill"]) // 2
    log(world, "ill").write_bytes(whole["ill"][:at] + b"\xff" * 8 + whole["ill"][at + 8 :])
    offsets_path(log(world, "ill")).unlink()  # as whoever comes upon it leaves it
    log(world, "torn").write_bytes(whole["torn"] + whole["torn"][-30:-10])
    async with opened(world, size=(120, 40)) as on:
        await on.keys("B")
        said = {line.split()[1]: line for line in shown(on) if "main" not in line}
        assert "✗ damaged from height 1 on" in said["cut"]
        assert "✗ damaged from height 1 on" in said["ill"]
        assert "✗" not in said["torn"], "an append that was broken off"
        (half,) = (line for line in shown(on) if "half" in line)
        assert " ".join(half.split()) == "half ✗ it is empty: its creation was never finished"
        row = next(row for row, line in enumerate(shown(on)) if "half" in line)
        await on.keys("home", *["down"] * row, "d")
        assert on.said[-1] == "branch half: it is empty: its creation was never finished"
        await on.keys("enter")
        assert on.errors[-1].startswith("branch half is empty: its creation was never finished")


async def test_a_damaged_branch_is_named_once(world: Path) -> None:
    play(world)
    log(world).write_bytes(log(world).read_bytes()[:-20])
    async with opened(world) as on:
        await on.keys("e")
        assert on.said[-1].startswith("branch main: it is damaged: ")
        assert on.said[-1].count("main") == 1


async def test_where_no_branch_is_left_out_that_is_said() -> None:
    async with opened("04") as on:
        await on.keys("B", "s")
        assert "all branches are shown already" in toasts(on)[0]
