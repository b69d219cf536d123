"""Oracle's types: how a column declares them, how SQLite keeps them, how a value travels between the two.

Every date and timestamp is kept as 26 characters of UTC, ``2025-01-15 10:30:00.000000``: one form for all three
types makes comparison, order and indexes agree between them. NUMBER is an integer of 64 bits or a double shown with 15
significant digits, where Oracle keeps 38: a whole number that does not fit is refused, a fraction is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from simulator.database.interface import Column, ColumnType, OracleError, Value

Cell = None | int | float | str | bytes
"""What SQLite can hold."""

MAX_INTEGER: Final = 2**63 - 1
MAX_VARCHAR: Final = 32767


@dataclass(frozen=True)
class OracleType:
    """A declared type; ``size`` counts characters when ``chars``, otherwise bytes."""

    kind: ColumnType
    size: int = 0
    chars: bool = False
    precision: int | None = None
    scale: int | None = None
    local_zone: bool = False
    interval: bool = False

    @property
    def physical(self) -> str:
        """The declaration that gives SQLite the right affinity and collation."""
        return _PHYSICAL[self.kind]

    @property
    def data_type(self) -> str:
        """The name that the data dictionary shows."""
        digits = 6 if self.scale is None else self.scale
        match self.kind:
            case ColumnType.TIMESTAMP:
                return f"TIMESTAMP({digits})"
            case ColumnType.TIMESTAMP_TZ:
                local = "LOCAL " if self.local_zone else ""
                return f"TIMESTAMP({digits}) WITH {local}TIME ZONE"
            case _:
                return self.kind.value

    def column(self, name: str, *, nullable: bool = True) -> Column:
        """The wire description of a column of this type."""
        sizes = {ColumnType.VARCHAR: self.size * (4 if self.chars else 1), ColumnType.CHAR: self.size}
        precision, scale = 0, -127
        if self.kind is ColumnType.NUMBER and self.scale is not None:
            precision, scale = self.precision or 38, self.scale
        size = sizes.get(self.kind, self.size) or _WIRE_SIZE.get(self.kind, 4000)
        return Column(name, self.kind, size, precision, scale, nullable)


_PHYSICAL: Final = {
    ColumnType.VARCHAR: "TEXT",
    ColumnType.CHAR: "TEXT COLLATE RTRIM",
    ColumnType.NUMBER: "NUMERIC",
    ColumnType.BINARY_DOUBLE: "REAL",
    ColumnType.DATE: "TEXT",
    ColumnType.TIMESTAMP: "TEXT",
    ColumnType.TIMESTAMP_TZ: "TEXT",
    ColumnType.RAW: "BLOB",
    ColumnType.CLOB: "TEXT",
    ColumnType.BLOB: "BLOB",
    ColumnType.JSON: "TEXT",
    ColumnType.BOOLEAN: "INTEGER",
}
_WIRE_SIZE: Final = {
    ColumnType.NUMBER: 22,
    ColumnType.BINARY_DOUBLE: 8,
    ColumnType.DATE: 7,
    ColumnType.TIMESTAMP: 11,
    ColumnType.TIMESTAMP_TZ: 13,
    ColumnType.BOOLEAN: 1,
}

VARCHAR: Final = OracleType(ColumnType.VARCHAR, 4000)
NUMBER: Final = OracleType(ColumnType.NUMBER)
DOUBLE: Final = OracleType(ColumnType.BINARY_DOUBLE)
DATE: Final = OracleType(ColumnType.DATE)
TIMESTAMP: Final = OracleType(ColumnType.TIMESTAMP)
TIMESTAMP_TZ: Final = OracleType(ColumnType.TIMESTAMP_TZ)
CLOB: Final = OracleType(ColumnType.CLOB)
BLOB: Final = OracleType(ColumnType.BLOB)
RAW: Final = OracleType(ColumnType.RAW, 2000)
JSON: Final = OracleType(ColumnType.JSON)
INTERVAL: Final = OracleType(ColumnType.VARCHAR, 30, interval=True)
"""Only inside expressions: the wire has no interval."""
DATETIMES: Final = frozenset({ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.TIMESTAMP_TZ})

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\Z")


def is_stamp(text: object) -> bool:
    """Whether a cell has the form in which dates are kept."""
    return isinstance(text, str) and len(text) == 26 and _STAMP.match(text) is not None


def to_stamp(moment: date) -> str:
    """The kept form of a date or datetime; an aware one is turned to UTC, a naive one is taken as UTC."""
    if not isinstance(moment, datetime):
        return f"{moment.isoformat()} 00:00:00.000000"
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(" ", "microseconds")


def from_stamp(stamp: str) -> datetime:
    """The naive UTC datetime of a kept form."""
    return datetime.fromisoformat(stamp)


def to_cell(value: Value) -> Cell:
    """A bind's value as SQLite keeps it. Raises OracleError 1426 for a number beyond the kept precision."""
    if value is None or value in ("", b""):
        return None
    if isinstance(value, (str, bytes, float)):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise OracleError(1426, "numeric overflow")
        return value
    if isinstance(value, Decimal):
        return number_cell(value)
    return to_stamp(value)


