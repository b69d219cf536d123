"""Types as they are written: in a column definition, in CAST."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.types import CLOB, DATE, DOUBLE, NUMBER, TIMESTAMP, TIMESTAMP_TZ, OracleType

_INTEGER: Final = OracleType(ColumnType.NUMBER, precision=38, scale=0)
_SIMPLE: Final = {
    "DATE": DATE,
    "CLOB": CLOB,
    "NCLOB": CLOB,
    "LONG": CLOB,
    "BLOB": OracleType(ColumnType.BLOB),
    "JSON": OracleType(ColumnType.JSON),
    "BOOLEAN": OracleType(ColumnType.BOOLEAN),
    "INTEGER": _INTEGER,
    "INT": _INTEGER,
    "SMALLINT": _INTEGER,
    "REAL": NUMBER,
    "BINARY_FLOAT": DOUBLE,
    "BINARY_DOUBLE": DOUBLE,
}
_TEXT: Final = {"VARCHAR2": (ColumnType.VARCHAR, 32767), "VARCHAR": (ColumnType.VARCHAR, 32767),
                "NVARCHAR2": (ColumnType.VARCHAR, 16383), "CHAR": (ColumnType.CHAR, 2000),
                "NCHAR": (ColumnType.CHAR, 1000), "RAW": (ColumnType.RAW, 32767)}  # fmt: skip


def read_type(reader: TokenReader) -> OracleType:
    """Take a data type. Raises OracleError 902 and its kin."""
    start = reader.position
    word = reader.name()
    if word in _SIMPLE:
        return _SIMPLE[word]
    if word in _TEXT:
        return _sized(reader, word)
    if word in ("NUMBER", "NUMERIC", "DECIMAL", "DEC"):
        return _number(reader, exact=word != "NUMBER")
    if word == "FLOAT":
        if reader.op("("):
            reader.number()
            reader.expect_op(")")
        return NUMBER
    if word == "DOUBLE":
        reader.expect("PRECISION")
        return NUMBER
    if word == "TIMESTAMP":
        return _timestamp(reader)
    if word in ("INTERVAL", "XMLTYPE", "SDO_GEOMETRY", "VECTOR", "BFILE", "ROWID", "UROWID"):
        raise OracleError(3001, f"unimplemented feature: data type {word}", offset=start)
    raise OracleError(902, "invalid datatype", offset=start)


def _sized(reader: TokenReader, word: str) -> OracleType:
    kind, maximum = _TEXT[word]
    size, chars = 1, word.startswith("N")
    if reader.op("("):
        size = reader.number()
        unit = reader.any_word("CHAR", "BYTE")
        chars = chars or unit == "CHAR"
        reader.expect_op(")")
    elif kind is not ColumnType.CHAR:
        raise OracleError(906, "missing left parenthesis", offset=reader.position)
    if not 1 <= size <= maximum:
        raise OracleError(910, "specified length too long for its datatype", offset=reader.position)
    return OracleType(kind, size, chars)


def _number(reader: TokenReader, *, exact: bool) -> OracleType:
    if not reader.op("("):
        return _INTEGER if exact else NUMBER
    precision = 38 if reader.op("*") else reader.number()
    scale = reader.number() if reader.op(",") else 0
    reader.expect_op(")")
    if not 1 <= precision <= 38:
        raise OracleError(1727, "numeric precision specifier is out of range (1 to 38)", offset=reader.position)
    return OracleType(ColumnType.NUMBER, precision=precision, scale=scale)


def _timestamp(reader: TokenReader) -> OracleType:
    digits = 6
    if reader.op("("):
        digits = reader.number()
        reader.expect_op(")")
    if not reader.words("WITH"):
        return OracleType(ColumnType.TIMESTAMP, scale=digits)
    local = reader.words("LOCAL")
    reader.expect("TIME", "ZONE")
    return OracleType(ColumnType.TIMESTAMP_TZ, scale=digits, local_zone=local)


def from_datatype(node: exp.DataType) -> OracleType:
    """The type named in a CAST or RETURNING clause. Raises OracleError 902."""
    arguments = [int(p.this.name) for p in node.expressions if isinstance(p, exp.DataTypeParam) and p.this.is_int]
    name = str(node.this.value) if isinstance(node.this, exp.DType) else str(node.this)
    if name in ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "TEXT"):
        kind = ColumnType.CHAR if name in ("CHAR", "NCHAR") else ColumnType.VARCHAR
        return CLOB if name == "TEXT" else OracleType(kind, arguments[0] if arguments else 4000)
    if name in ("DECIMAL", "BIGINT", "INT", "SMALLINT", "BIGDECIMAL"):
        if not arguments:
            return NUMBER if name in ("DECIMAL", "BIGDECIMAL") else _INTEGER
        return OracleType(ColumnType.NUMBER, precision=arguments[0], scale=arguments[1] if len(arguments) > 1 else 0)
    found = _CAST.get(name)
    if found is None:
        raise OracleError(902, "invalid datatype")
    return found


_CAST: Final = {
    "DATE": DATE,
    "DATETIME": DATE,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": TIMESTAMP_TZ,
    "TIMESTAMPLTZ": TIMESTAMP_TZ,
    "DOUBLE": DOUBLE,
    "FLOAT": NUMBER,
    "BLOB": OracleType(ColumnType.BLOB),
    "VARBINARY": OracleType(ColumnType.RAW, 2000),
    "JSON": OracleType(ColumnType.JSON),
    "BOOLEAN": OracleType(ColumnType.BOOLEAN),
    "CLOB": CLOB,
}
