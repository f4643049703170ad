"""RFC 3339 times as nanoseconds: exact, and against the standard library's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core.air import rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(),
    st.integers(-(23 * 60 + 59), 23 * 60 + 59),
    st.integers(0, 999),
)
def test_agrees_with_the_calendar_of_the_standard_library(
    when: datetime, offset: int, nanos: int
) -> None:
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    text = (
        f"{when.year:04}-{when.month:02}-{when.day:02}T{when.hour:02}:{when.minute:02}:"
        f"{when.second:02}.{when.microsecond:06}{nanos:03}"
    )
    since = when.replace(tzinfo=timezone.utc) - EPOCH  # noqa: UP017
    micros = since // timedelta(microseconds=1) - offset * 60_000_000
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    assert rfc3339.to_ns(text + zone) == micros * 1000 + nanos


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1_000_000_000),
        ("1970-01-01 00:00:00.5Z", 500_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1970-01-01T01:30:00+01:30", 0),
        ("1969-12-31T22:30:00-01:30", 0),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2026-01-31T12:00:00-00:00", 1_769_860_800_000_000_000),
    ],
)
def test_worked_times(text: str, ns: int) -> None:
    assert rfc3339.to_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.0000000001Z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-00-01T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2016-12-31T23:59:60Z",
        "\uff12026-01-31T12:00:00Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is no|leap second"):
        rfc3339.to_ns(text)


@given(st.integers(0, rfc3339.LAST))
def test_a_time_is_written_as_it_is_read(at: int) -> None:
    assert rfc3339.to_ns(rfc3339.from_ns(at)) == at


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (rfc3339.LAST, "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_time_in_utc_has_the_digits_it_needs(at: int, text: str) -> None:
    assert rfc3339.from_ns(at) == text


@pytest.mark.parametrize("at", [-1, rfc3339.LAST + 1])
def test_what_has_no_date_is_refused(at: int) -> None:
    with pytest.raises(ValueError, match="is no time from 1970"):
        rfc3339.from_ns(at)
