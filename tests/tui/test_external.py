"""``$EDITOR``: the real program gives it the terminal, and takes back what it wrote, or says why
not and keeps what was there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aos_core.world import World
from aos_tui.external import NotEdited, editor_command
from tests.tui.driving import FOCUS, opened
from tests.tui.terminal import Terminal

EDITOR = """
import pathlib, sys
path = pathlib.Path(sys.argv[-1])
print("editing", path.suffix, flush=True)
text = path.read_text()
path.{write}
sys.exit({code})
"""
Start = Callable[..., Terminal]


@pytest.fixture
def start(world: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the program with an editor that does ``write`` and ends with ``code``."""
    running: list[Terminal] = []

    def begin(write: str = "exists()", code: int = 0, command: str | None = None) -> Terminal:
        script = tmp_path / "an editor.py"
        script.write_text(EDITOR.format(write=write, code=code))
        given = f"'{sys.executable}' '{script}'" if command is None else command
        running.append(Terminal(world, 80, 24, VISUAL="", EDITOR=given, TMPDIR=str(tmp_path)))
        running[-1].wait("h 0 live")
        running[-1].tell_size()
        return running[-1]

    yield begin
    for terminal in running:
        terminal.close()


def test_an_event_is_edited_outside_and_fired(start: Start, world: Path, tmp_path: Path) -> None:
    terminal = start("write_text(text.replace('demo', 'outside'))")
    terminal.press("e")
    terminal.wait("Fire an event", "topic", "demo")
    terminal.press("\x05")
    terminal.wait("ok: a demo/AggregatorEvent@1", "outside")
    terminal.press("\x13")
    terminal.wait("h 16 live")
    terminal.press("q")
    assert terminal.ended() == 0
    with World.open(world) as found:
        assert found.state("demo/Aggregator@1")["pending"]["1"]["topic"] == "outside"
    assert not list(tmp_path.glob("aos-*.json")), "the file is removed"


def test_json_that_does_not_read_comes_back_with_its_place(start: Start) -> None:
    terminal = start("write_text('{\"Start\": ?}')")
    terminal.press("e")
    terminal.wait("Fire an event")
    terminal.press("\x05")
    terminal.wait("line 1, column 11", '{"Start": ?}')


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"code": 3}, "ended with code 3: nothing is changed"),
        ({"command": "no-such-editor -w"}, "there is no program no-such-editor"),
        ({"command": "/"}, "does not start"),
        ({"command": "'"}, "$EDITOR does not read"),
        ({"write": "write_bytes(b'\\xff')"}, "what the editor wrote is not UTF-8"),
        ({"write": "unlink()"}, "No such file"),
    ],
)
def test_an_editor_that_fails_is_told_and_nothing_is_lost(
    start: Start, more: dict[str, str], said: str
) -> None:
    terminal = start(**more)
    terminal.press("e")
    terminal.wait("Fire an event", "1 of 2")
    terminal.press("\t")
    time.sleep(0.5)  # a key that comes with it would be the field's before
    terminal.press("X")
    terminal.wait("demoX")
    terminal.press("\x05")
    terminal.wait("not edited:", until=lambda text: said in flat(text))
    assert "demoX" in terminal.text


def flat(screen: str) -> str:
    """The text of a dialog, whose lines stand between its borders."""
    return " ".join(" ".join(line.strip("│ ╭╰┃┏┗╮╯─━") for line in screen.split("\n")).split())


async def test_without_a_terminal_the_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "vi")
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "i", "ctrl+e")
        said = str(on.app.screen.query_one("#message Static").visual)  # type: ignore[attr-defined]
        assert said.startswith("not edited: there is no terminal here to give to an editor")
        await on.keys("ctrl+s")
        assert on.receipts == ["a"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"EDITOR": "vi"}, ["vi"]),
        ({"VISUAL": "code --wait", "EDITOR": "vi"}, ["code", "--wait"]),
        ({"VISUAL": " ", "EDITOR": "'/a b/ed' -x"}, ["/a b/ed", "-x"]),
    ],
)
def test_the_editor_is_visual_else_editor(environ: dict[str, str], words: list[str]) -> None:
    assert editor_command(environ) == words


def test_with_no_editor_set_it_says_what_to_set() -> None:
    with pytest.raises(NotEdited, match="export VISUAL or EDITOR"):
        editor_command({})
