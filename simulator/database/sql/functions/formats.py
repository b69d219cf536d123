"""Date formats: TO_CHAR, TO_DATE, TO_TIMESTAMP and TRUNC/ROUND of dates, with Oracle's format elements."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from simulator.database.interface import OracleError

_ELEMENTS: Final = [
    "SYYYY",
    "YYYY",
    "IYYY",
    "RRRR",
    "YYY",
    "YY",
    "RR",
    "Y,YYY",
    "Y",
    "MONTH",
    "MON",
    "MM",
    "RM",
    "DAY",
    "DDD",
    "DD",
    "DY",
    "D",
    "HH24",
    "HH12",
    "HH",
    "MI",
    "SSSSS",
    "SS",
    "FF1",
    "FF2",
    "FF3",
    "FF4",
    "FF5",
    "FF6",
    "FF7",
    "FF8",
    "FF9",
    "FF",
    "AM",
    "PM",
    "A.M.",
    "P.M.",
    "TZH",
    "TZM",
    "TZR",
    "TZD",
    "IW",
    "WW",
    "W",
    "Q",
    "J",
    "CC",
    "FX",
    "FM",
    "TS",
]
_TOKEN: Final = re.compile(
    r'"([^"]*)"|(' + "|".join(re.escape(e) for e in sorted(_ELEMENTS, key=len, reverse=True)) + r")|(.)", re.I | re.S
)
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DIGITS: Final = {
    "YYYY": 4, "SYYYY": 4, "RRRR": 4, "IYYY": 4, "YYY": 3, "YY": 2, "RR": 2, "MM": 2, "DD": 2, "DDD": 3,
    "HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SS": 2, "SSSSS": 5,
}  # fmt: skip


@functools.lru_cache(maxsize=256)
def _parse(mask: str) -> tuple[tuple[str, str], ...]:
    """The mask as (element, its text) and ("", literal) pairs. Raises OracleError 1821."""
    parts: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(mask):
        quoted, element, other = match.groups()
        if element is not None:
            parts.append((element.upper(), element))
        elif quoted is not None:
            parts.append(("", quoted))
        elif other.isalnum():
            raise OracleError(1821, "date format not recognized")
        else:
            parts.append(("", other))
    return tuple(parts)


def format_date(moment: datetime, mask: str) -> str:
    """TO_CHAR(date, mask)."""
    fill = True
    parts: list[str] = []
    for element, text in _parse(mask):
        if element == "FM":
            fill = not fill
        elif element == "":
            parts.append(text)
        elif element not in ("FX",):
            parts.append(_show(moment, element, text, fill))
    return "".join(parts)


def _show(moment: datetime, element: str, text: str, fill: bool) -> str:
    if element in _WORDS:
        word = _WORDS[element](moment)
        if fill and element in ("MONTH", "DAY"):
            word = word.ljust(9)
        return _case_like(text, word)
    number = _NUMBERS[element](moment)
    return number if fill else number.lstrip("0") or "0"


def _case_like(text: str, word: str) -> str:
    if text.isupper():
        return word.upper()
    return word.lower() if text.islower() else word


_WORDS: Final = {
    "MONTH": lambda m: _MONTHS[m.month - 1],
    "MON": lambda m: _MONTHS[m.month - 1][:3],
    "DAY": lambda m: _DAYS[m.weekday()],
    "DY": lambda m: _DAYS[m.weekday()][:3],
    "AM": lambda m: "AM" if m.hour < 12 else "PM",
    "PM": lambda m: "AM" if m.hour < 12 else "PM",
    "A.M.": lambda m: "A.M." if m.hour < 12 else "P.M.",
    "P.M.": lambda m: "A.M." if m.hour < 12 else "P.M.",
    "TZR": lambda _: "UTC",
    "TZD": lambda _: "UTC",
    "RM": lambda m: ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"][m.month - 1],
}
_NUMBERS: Final = {
    "SYYYY": lambda m: f" {m.year:04d}",
    "YYYY": lambda m: f"{m.year:04d}",
    "RRRR": lambda m: f"{m.year:04d}",
    "Y,YYY": lambda m: f"{m.year // 1000},{m.year % 1000:03d}",
    "IYYY": lambda m: f"{m.isocalendar().year:04d}",
    "YYY": lambda m: f"{m.year % 1000:03d}",
    "YY": lambda m: f"{m.year % 100:02d}",
    "RR": lambda m: f"{m.year % 100:02d}",
    "Y": lambda m: str(m.year % 10),
    "MM": lambda m: f"{m.month:02d}",
    "DDD": lambda m: f"{m.timetuple().tm_yday:03d}",
    "DD": lambda m: f"{m.day:02d}",
    "D": lambda m: str(m.isoweekday() % 7 + 1),
    "HH24": lambda m: f"{m.hour:02d}",
    "HH12": lambda m: f"{(m.hour - 1) % 12 + 1:02d}",
    "HH": lambda m: f"{(m.hour - 1) % 12 + 1:02d}",
    "MI": lambda m: f"{m.minute:02d}",
    "SS": lambda m: f"{m.second:02d}",
    "SSSSS": lambda m: f"{m.hour * 3600 + m.minute * 60 + m.second:05d}",
    "FF": lambda m: f"{m.microsecond:06d}",
    **{f"FF{n}": (lambda m, n=n: f"{m.microsecond:06d}000"[:n]) for n in range(1, 10)},
    "TZH": lambda _: "+00",
    "TZM": lambda _: "00",
    "IW": lambda m: f"{m.isocalendar().week:02d}",
    "WW": lambda m: f"{(m.timetuple().tm_yday - 1) // 7 + 1:02d}",
    "W": lambda m: str((m.day - 1) // 7 + 1),
    "Q": lambda m: str((m.month - 1) // 3 + 1),
    "J": lambda m: str(m.toordinal() + 1721425),
    "CC": lambda m: f"{(m.year - 1) // 100 + 1:02d}",
    "TS": lambda m: f"{(m.hour - 1) % 12 + 1:02d}:{m:%M:%S %p}",
}


def parse_date(text: str, mask: str, now: datetime) -> datetime:
    """TO_DATE / TO_TIMESTAMP: naive UTC. Fields the mask lacks come from ``now`` (year, month) or are the least.

    Raises OracleError 1861, 1830, 1843, 1847 or another of that family.
    """
    reader = _Reader(text, now)
    for element, literal in _parse(mask):
        reader.take(element, literal)
    return reader.result()


class _Reader:
    """Takes a text apart by a mask's elements."""

    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._at = 0
        self._year, self._month, self._day = now.year, now.month, 1
        self._yearday = 0
        self._hour = self._minute = self._second = self._micro = 0
        self._afternoon: bool | None = None
        self._offset: timedelta | None = None
        self._now = now

    def take(self, element: str, literal: str) -> None:
        if element == "":
            self._literal(literal)
        elif element in ("FX", "FM"):
            pass
        elif self._at >= len(self._text):
            if not self._optional(element):
                raise OracleError(1840, "input value not long enough for date format")
        else:
            self._element(element)

    def _optional(self, element: str) -> bool:
        # Oracle lets trailing time elements be missing.
        return element in ("HH24", "HH12", "HH", "MI", "SS", "TZM") or element.startswith("FF")

    def _literal(self, literal: str) -> None:
        if self._at >= len(self._text):
            return
        here = self._text[self._at]
        if literal.isspace() or (len(literal) == 1 and not literal.isalnum()):
            if (not here.isalnum() and here not in "+-") or here == literal:
                self._at += 1
            return
        if self._text[self._at : self._at + len(literal)] != literal:
            raise OracleError(1861, "literal does not match format string")
        self._at += len(literal)

    def _element(self, element: str) -> None:
        if element in ("MONTH", "MON"):
            self._month = self._name(_MONTHS, 1843, "not a valid month", short=element == "MON") + 1
        elif element in ("DAY", "DY"):
            self._name(_DAYS, 1846, "not a valid day of the week", short=element == "DY")
        elif element in ("AM", "PM", "A.M.", "P.M."):
            self._meridian(len(element))
        elif element in ("TZH", "TZR", "TZD", "TZM"):
            self._zone(element)
        elif element.startswith("FF"):
            digits = self._digits(int(element[2:] or 9))
            self._micro = int(digits.ljust(6, "0")[:6])
        elif element in _DIGITS:
            self._number(element, int(self._digits(_DIGITS[element])))
        else:
            raise OracleError(1820, "format code cannot appear in date input format")

    def _digits(self, most: int) -> str:
        match = re.compile(rf"\s*(\d{{1,{most}}})").match(self._text, self._at)
        if match is None:
            raise OracleError(1858, "a non-numeric character was found where a numeric was expected")
        self._at = match.end()
        return match[1]

    def _number(self, element: str, value: int) -> None:
        if element in ("YYYY", "SYYYY", "RRRR", "IYYY"):
            self._year = value if value > 99 or element != "RRRR" else _round_year(value)
        elif element == "RR":
            self._year = _round_year(value)
        elif element in ("YY", "YYY"):
            base = 10 ** len(element)
            self._year = self._now.year // base * base + value
        elif element == "DDD":
            self._yearday = value
        elif element == "SSSSS":
            self._hour, rest = divmod(value, 3600)
            self._minute, self._second = divmod(rest, 60)
        else:
            limits = _LIMITS[element]
            if not limits[0] <= value <= limits[1]:
                raise OracleError(limits[2], limits[3])
            setattr(self, limits[4], value)

    def _name(self, names: list[str], code: int, problem: str, *, short: bool) -> int:
        rest = self._text[self._at :].upper()
        for index, name in enumerate(names):
            for form in (name.upper(), name.upper()[:3]) if not short else (name.upper()[:3],):
                if rest.startswith(form):
                    self._at += len(form)
                    return index
        raise OracleError(code, problem)

    def _meridian(self, length: int) -> None:
        text = self._text[self._at : self._at + length].upper().replace(".", "")
        if text not in ("AM", "PM"):
            raise OracleError(1855, "AM/A.M. or PM/P.M. required")
        self._at += length
        self._afternoon = text == "PM"

    def _zone(self, element: str) -> None:
        rest = self._text[self._at :]
        if element == "TZM":
            minutes = int(self._digits(2))
            hours = self._offset or timedelta(0)
            self._offset = hours + timedelta(minutes=-minutes if hours < timedelta(0) else minutes)
            return
        match = re.match(r"(?:UTC|GMT|Z|([+-])\s*(\d{1,2})(?::(\d\d))?)", rest, re.I)
        if match is None or (element == "TZH" and match[1] is None):
            raise OracleError(1882, "timezone region not found")
        taken = match.end() if element != "TZH" or not match[3] else match.end() - 3
        self._at += taken
        minutes = int(match[3] or 0) if element != "TZH" else 0
        span = timedelta(hours=int(match[2] or 0), minutes=minutes)
        self._offset = -span if match[1] == "-" else span

    def result(self) -> datetime:
        if self._text[self._at :].strip():
            raise OracleError(1830, "date format picture ends before converting entire input string")
        if self._afternoon is not None:
            self._hour = self._hour % 12 + (12 if self._afternoon else 0)
        try:
            moment = datetime(  # noqa: DTZ001 (kept dates are naive UTC)
                self._year, self._month, self._day, self._hour, self._minute, self._second, self._micro
            )
        except ValueError:
            raise OracleError(1839, "date not valid for month specified") from None
        if self._yearday:
            moment = moment.replace(month=1, day=1) + timedelta(days=self._yearday - 1)
        if self._offset is not None:
            moment = moment.replace(tzinfo=timezone(self._offset)).astimezone(UTC).replace(tzinfo=None)
        return moment


