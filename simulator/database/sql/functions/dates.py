"""SQL functions on dates and timestamps."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from simulator.database.interface import OracleError
from simulator.database.sql.context import CallContext
from simulator.database.sql.functions import intervals
from simulator.database.sql.functions.formats import format_date, parse_date, round_date, truncate
from simulator.database.sql.functions.numbers import format_number
from simulator.database.sql.types import Cell, from_stamp, is_stamp, text_of, to_stamp

DATE_MASK: Final = "DD-MON-RR"
TIMESTAMP_MASK: Final = "DD-MON-RR HH.MI.SS.FF AM"
ISO_MASK: Final = "YYYY-MM-DD HH24:MI:SS.FF"


def scalar_functions(context: CallContext) -> dict[str, tuple[Callable[..., Cell], int]]:
    """Name → (function, number of arguments; -1 any)."""

    def statement_time() -> Cell:
        return to_stamp(context.now)

    def statement_date() -> Cell:
        return to_stamp(context.now.replace(microsecond=0))

    def mask(name: str, default: str) -> str:
        return context.settings.get(name, default)

    def to_date(text: Cell, *rest: Cell) -> Cell:
        return _parse(text, rest or (mask("NLS_DATE_FORMAT", DATE_MASK),), context.now, fraction=False)

    def to_timestamp(text: Cell, *rest: Cell) -> Cell:
        return _parse(text, rest or (mask("NLS_TIMESTAMP_FORMAT", TIMESTAMP_MASK),), context.now, fraction=True)

    def to_char(value: Cell, *rest: Cell) -> Cell:
        if not rest and is_stamp(value):
            rest = (mask("NLS_DATE_FORMAT", DATE_MASK),)
        return _to_char(value, rest)

    def as_timestamp(value: Cell) -> Cell:
        return value if value is None or is_stamp(value) else implicit_date(str(value), context)

    def as_date(value: Cell) -> Cell:
        stamp = as_timestamp(value)
        return None if stamp is None else str(stamp)[:19] + ".000000"

    return {
        "ora_systimestamp": (statement_time, 0),
        "ora_sysdate": (statement_date, 0),
        "ora_to_date": (to_date, -1),
        "ora_to_timestamp": (to_timestamp, -1),
        "ora_to_char": (to_char, -1),
        "ora_add": (intervals.add, 2),
        "ora_sub": (intervals.subtract, 3),
        "ora_mul": (intervals.multiply, 2),
        "ora_interval": (_interval, 3),
        "numtodsinterval": (intervals.num_to_ds, 2),
        "numtoyminterval": (intervals.num_to_ym, 2),
        "add_months": (_add_months, 2),
        "months_between": (_months_between, 2),
        "last_day": (_last_day, 1),
        "next_day": (_next_day, 2),
        "ora_trunc_date": (_trunc_date, 2),
        "ora_round_date": (_round_date, 2),
        "ora_extract": (_extract, 2),
        "ora_as_date": (as_date, 1),
        "ora_as_timestamp": (as_timestamp, 1),
    }


def _parse(text: Cell, rest: tuple[Cell, ...], now: datetime, *, fraction: bool) -> Cell:
    if text is None or rest[0] is None:
        return None
    if is_stamp(text):
        return text
    now = now.astimezone(UTC).replace(tzinfo=None)
    value = text if isinstance(text, str) else str(text)
    moment = parse_date(value, str(rest[0]), now)
    return to_stamp(moment if fraction else moment.replace(microsecond=0))


def _to_char(value: Cell, rest: tuple[Cell, ...]) -> Cell:
    """TO_CHAR of a date, number or text."""
    if value is None:
        return None
    if is_stamp(value):
        return format_date(from_stamp(str(value)), str(rest[0]))
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        raise OracleError(932, "inconsistent datatypes: expected CHAR got BINARY")
    return text_of(value) if not rest else format_number(value, str(rest[0]))


def _interval(text: Cell, first: Cell, last: Cell) -> Cell:
    return None if text is None else intervals.literal(str(text), str(first), str(last))


def _moment(cell: Cell) -> datetime:
    if not is_stamp(cell):
        raise OracleError(932, "inconsistent datatypes: expected DATE")
    return from_stamp(str(cell))


def _add_months(date: Cell, months: Cell) -> Cell:
    if date is None or months is None:
        return None
    return to_stamp(intervals.add_months(_moment(date).replace(microsecond=0), int(months)))


def _months_between(left: Cell, right: Cell) -> Cell:
    if left is None or right is None:
        return None
    first, second = _moment(left), _moment(right)
    months = (first.year - second.year) * 12 + first.month - second.month
    both_last = all(m.day == calendar.monthrange(m.year, m.month)[1] for m in (first, second))
    if first.day == second.day or both_last:
        return months
    seconds = (first - first.replace(day=1, hour=0, minute=0, second=0)) - (
        second - second.replace(day=1, hour=0, minute=0, second=0)
    )
    return months + seconds / timedelta(days=31)


def _last_day(date: Cell) -> Cell:
    if date is None:
        return None
    moment = _moment(date)
    return to_stamp(moment.replace(day=calendar.monthrange(moment.year, moment.month)[1]))


def _next_day(date: Cell, weekday: Cell) -> Cell:
    if date is None or weekday is None:
        return None
    names = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
    wanted = str(weekday).strip().upper()[:3]
    if wanted not in names:
        raise OracleError(1846, "not a valid day of the week")
    moment = _moment(date)
    ahead = (names.index(wanted) - moment.weekday() - 1) % 7 + 1
    return to_stamp(moment + timedelta(days=ahead))


def _trunc_date(date: Cell, unit: Cell) -> Cell:
    return None if date is None else to_stamp(truncate(_moment(date), str(unit)))


def _round_date(date: Cell, unit: Cell) -> Cell:
    return None if date is None else to_stamp(round_date(_moment(date), str(unit)))


def _extract(field: Cell, value: Cell) -> Cell:
    if value is None:
        return None
    name = str(field)
    if not is_stamp(value) and isinstance(value, str):
        span = intervals.parse_day_second(value)
        months = intervals.parse_year_month(value)
        if span is not None:
            return _extract_span(name, span)
        if months is not None:
            return months // 12 if name == "YEAR" else months % 12
    moment = _moment(value)
    if name == "SECOND":
        return moment.second + moment.microsecond / 1_000_000 if moment.microsecond else moment.second
    if name in ("TIMEZONE_HOUR", "TIMEZONE_MINUTE"):
        return 0
    if name not in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE"):
        raise OracleError(30076, "invalid extract field for extract source")
    return int(getattr(moment, name.lower()))


def _extract_span(name: str, span: timedelta) -> Cell:
    sign = -1 if span < timedelta(0) else 1
    span = abs(span)
    match name:
        case "DAY":
            return sign * span.days
        case "HOUR":
            return sign * (span.seconds // 3600)
        case "MINUTE":
            return sign * (span.seconds % 3600 // 60)
        case "SECOND":
            return sign * (span.seconds % 60 + span.microseconds / 1_000_000)
        case _:
            raise OracleError(30076, "invalid extract field for extract source")


def implicit_date(text: str, context: CallContext) -> str:
    """A text used as a date: read by the session's masks, or as literals are written. Raises OracleError 1861."""
    settings = context.settings
    masks = (
        settings.get("NLS_TIMESTAMP_FORMAT", TIMESTAMP_MASK),
        settings.get("NLS_DATE_FORMAT", DATE_MASK),
        ISO_MASK,
    )
    for mask in masks:
        try:
            return to_stamp(parse_date(text.strip(), mask, context.now))
        except OracleError:
            continue
    raise OracleError(1861, "literal does not match format string")
