"""What a terminal would obey never reaches it, and JSON says the same without it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aos_core.plain import clean, commands, escaped

NASTY = "a\x1b[31mb\x9bc\u202ed\u00ade"


def test_a_sign_stands_for_what_a_terminal_would_obey() -> None:
    assert clean(f"{NASTY}\n") == "a\ufffd[31mb\ufffdc\ufffdd\ufffde\ufffd"
    assert clean("a\nb", keep="\n") == "a\nb"
    assert clean("漢字 é مرحبا") == "漢字 é مرحبا"


VALUES = st.recursive(
    st.text() | st.integers(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
)


@given(VALUES)
def test_escaped_json_says_the_same(value: object) -> None:
    for indent in (None, 2):
        text = escaped(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(text) == value
        assert not any(commands(of) for of in text if of != "\n")