def number_cell(value: Decimal) -> int | float:
    """A decimal as an integer or a double. Raises OracleError 1426 when neither holds it."""
    if value == value.to_integral_value():
        if abs(value) > MAX_INTEGER:
            raise OracleError(1426, "numeric overflow")
        return int(value)
    if abs(value) >= 10**15:
        raise OracleError(1426, "numeric overflow")
    return float(value)


def number_value(cell: Cell, scale: int | None = None) -> Value:
    """A NUMBER as the client gets it: an integer where it is one, else a decimal of at most 15 digits."""
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:
            return int(cell)
        decimal = Decimal(f"{cell:.15g}")
        return round(decimal, scale) if scale is not None and scale > 0 else decimal
    return cell


def reader_of(column: Column) -> Callable[[Cell], Value]:  # noqa: PLR0911 (one answer per kind)
    """How a cell becomes a value of the column's type.

    The function raises OracleError 1722 or 1861 when the two do not fit.
    """
    scale = column.scale if column.scale != -127 else None
    match column.type:
        case ColumnType.VARCHAR | ColumnType.CHAR | ColumnType.CLOB | ColumnType.JSON:
            return lambda cell: cell if cell is None or isinstance(cell, str) else text_of(cell)
        case ColumnType.NUMBER:
            return lambda cell: cell if cell is None or isinstance(cell, int) else _read_number(cell, scale)
        case ColumnType.DATE | ColumnType.TIMESTAMP:
            return lambda cell: None if cell is None else _read_stamp(cell)
        case ColumnType.TIMESTAMP_TZ:
            return lambda cell: None if cell is None else _read_stamp(cell).replace(tzinfo=UTC)
        case ColumnType.BINARY_DOUBLE:
            return lambda cell: None if cell is None else float(cell)
        case ColumnType.BOOLEAN:
            return lambda cell: None if cell is None else bool(cell)
        case ColumnType.RAW | ColumnType.BLOB:
            return lambda cell: str(cell).encode() if isinstance(cell, (str, int, float)) else cell


def _read_number(cell: float | str | bytes, scale: int | None) -> Value:
    if isinstance(cell, bytes):
        raise OracleError(932, "inconsistent datatypes: expected NUMBER")
    return number_value(parse_number(cell) if isinstance(cell, str) else cell, scale)


def _read_stamp(cell: int | float | str | bytes) -> datetime:
    if not is_stamp(cell):
        raise OracleError(1861, "literal does not match format string")
    return datetime.fromisoformat(str(cell))


def parse_number(text: str) -> int | float:
    """A number written as text. Raises OracleError 1722."""
    try:
        return int(text) if re.fullmatch(r"\s*[-+]?\d+\s*", text) else float(text)
    except ValueError:
        raise OracleError(1722, "invalid number") from None


def text_of(cell: int | float | bytes) -> str:
    """A number (or RAW) as TO_CHAR without a format shows it."""
    if isinstance(cell, bytes):
        return cell.hex().upper()
    if isinstance(cell, int):
        return str(cell)
    if cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    text = format(Decimal(f"{cell:.15g}"), "f")
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
