"""The messages that the server answers with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulator.database.interface import Column, ColumnType, Direction, OracleError
from simulator.database.net.buffers import lb, lb2, sb, text2, ub
from simulator.database.net.constants import (
    CALL_IN_TRANSACTION,
    CHARSET_UTF8,
    COLUMN_IS_JSON,
    ERROR_ARRAY_DML,
    ERROR_NO_DATA_FOUND,
    TTC_FIELD_VERSION,
    VERIFIER_TYPE_12C,
    Message,
    OracleType,
)
from simulator.database.net.values import LOB_TYPES, wire_type

_CHARACTER_TYPES = frozenset({OracleType.VARCHAR, OracleType.CHAR, OracleType.CLOB})
_FIXED_SIZES = {
    OracleType.NUMBER: 22,
    OracleType.BINARY_DOUBLE: 8,
    OracleType.DATE: 7,
    OracleType.TIMESTAMP: 11,
    OracleType.TIMESTAMP_TZ: 13,
    OracleType.CLOB: 4000,
    OracleType.BLOB: 4000,
    OracleType.BOOLEAN: 1,
}
_TIMESTAMPS = frozenset({OracleType.TIMESTAMP, OracleType.TIMESTAMP_TZ})
_JSON_SIZE = 32767
ROW = bytes((Message.ROW_DATA,))
ROW_HEADER = bytes((Message.ROW_HEADER, *bytes(7)))


def protocol() -> bytes:
    """The server's side of the protocol negotiation: UTF-8, NCHAR as UTF-16, the 19c field layout."""
    compile_caps = bytearray(55)
    compile_caps[7] = TTC_FIELD_VERSION
    runtime_caps = bytearray(13)
    runtime_caps[6] = 4  # strings of up to 32,767 bytes
    return b"".join(
        (
            b"\x01\x06\x00Oracle Database 19c\x00",
            CHARSET_UTF8.to_bytes(2, "little"),
            b"\x01\0\0",
            b"\x00\x0b",
            bytes(9) + b"\x07\xd0",
            lb(bytes(compile_caps)),
            lb(bytes(runtime_caps)),
        )
    )


def data_types() -> bytes:
    """No conversion needed for any type."""
    return bytes((Message.DATA_TYPES, 0, 0))


def status(*, in_transaction: bool) -> bytes:
    """The end of an answer that has nothing else to say."""
    return bytes((Message.STATUS,)) + ub(CALL_IN_TRANSACTION if in_transaction else 0) + b"\0"


def parameters(pairs: Mapping[str, str]) -> bytes:
    """Key and value pairs of the logon."""
    parts = [bytes((Message.PARAMETER,)), ub(len(pairs))]
    for key, value in pairs.items():
        parts += (text2(key), text2(value), ub(VERIFIER_TYPE_12C if key == "AUTH_VFR_DATA" else 0))
    return b"".join(parts)


def session_returned(session_id: int, serial: int) -> bytes:
    """Ahead of the first answer after a pooled session came back: the client's open cursors are gone."""
    return bytes((Message.SERVER_PIGGYBACK, 4, 0, 0, 0)) + ub(4) + ub(session_id) + ub(serial & 0xFFFF)


def describe(columns: Sequence[Column]) -> bytes:
    """The description of a query's columns."""
    row_size = sum(_size(column) for column in columns)
    parts = [bytes((Message.DESCRIBE, 0)), ub(row_size), ub(len(columns))]
    if columns:
        parts.append(b"\0")
    parts += (_column(column, position) for position, column in enumerate(columns, 1))
    parts.append(bytes(6))
    return b"".join(parts)


def _size(column: Column) -> int:
    """Bytes of the column's buffer; 0 would tell the client that every value is NULL."""
    if column.type is ColumnType.JSON:
        return _JSON_SIZE
    return _FIXED_SIZES.get(wire_type(column)) or max(column.size, 1)


