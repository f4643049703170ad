"""The filter language of the journal."""

from __future__ import annotations

import pytest

from aos_core.errors import UsageError
from aos_core.filters import parse_filter
from aos_core.kernel.records import Record

EVENT = Record("event", {"schema": "demo/AggregatorEvent@1", "value": {"who": "Zoe"}, "hash": b"h"})
OTHER = Record("event", {"schema": "demo/Said@2", "value": {"who": "Bob B"}, "hash": b"h"})
RECEIPT = Record(
    "receipt",
    {"intent": b"\xab" * 32, "adapter_id": "x", "status": "ok", "payload": {}, "outcome": "late"},
    by=None,
)
RECORDS = (EVENT, OTHER, RECEIPT)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", [0, 1, 2]),
        ("kind:event", [0, 1]),
        ("kind:re*", [2]),
        ("kind:receipt kind:event", [0, 1, 2]),
        ("schema:Agg*", [0]),
        ("schema:Said", [1]),
        ("schema:Said@2", [1]),
        ("schema:demo/*", [0, 1]),
        ("after:0", [1, 2]),
        ("before:1", [0]),
        ("after:0 before:2", [1]),
        ("text:zoe", [0]),
        ("ZOE", [0]),
        ('"bob b"', [1]),
        ("text:sha256:abab", [2]),
        ("kind:event text:late", []),
        ("text:who text:bob", [1]),
    ],
)
def test_what_a_filter_shows(text: str, shown: list[int]) -> None:
    fits = parse_filter(text)
    assert [height for height, record in enumerate(RECORDS) if fits(height, record)] == shown


@pytest.mark.parametrize("text", ["knd:event", "kind:evnt", "after:x", "before:-1", 'text:"a'])
def test_a_filter_that_is_none_says_so(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_filter(text)
    assert caught.value.code == "bad_filter"
    assert caught.value.hint
