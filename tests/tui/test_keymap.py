"""The user's own keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from aos_tui import keymap
from aos_tui.actions import ACTIONS, ANYWHERE, help_groups
from aos_tui.keymap import keymap_of, read_keymap
from tests.tui.driving import FOCUS, opened


@pytest.fixture(name="file")
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys.toml"
    monkeypatch.setattr(keymap, "keys_file", lambda: file)
    monkeypatch.setattr("aos_tui.app.keys_file", lambda: file)
    return file


async def test_other_keys_work_and_are_shown_everywhere(file: Path) -> None:
    file.write_text(
        'scenario_step = "f5"\nrelease_all = ["ctrl+r", "A"]\n[pending]\nmark = "insert"\n'
    )
    async with opened() as on:
        await on.keys("t")
        assert on.snapshot.height == 0
        await on.keys("f5")
        assert on.numbers == [1, 2, 3]
        footer = str(on.app.screen.query_one("#footer", Static).render())
        assert "f5T play" in footer and "tT play" not in footer
        await on.keys(*FOCUS["pending"], "insert", "question_mark")
        assert on.mode == "HelpDialog"
        shown = {help: keys for _, rows in help_groups("pending") for keys, help in rows}
        assert shown["release all receipts in the shown order"] == "ctrl+r A"
        assert shown["select the effect, or no longer"] == "insert"
        await on.keys("escape", "A")
        assert on.numbers == []
    file.unlink()
    async with opened() as on:
        await on.keys("t")
        assert on.numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fire = "r"', "fire: r is release already; it keeps e"),
        ('fly = "r"', "there is no action fly"),
        ("fire = 3", "fire: keys are text"),
        ('fire = "ctrl+"', "'ctrl+' is no key"),
        ('fire = "notakey"', "'notakey' is no key"),
        ('fire = "ctrl+enterr"', "'ctrl+enterr' is no key"),
        ('palette = "x"', "palette has keys of the terminal's own"),
        ('"journal.open" = "e"', "journal.open: e is fire already"),
        ("fire = ", "cannot be read"),
    ],
)
async def test_what_is_wrong_is_told_and_the_old_keys_stay(
    file: Path, text: str, said: str
) -> None:
    file.write_text(text)
    async with opened() as on:
        assert any(said in of for of in on.said)
        await on.keys("e")
        assert on.mode == "EventDialog"


def test_two_that_change_places_are_no_conflict() -> None:
    found = keymap_of({"fire": "r", "release": "e"})
    assert (dict(found.keys), found.problems) == ({"fire": "r", "release": "e"}, ())


def test_of_two_that_want_one_key_the_later_gives_way() -> None:
    found = keymap_of({"fire": "f5", "release": "f5"})
    assert dict(found.keys) == {"fire": "f5"}
    assert found.problems == ("release: f5 is fire already; it keeps r",)


def test_single_characters_are_keys() -> None:
    found = keymap_of({"fire": "&", "undo": "Z", "filter": ","})
    assert found.keys["fire"] == "ampersand" and found.keys["undo"] == "Z"
    assert found.problems == ("filter: comma is back already; it keeps /",)


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    found = read_keymap(tmp_path / "none.toml")
    assert (dict(found.keys), found.problems) == ({}, ())


def test_every_action_has_an_id_of_its_own() -> None:
    ids = [of.id for of in ACTIONS]
    assert len(set(ids)) == len(ids)
    assert all("." in of.id or of.where == ANYWHERE for of in ACTIONS)


def test_every_key_that_an_action_has_may_be_given_to_one() -> None:
    names = {key for of in ACTIONS if not of.own for key in of.keys.split(",") if key}
    wrong = [keymap_of({"fire": [key]}).problems for key in sorted(names)]
    assert not [of for problems in wrong for of in problems if "is no key" in of]