def _column(column: Column, position: int) -> bytes:
    kind = wire_type(column)
    has_charset = kind in _CHARACTER_TYPES
    size = _size(column)
    precision, scale = 0, 0
    if kind == OracleType.NUMBER:
        precision, scale = column.precision, column.scale
    elif kind in _TIMESTAMPS:
        scale = column.scale if column.scale >= 0 else 6
    name = column.name.encode()
    return b"".join(
        (
            bytes((kind, 0, precision & 255, scale & 255)),
            ub(size),
            b"\0\0\0\0",  # array elements, continuation flags, type identifier, version
            ub(CHARSET_UTF8 if has_charset else 0),
            b"\x01" if has_charset else b"\0",
            ub(size if has_charset and kind not in LOB_TYPES else 0),
            b"\0",
            bytes((column.nullable, min(len(name), 255))),
            lb2(name),
            b"\0\0",
            ub(position),
            ub(COLUMN_IS_JSON if column.type is ColumnType.JSON else 0),
        )
    )


def io_vector(directions: Sequence[Direction]) -> bytes:
    """Which way each bind of a PL/SQL block travels."""
    count = len(directions)
    head = bytes((Message.IO_VECTOR, 0)) + ub(count % 256) + ub(count // 256) + bytes(4)
    return head + bytes(direction.value for direction in directions)


def row_counts(counts: Sequence[int]) -> bytes:
    """Rows touched by each execution, when the client asked for them."""
    return bytes((Message.PARAMETER, 0, 0, 0, 0)) + ub(len(counts)) + b"".join(map(ub, counts))


def lob_data(data: bytes) -> bytes:
    """The content that a LOB read gives."""
    return bytes((Message.LOB_DATA,)) + lb(data)


@dataclass(frozen=True)
class End:
    """How a call that runs statements ended; ``error`` None means well."""

    cursor: int = 0
    row_count: int = 0
    in_transaction: bool = False
    error: OracleError | None = None
    batch_errors: Sequence[tuple[int, OracleError]] = ()


def end_of_rows(cursor: int, row_count: int, *, in_transaction: bool) -> bytes:
    """A query's last answer: no more rows."""
    return end(End(cursor, row_count, in_transaction, OracleError(ERROR_NO_DATA_FOUND, "no data found")))


def end(outcome: End) -> bytes:
    """The ERROR message, which ends every answer to a statement, good or bad."""
    error = outcome.error
    if error is None and outcome.batch_errors:
        error = OracleError(ERROR_ARRAY_DML, "error(s) in array DML")
    code = error.code if error else 0
    return b"".join(
        (
            bytes((Message.ERROR,)),
            ub(CALL_IN_TRANSACTION if outcome.in_transaction else 0),
            b"\0\0",  # end-to-end sequence, current row
            ub(code if code < 1 << 16 else 0),
            b"\0\0",
            ub(outcome.cursor),
            sb(min(error.offset, 32767) if error else 0),
            bytes(6),  # SQL type, fatal, flags, cursor options, UPI parameter, warnings
            bytes(5),  # rowid
            bytes(6),  # OS error, statement and call number, padding, iterations, logical rowid
            _batch(outcome.batch_errors),
            ub(code),
            ub(outcome.row_count),
            lb(str(error).encode()) if error else b"",
        )
    )


def _batch(errors: Sequence[tuple[int, OracleError]]) -> bytes:
    """Three arrays: codes, row numbers, messages."""
    if not errors:
        return b"\0\0\0"
    return b"".join(
        (
            _array(ub(error.code) for _, error in errors),
            _array(ub(row) for row, _ in errors),
            _array(_message(error) for _, error in errors),
        )
    )


def _array(items: Iterable[bytes]) -> bytes:
    parts = list(items)
    return ub(len(parts)) + b"\x01" + b"".join(parts)


def _message(error: OracleError) -> bytes:
    text = str(error).encode()
    return ub(len(text)) + lb(text) + b"\0\0"
