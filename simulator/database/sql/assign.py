"""What a column makes of a value assigned to it: conversion, rounding, and Oracle's complaint when it does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.catalog import ColumnDef, Table
from simulator.database.sql.types import Cell, OracleType, is_stamp, number_cell, parse_number, text_of

Assigner = Callable[[Cell], Cell]


def make_assigner(table: Table, column: ColumnDef, implicit_date: Callable[[str], str]) -> Assigner:
    """The function that turns any cell into one that the column can keep. It raises OracleError 12899, 1438, ...

    ``implicit_date`` reads a text as a date by the running session's masks.
    """
    label = f'"{table.owner}"."{table.name}"."{column.name}"'
    convert = _converter(column.type, label, implicit_date)
    needs_value = column.identity is not None and not column.identity.on_null and not column.identity.always

    def assign(cell: Cell) -> Cell:
        if cell is None or cell == "":
            if needs_value:
                raise OracleError(1400, f"cannot insert NULL into ({label})")
            return None
        return convert(cell)

    return assign


def _converter(declared: OracleType, label: str, implicit_date: Callable[[str], str]) -> Assigner:  # noqa: PLR0911 (one answer per kind)
    match declared.kind:
        case ColumnType.VARCHAR | ColumnType.CHAR:
            return _text_converter(declared, label)
        case ColumnType.NUMBER:
            return _number_converter(declared)
        case ColumnType.BINARY_DOUBLE:
            return lambda cell: float(_number(cell))
        case ColumnType.DATE:
            return lambda cell: _stamp(cell, implicit_date)[:19] + ".000000"
        case ColumnType.TIMESTAMP | ColumnType.TIMESTAMP_TZ:
            digits = 6 if declared.scale is None else min(declared.scale, 6)
            return lambda cell: _stamp(cell, implicit_date)[: 20 + digits].ljust(26, "0")
        case ColumnType.RAW | ColumnType.BLOB:
            return _bytes_converter(declared, label)
        case ColumnType.JSON:
            return _json
        case ColumnType.BOOLEAN:
            return lambda cell: int(bool(_number(cell)))
        case ColumnType.CLOB:
            return _text


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (int, float)):
        return text_of(cell)
    if isinstance(cell, bytes):
        return cell.hex().upper()
    return ""


def _too_large(label: str, actual: int, maximum: int) -> OracleError:
    return OracleError(12899, f"value too large for column {label} (actual: {actual}, maximum: {maximum})")


def _text_converter(declared: OracleType, label: str) -> Assigner:
    size, chars = declared.size, declared.chars
    padded = declared.kind is ColumnType.CHAR

    def convert(cell: Cell) -> Cell:
        text = cell if isinstance(cell, str) else _text(cell)
        if len(text) * (1 if chars else 4) > size:  # cheap bound first: a character has at most four bytes
            actual = len(text) if chars else len(text.encode())
            if actual > size:
                raise _too_large(label, actual, size)
        return text.ljust(size) if padded else text

    return convert


def _number(cell: Cell) -> int | float:
    if isinstance(cell, (int, float)):
        return cell
    if isinstance(cell, str) and not is_stamp(cell):
        return parse_number(cell)
    raise OracleError(932, "inconsistent datatypes: expected NUMBER")


def _number_converter(declared: OracleType) -> Assigner:
    scale = declared.scale
    if scale is None:
        return _number
    limit = 10 ** ((declared.precision or 38) - scale)
    unit = Decimal(1).scaleb(-scale)

    def convert(cell: Cell) -> Cell:
        number = _number(cell)
        if isinstance(number, float):
            number = number_cell(Decimal(f"{number:.15g}").quantize(unit, rounding=ROUND_HALF_UP))
        if abs(number) >= limit:
            raise OracleError(1438, "value larger than specified precision allowed for this column")
        return number

    return convert


def _stamp(cell: Cell, implicit_date: Callable[[str], str]) -> str:
    if isinstance(cell, str):
        return cell if is_stamp(cell) else implicit_date(cell)
    raise OracleError(932, "inconsistent datatypes: expected DATE got NUMBER")


def _bytes_converter(declared: OracleType, label: str) -> Assigner:
    def convert(cell: Cell) -> Cell:
        if isinstance(cell, str):
            try:
                cell = bytes.fromhex(cell)
            except ValueError:
                raise OracleError(1465, "invalid hex number") from None
        if not isinstance(cell, bytes):
            raise OracleError(932, "inconsistent datatypes: expected BINARY")
        if declared.size and len(cell) > declared.size:
            raise _too_large(label, len(cell), declared.size)
        return cell

    return convert


def _json(cell: Cell) -> Cell:
    text = cell.decode() if isinstance(cell, bytes) else _text(cell)
    try:
        json.loads(text)
    except ValueError:
        raise OracleError(40441, "JSON syntax error") from None
    return text
