"""Values to and from the wire: one encoder per column, one decoder per bind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from simulator.database.interface import Column, ColumnType, OracleError, Value
from simulator.database.net.buffers import Reader, lb
from simulator.database.net.constants import OracleType
from simulator.database.net.datetimes import (
    decode_datetime,
    decode_double,
    encode_date,
    encode_double,
    encode_timestamp,
    encode_timestamp_tz,
)
from simulator.database.net.lobs import LobTable
from simulator.database.net.numbers import decode_number, encode_number

Encoder = Callable[[Value], bytes]
NULL = b"\0"
_LONG_TRAILER = b"\0\0"  # indicator and return code, after each value of a LONG column
NCHAR_FORM = 2


@dataclass(frozen=True)
class BindType:
    """How the client declared a bind or a define."""

    type: int
    is_array: bool
    size: int
    charset_form: int


COLUMN_TYPES: dict[ColumnType, OracleType] = {
    ColumnType.VARCHAR: OracleType.VARCHAR,
    ColumnType.CHAR: OracleType.CHAR,
    ColumnType.NUMBER: OracleType.NUMBER,
    ColumnType.BINARY_DOUBLE: OracleType.BINARY_DOUBLE,
    ColumnType.DATE: OracleType.DATE,
    ColumnType.TIMESTAMP: OracleType.TIMESTAMP,
    ColumnType.TIMESTAMP_TZ: OracleType.TIMESTAMP_TZ,
    ColumnType.RAW: OracleType.RAW,
    ColumnType.CLOB: OracleType.CLOB,
    ColumnType.BLOB: OracleType.BLOB,
    ColumnType.JSON: OracleType.VARCHAR,  # flagged as JSON text in the description
    ColumnType.BOOLEAN: OracleType.BOOLEAN,
}
LOB_TYPES = frozenset({OracleType.CLOB, OracleType.BLOB})
LOCATOR_TYPES = LOB_TYPES | {OracleType.JSON, OracleType.VECTOR}


def wire_type(column: Column) -> OracleType:
    """The type code that a column is described with."""
    return COLUMN_TYPES[column.type]


def _mismatch(value: Value, wanted: str) -> OracleError:
    return OracleError(932, f"inconsistent datatypes: expected {wanted} got {type(value).__name__}")


def _text(value: Value) -> bytes:
    if isinstance(value, str):
        return lb(value.encode())
    if value is None:
        return NULL
    if isinstance(value, bytes):
        return lb(value.hex().upper().encode())
    if isinstance(value, bool):
        return lb(b"TRUE" if value else b"FALSE")
    return lb(str(value).encode())


def _number(value: Value) -> bytes:
    if value is None:
        return NULL
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except InvalidOperation as error:
            raise OracleError(1722, "invalid number") from error
    if not isinstance(value, int | float | Decimal):
        raise _mismatch(value, "NUMBER")
    return lb(encode_number(value))


def _double(value: Value) -> bytes:
    if value is None:
        return NULL
    if not isinstance(value, int | float | Decimal):
        raise _mismatch(value, "BINARY_DOUBLE")
    return lb(encode_double(float(value)))


def _raw(value: Value) -> bytes:
    if value is None:
        return NULL
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        raise _mismatch(value, "RAW")
    return lb(value)


def _boolean(value: Value) -> bytes:
    if value is None:
        return NULL
    return b"\x02\x01\x01" if value else b"\x01\x00"


def _moment(encode: Callable[[date], bytes], name: str) -> Encoder:
    def encoder(value: Value) -> bytes:
        if value is None:
            return NULL
        if not isinstance(value, date):
            raise _mismatch(value, name)
        return lb(encode(value))

    return encoder


def _long(encode: Encoder) -> Encoder:
    return lambda value: encode(value) + _LONG_TRAILER


_ENCODERS: dict[int, Encoder] = {
    OracleType.VARCHAR: _text,
    OracleType.CHAR: _text,
    OracleType.LONG: _text,
    OracleType.NUMBER: _number,
    OracleType.BINARY_INTEGER: _number,
    OracleType.BINARY_DOUBLE: _double,
    OracleType.RAW: _raw,
    OracleType.LONG_RAW: _raw,
    OracleType.BOOLEAN: _boolean,
    OracleType.DATE: _moment(encode_date, "DATE"),
    OracleType.TIMESTAMP: _moment(encode_timestamp, "TIMESTAMP"),
    OracleType.TIMESTAMP_LTZ: _moment(encode_timestamp, "TIMESTAMP"),
    OracleType.TIMESTAMP_TZ: _moment(encode_timestamp_tz, "TIMESTAMP WITH TIME ZONE"),
}


def _lob(lobs: LobTable, held: list[bytes], *, text: bool, temporary: bool) -> Encoder:
    def encoder(value: Value) -> bytes:
        if text and value is not None and not isinstance(value, str):
            value = str(value)
        if not text and isinstance(value, str):
            value = value.encode()
        if value is not None and not isinstance(value, str | bytes):
            raise _mismatch(value, "CLOB" if text else "BLOB")
        return lobs.column_value(value, held, temporary=temporary)

    return encoder


def column_encoder(column: Column, define: BindType | None, lobs: LobTable, held: list[bytes]) -> Encoder:
    """How one column's values travel; ``define`` tells whether the client wants a LOB or its content."""
    kind = wire_type(column)
    if kind not in LOB_TYPES:
        return _ENCODERS[kind]
    if define is None or define.type in LOB_TYPES:
        return _lob(lobs, held, text=kind == OracleType.CLOB, temporary=False)
    return _long(_ENCODERS[OracleType.LONG if kind == OracleType.CLOB else OracleType.LONG_RAW])


