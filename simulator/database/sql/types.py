"""Oracle's types: how a column declares them, how SQLite keeps them, how a value travels between the two.

Every date and timestamp is kept as 26 characters of UTC, ``2025-01-15 10:30:00.000000``: one form for all three
types makes comparison, order and indexes agree between them. NUMBER is an integer or a double, shown with 15 digits;
a value that needs more is refused rather than rounded behind the client's back.
"""

from __future__ import annotations

import re
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
    if len(value.normalize().as_tuple().digits) > 15:
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


def from_cell(cell: Cell, column: Column) -> Value:
    """A cell as a value of the column's type. Raises OracleError 1722 or 1861 when the two do not fit."""
    if cell is None:
        return None
    kind = column.type
    if kind is ColumnType.NUMBER:
        if isinstance(cell, str):
            cell = parse_number(cell)
        return number_value(cell, column.scale if column.scale != -127 else None)
    if kind in DATETIMES:
        if not isinstance(cell, str) or not is_stamp(cell):
            raise OracleError(1861, "literal does not match format string")
        moment = from_stamp(cell)
        return moment.replace(tzinfo=UTC) if kind is ColumnType.TIMESTAMP_TZ else moment
    if kind is ColumnType.BINARY_DOUBLE:
        return float(cell)
    if kind is ColumnType.BOOLEAN:
        return bool(cell)
    if kind in (ColumnType.RAW, ColumnType.BLOB):
        return cell if isinstance(cell, bytes) else str(cell).encode()
    return cell if isinstance(cell, str) else text_of(cell)


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
