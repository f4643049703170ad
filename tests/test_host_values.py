"""Values for readers, where what they look like is not what they are."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aos_core import canon
from aos_core.host_values import kinded_to_host, with_hashes

INTENT = bytes(range(32))


def shown(kinded: Any) -> Any:
    return with_hashes(kinded_to_host(kinded), INTENT.__eq__)


def test_of_bytes_those_that_name_an_intent_are_shown_as_its_hash() -> None:
    other = base64.b64encode(bytes(32)).decode()
    assert shown({"Bytes": INTENT}) == canon.hash_text(INTENT)
    assert shown({"List": [{"Bytes": bytes(32)}]}) == [{"bytes_b64": other}]


@pytest.mark.parametrize("text", ["", "abc", "not base64", "é", "\ud800"])
def test_text_of_a_field_with_the_name_of_bytes_is_no_bug(text: str) -> None:
    assert shown({"Record": {"bytes_b64": {"Text": text}}}) == {"bytes_b64": text}
