"""What tests of the docs rest on: a console that shows something else is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.consoles import Command, Edit, differs, play, steps

PAGE = """
```console
$ aos list --json
…
$ python -c "print(1)"
1
```
```diff
--- a.txt
 one
-two
+three
```
"""


def test_a_page_is_read_in_its_order() -> None:
    assert list(steps(PAGE)) == [
        Command("aos list --json", "…"),
        Command('python -c "print(1)"', "1"),
        Edit("a.txt", "one\ntwo\n", "one\nthree\n"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\n…", "a", True),
        ("a\n…", "a\nb\nc", True),
        ("…\nc", "a\nb\nc", True),
        ("root … of 3", "root sha256:12 of 3", True),
        ("a", "a\nb", False),
        ("…\nb", "a\nb\nc", False),
        ("root … of 3", "root\nof 3", False),
        ("a.c", "abc", False),
        ("a\nb", "a", False),
    ],
)
def test_what_is_shown_is_compared(shown: str, printed: str, same: bool) -> None:
    assert (differs(shown, printed) is None) == same


def test_what_is_otherwise_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("zero\none\ntwo\n")
    (wrong,) = play(PAGE.replace("\n1\n", "\n2\n"), tmp_path)
    assert "the page shows\n2" in wrong and "it prints\n1" in wrong
    assert (tmp_path / "a.txt").read_text() == "zero\none\nthree\n"
    with pytest.raises(AssertionError):
        play(PAGE, tmp_path)  # the edit is not possible twice