def out_bind_encoder(bind: BindType, lobs: LobTable, held: list[bytes]) -> Encoder:
    """How an OUT or RETURNING value travels, by the type that the client declared.

    Raises OracleError 3001 for types that this server does not hand out (cursors, objects, arrays).
    """
    if bind.type in LOB_TYPES:
        return _lob(lobs, held, text=bind.type == OracleType.CLOB, temporary=True)
    encoder = _ENCODERS.get(bind.type)
    if encoder is None or bind.is_array:
        raise OracleError(3001, f"unimplemented feature: OUT bind of type {bind.type}")
    if bind.charset_form == NCHAR_FORM:
        return lambda value: NULL if value is None else lb(str(value).encode("utf-16-be"))
    return encoder


def bind_reader(bind: BindType) -> Callable[[Reader], bytes | None]:
    """How one bind's value stands in a request; a LOB's is its locator."""
    if bind.is_array:
        element = bind_reader(BindType(bind.type, is_array=False, size=bind.size, charset_form=bind.charset_form))
        return lambda reader: _read_array(reader, element)
    return _READERS.get(bind.type, Reader.lb)


def _read_array(reader: Reader, element: Callable[[Reader], bytes | None]) -> None:
    for _ in range(reader.ub()):
        element(reader)


def _read_located(reader: Reader) -> bytes | None:
    reader.lb2()
    return reader.lb()


def _read_object(reader: Reader) -> bytes | None:
    reader.lb2()
    reader.lb2()
    reader.ubs(2)
    return reader.lb() if reader.ubs(2)[0] else None


def _read_cursor(reader: Reader) -> None:
    if reader.u8() and reader.u8():
        reader.ub()


_READERS: dict[int, Callable[[Reader], bytes | None]] = {
    OracleType.CLOB: Reader.lb2,
    OracleType.BLOB: Reader.lb2,
    OracleType.JSON: _read_located,
    OracleType.VECTOR: _read_located,
    OracleType.OBJECT: _read_object,
    OracleType.CURSOR: _read_cursor,
}


def bind_decoder(bind: BindType, lobs: LobTable) -> Callable[[bytes], Value]:
    """How one bind's bytes become a value. Raises OracleError 3001 for types that this server does not take."""
    decoder = _DECODERS.get(bind.type)
    if bind.is_array:
        decoder = None
    elif bind.type in TEXT_TYPES:
        encoding = "utf-16-be" if bind.charset_form == NCHAR_FORM else "utf-8"
        decoder = lambda data: data.decode(encoding)  # noqa: E731
    elif bind.type in LOB_TYPES:
        decoder = lambda data: lobs.find(data).value  # noqa: E731
    if decoder is None:
        raise OracleError(3001, f"unimplemented feature: {'array of' if bind.is_array else 'bind of'} type {bind.type}")
    return decoder


TEXT_TYPES = frozenset({OracleType.VARCHAR, OracleType.CHAR, OracleType.LONG, OracleType.ROWID})
_DECODERS: dict[int, Callable[[bytes], Value]] = {
    OracleType.NUMBER: decode_number,
    OracleType.BINARY_INTEGER: decode_number,
    OracleType.BINARY_DOUBLE: decode_double,
    OracleType.BINARY_FLOAT: decode_double,
    OracleType.RAW: bytes,
    OracleType.LONG_RAW: bytes,
    OracleType.DATE: decode_datetime,
    OracleType.TIMESTAMP: decode_datetime,
    OracleType.TIMESTAMP_TZ: decode_datetime,
    OracleType.TIMESTAMP_LTZ: decode_datetime,
    OracleType.BOOLEAN: lambda data: data[0] == 1,
}
