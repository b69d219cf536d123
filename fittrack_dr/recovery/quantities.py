"""Amounts as people write them: durations with a unit, times of day in UTC.

A bare number is refused: "60" days and "60" seconds differ by a factor that has cost people their backups.
"""

from __future__ import annotations

import re
from datetime import UTC, time, timedelta

#: A year as OCI's retention rules count it.
YEAR = timedelta(days=365.2425)
LONGEST = 30 * YEAR

_UNITS = {
    "s": timedelta(seconds=1),
    "second": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "y": YEAR,
    "year": YEAR,
}
_PART = re.compile(r"\s*(\d{1,9})\s*([a-z]+)\s*", re.ASCII)
_SHORT = ((YEAR, "y"), (timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"))
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """``4h``, ``1h30m``, ``60 days``, ``7 years`` as a timedelta longer than zero and at most 30 years.

    Raises ValueError with a message for the person who wrote it.
    """
    total, position = timedelta(), 0
    while position < len(text):
        match = _PART.match(text, position)
        unit = _unit(match[2]) if match else None
        if match is None or unit is None:
            raise ValueError(f"{text!r} is not a duration; write it like 90s, 30m, 4h, 60 days or 7 years")
        if int(match[1]) > LONGEST / unit:
            raise ValueError(f"{text!r} is longer than 30 years; check the unit")
        total += int(match[1]) * unit
        position = match.end()
    if not total:
        raise ValueError(f"{text!r} is no time at all; write it like 90s, 30m, 4h, 60 days or 7 years")
    return total


def _unit(word: str) -> timedelta | None:
    return _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))


def describe_duration(duration: timedelta) -> str:
    """The shortest exact wording, such as ``1h30m`` or ``7y``; seconds where nothing larger divides it."""
    parts: list[str] = []
    rest = duration
    for unit, letter in _SHORT:
        count = rest // unit
        if letter == "y" and count * unit != duration:
            continue
        if count:
            parts.append(f"{count}{letter}")
            rest -= count * unit
    seconds = rest.total_seconds()
    if seconds or not parts:
        parts.append(f"{seconds:g}s")
    return "".join(parts)


def parse_time_of_day(text: str) -> time:
    """``02:30Z`` as an aware time of day. Raises ValueError for anything but UTC."""
    match = _TIME_OF_DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day; write it in UTC, like 02:30Z")
    if match[3] != "Z":
        raise ValueError(f"{text!r} is not in UTC; convert it and write it like 02:30Z")
    return time(int(match[1]), int(match[2]), tzinfo=UTC)
