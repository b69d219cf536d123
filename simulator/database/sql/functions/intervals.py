"""Intervals and date arithmetic.

An interval day to second is kept as Oracle shows it, ``+000000001 02:00:00.000000``, an interval year to month as
``+000000001-02``: both differ in form from every number and date, so that ``+`` and ``-`` know at run time what they
were given.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta
from typing import Final

from simulator.database.interface import OracleError
from simulator.database.sql.types import Cell, from_stamp, is_stamp, parse_number, to_stamp

_DAY_SECOND: Final = re.compile(r"\s*([+-]?)(\d+) (\d+):(\d+):(\d+)(?:\.(\d+))?\s*\Z")
_YEAR_MONTH: Final = re.compile(r"\s*([+-]?)(\d+)-(\d+)\s*\Z")
_UNITS: Final = {"DAY": 86400.0, "HOUR": 3600.0, "MINUTE": 60.0, "SECOND": 1.0}
_FIELDS: Final = ("DAY", "HOUR", "MINUTE", "SECOND")


def day_second(span: timedelta) -> str:
    """The kept form of a duration."""
    sign = "-" if span < timedelta(0) else "+"
    span = abs(span)
    hours, rest = divmod(span.seconds, 3600)
    return f"{sign}{span.days:09d} {hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{span.microseconds:06d}"


def year_month(months: int) -> str:
    """The kept form of a number of months."""
    sign = "-" if months < 0 else "+"
    return f"{sign}{abs(months) // 12:09d}-{abs(months) % 12:02d}"


def parse_day_second(text: str) -> timedelta | None:
    """The duration, or None when the text is not one."""
    match = _DAY_SECOND.match(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    span = timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=micros)
    return -span if sign == "-" else span


def parse_year_month(text: str) -> int | None:
    """The number of months, or None when the text is not an interval."""
    match = _YEAR_MONTH.match(text)
    if match is None:
        return None
    months = int(match[2]) * 12 + int(match[3])
    return -months if match[1] == "-" else months


def literal(text: str, first: str, last: str) -> str:
    """``INTERVAL '<text>' first [TO last]`` in its kept form. Raises OracleError 1867."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-")
    try:
        if first in ("YEAR", "MONTH"):
            years, _, months = body.partition("-") if last == "MONTH" and first == "YEAR" else (body, "", "0")
            count = int(years) * (12 if first == "YEAR" else 1) + int(months)
            return year_month(sign * count)
        parts = [float(part) for part in re.split(r"[ :]", body)]
        fields = _FIELDS[_FIELDS.index(first) : _FIELDS.index(last) + 1]
        if len(parts) != len(fields):
            raise OracleError(1867, "the interval is invalid")
    except ValueError:
        raise OracleError(1867, "the interval is invalid") from None
    return day_second(sign * timedelta(seconds=sum(p * _UNITS[f] for p, f in zip(parts, fields, strict=True))))


def num_to_ds(number: Cell, unit: Cell) -> Cell:
    """NUMTODSINTERVAL. Raises OracleError 1760."""
    if number is None or unit is None:
        return None
    seconds = _UNITS.get(str(unit).strip().upper())
    if seconds is None:
        raise OracleError(1760, "illegal argument for function")
    return day_second(timedelta(seconds=_number(number) * seconds))


def num_to_ym(number: Cell, unit: Cell) -> Cell:
    """NUMTOYMINTERVAL. Raises OracleError 1760."""
    if number is None or unit is None:
        return None
    factor = {"YEAR": 12, "MONTH": 1}.get(str(unit).strip().upper())
    if factor is None:
        raise OracleError(1760, "illegal argument for function")
    return year_month(round(_number(number) * factor))


def add_months(moment: datetime, months: int, *, keep_last_day: bool = True) -> datetime:
    """ADD_MONTHS: the last day of a month stays a last day."""
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    was_last = moment.day == calendar.monthrange(moment.year, moment.month)[1]
    if moment.day > last and not keep_last_day:
        raise OracleError(1839, "date not valid for month specified")
    day = last if keep_last_day and was_last else min(moment.day, last)
    return moment.replace(year=year, month=month + 1, day=day)


def add(left: Cell, right: Cell) -> Cell:
    """``left + right`` for numbers, dates and intervals in any order. Raises OracleError 975 or 1722."""
    if left is None or right is None:
        return None
    if is_stamp(right):
        left, right = right, left
    if is_stamp(left):
        if is_stamp(right):
            raise OracleError(975, "date + date not allowed")
        return _shift(str(left), right, 1)
    return _combine(left, right, 1)


def subtract(left: Cell, right: Cell, days: int) -> Cell:
    """``left - right``; two dates give days when ``days``, else an interval."""
    if left is None or right is None:
        return None
    if is_stamp(left):
        if is_stamp(right):
            span = from_stamp(str(left)) - from_stamp(str(right))
            return span / timedelta(days=1) if days else day_second(span)
        return _shift(str(left), right, -1)
    return _combine(left, right, -1)


def multiply(left: Cell, right: Cell) -> Cell:
    """``left * right`` where one may be an interval."""
    if left is None or right is None:
        return None
    if isinstance(right, str) and (span := parse_day_second(right)) is not None:
        return day_second(span * _number(left))
    if isinstance(left, str) and (span := parse_day_second(left)) is not None:
        return day_second(span * _number(right))
    for interval, factor in ((left, right), (right, left)):
        if isinstance(interval, str) and (months := parse_year_month(interval)) is not None:
            return year_month(int(months * _number(factor)))
    return _number(left) * _number(right)


def _shift(stamp: str, by: Cell, sign: int) -> str:
    moment = from_stamp(stamp)
    try:
        if isinstance(by, str):
            if (span := parse_day_second(by)) is not None:
                return to_stamp(moment + sign * span)
            if (months := parse_year_month(by)) is not None:
                return to_stamp(add_months(moment, sign * months, keep_last_day=False))
        shifted = moment + timedelta(seconds=round(sign * _number(by) * 86400, 6))
    except (OverflowError, ValueError):
        raise OracleError(1841, "(full) year must be between -4713 and +9999, and not be 0") from None
    return to_stamp(shifted)


def _combine(left: Cell, right: Cell, sign: int) -> Cell:
    if isinstance(left, str) and isinstance(right, str):
        first, second = parse_day_second(left), parse_day_second(right)
        if first is not None and second is not None:
            return day_second(first + sign * second)
        months, more = parse_year_month(left), parse_year_month(right)
        if months is not None and more is not None:
            return year_month(months + sign * more)
    return _number(left) + sign * _number(right)


def _number(cell: Cell) -> int | float:
    if isinstance(cell, (int, float)):
        return cell
    if isinstance(cell, str):
        return parse_number(cell)
    raise OracleError(932, "inconsistent datatypes")
