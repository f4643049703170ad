"""RFC 3339 times as nanoseconds since the epoch, exact to the nanosecond, no clock involved."""

from __future__ import annotations

import re

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)\Z",
    re.ASCII,
)


def to_ns(text: str) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z. Raises ValueError."""
    match = _FORM.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month) and hour < 24 and minute < 60):
        raise ValueError(f"{text!r} is no date and time of the calendar")
    if second > 59:
        raise ValueError(
            f"{text!r} has a leap second, which nanoseconds since the epoch cannot say"
        )
    seconds = ((_day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    nanos = int((match[7] or "0").ljust(9, "0"))
    return (seconds - _offset(match[8])) * 1_000_000_000 + nanos


LAST = 253_402_300_799_999_999_999
"""The last nanosecond that has a date: years have four digits."""


def from_ns(at: int) -> str:
    """The time in UTC, with as many digits of a second as it needs. Raises ValueError for one
    that has no date."""
    if not 0 <= at <= LAST:
        raise ValueError(f"{at} ns is no time from 1970-01-01 to 9999-12-31")
    seconds, nanos = divmod(at, 1_000_000_000)
    days, seconds = divmod(seconds, 86_400)
    year, month, day = _civil(days)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    part = f".{nanos:09}".rstrip("0") if nanos else ""
    return f"{year:04}-{month:02}-{day:02}T{clock}{part}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """(year, month, day) of so many days since 1970-01-01, the other way of `_day_number`."""
    year = 1970 + days // 366
    while _day_number(year + 1, 1, 1) <= days:
        year += 1
    month = 12
    while _day_number(year, month, 1) > days:
        month -= 1
    return year, month, days - _day_number(year, month, 1) + 1


def _offset(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone!r} is no offset from UTC")
    seconds = hours * 3600 + minutes * 60
    return -seconds if zone[0] == "-" else seconds


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant's days_from_civil)."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (
        era * 146097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + day_of_year
        - 719468
    )