_LIMITS: Final = {
    "MM": (1, 12, 1843, "not a valid month", "_month"),
    "DD": (1, 31, 1847, "day of month must be between 1 and last day of month", "_day"),
    "HH24": (0, 23, 1850, "hour must be between 0 and 23", "_hour"),
    "HH12": (1, 12, 1849, "hour must be between 1 and 12", "_hour"),
    "HH": (1, 12, 1849, "hour must be between 1 and 12", "_hour"),
    "MI": (0, 59, 1851, "minutes must be between 0 and 59", "_minute"),
    "SS": (0, 59, 1852, "seconds must be between 0 and 59", "_second"),
}


def _round_year(value: int) -> int:
    if value > 99:
        return value
    return 2000 + value if value < 50 else 1900 + value


def round_date(moment: datetime, unit: str) -> datetime:
    """ROUND(date, unit): to the nearer one, the middle upwards. Raises OracleError 1898 or 3001."""
    match unit.upper():
        case "DDD" | "DD" | "J":
            return truncate(moment + timedelta(hours=12), "DD")
        case "MONTH" | "MON" | "MM" | "RM":
            return truncate(moment + timedelta(days=16) if moment.day > 15 else moment, "MM")
        case "YEAR" | "YYYY" | "YYY" | "YY" | "Y" | "SYYYY" | "SYEAR":
            return truncate(moment.replace(year=moment.year + 1, day=1) if moment.month > 6 else moment, "YYYY")
        case "HH" | "HH12" | "HH24":
            return truncate(moment + timedelta(minutes=30), "HH")
        case "MI":
            return truncate(moment + timedelta(seconds=30), "MI")
        case _:
            raise OracleError(3001, f"unimplemented feature: ROUND of a date to {unit}")


def truncate(moment: datetime, unit: str) -> datetime:  # noqa: PLR0911 (one answer per kind)
    """TRUNC(date, unit). Raises OracleError 1898."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit.upper():
        case "DDD" | "DD" | "J":
            return day
        case "MONTH" | "MON" | "MM" | "RM":
            return day.replace(day=1)
        case "YEAR" | "YYYY" | "YYY" | "YY" | "Y" | "SYYYY" | "SYEAR":
            return day.replace(month=1, day=1)
        case "Q":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "IW":
            return day - timedelta(days=day.weekday())
        case "DAY" | "DY" | "D":
            return day - timedelta(days=day.isoweekday() % 7)
        case "HH" | "HH12" | "HH24":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "MI":
            return moment.replace(second=0, microsecond=0)
        case "SS":
            return moment.replace(microsecond=0)
        case _:
            raise OracleError(1898, "too many precision specifiers")
