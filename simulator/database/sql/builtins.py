"""Oracle's functions: what each becomes in SQLite and what type it gives.

A function that is in neither table does not exist: ORA-00904, as Oracle says of a misspelt one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from simulator.database.interface import OracleError
from simulator.database.sql.types import (
    BLOB,
    CLOB,
    DATE,
    INTERVAL,
    NUMBER,
    RAW,
    TIMESTAMP,
    TIMESTAMP_TZ,
    VARCHAR,
    OracleType,
)

Rule = OracleType | int | None
"""A fixed type, the number of the argument whose type it is, or None: the value will tell."""


@dataclass(frozen=True)
class Builtin:
    """A function of another name in SQLite with the same arguments."""

    target: str
    type: Rule
    least: int = 1
    most: int = 1


def _table(rows: str, rule: Rule) -> dict[str, Builtin]:
    table: dict[str, Builtin] = {}
    for row in rows.split():
        name, target, least, most = row.split(":")
        table[name] = Builtin(target or name.lower(), rule, int(least), int(most))
    return table


# name : SQLite function (empty: the same in lower case) : least arguments : most
BUILTINS: Final[dict[str, Builtin]] = {
    **_table(
        "COUNT::1:1 SUM::1:1 AVG::1:1 MEDIAN:ora_median:1:1 STDDEV::1:1 STDDEV_SAMP::1:1 STDDEV_POP::1:1 VARIANCE::1:1"
        " VAR_SAMP:variance:1:1 VAR_POP::1:1 ROW_NUMBER::0:0 RANK::0:0 DENSE_RANK::0:0 PERCENT_RANK::0:0"
        " CUME_DIST::0:0 NTILE::1:1 LENGTH::1:1 LENGTHB:octet_length:1:1 LENGTHC:length:1:1 INSTR:ora_instr:2:4"
        " ASCII:ora_ascii:1:1 REGEXP_COUNT::2:4 REGEXP_INSTR::2:6 ABS::1:1 SIGN::1:1 CEIL::1:1"
        " CEILING:ceil:1:1 FLOOR::1:1 SQRT::1:1 EXP::1:1"
        " LN::1:1 LOG::2:2 SIN::1:1 COS::1:1 TAN::1:1 ASIN::1:1 ACOS::1:1 ATAN::1:1 ATAN2::2:2"
        " SINH::1:1 COSH::1:1 TANH::1:1 MOD:ora_mod:2:2 REMAINDER:ora_mod:2:2 POWER:ora_power:2:2"
        " BITAND:ora_bitand:2:2 TO_NUMBER:ora_to_number:1:3 MONTHS_BETWEEN::2:2 TIMESTAMP_TO_SCN::1:1 VSIZE:length:1:1",
        NUMBER,
    ),
    **_table(
        "UPPER:ora_upper:1:1 LOWER:ora_lower:1:1 INITCAP::1:1 SUBSTR:ora_substr:2:3 SUBSTRB:ora_substr:2:3"
        " LPAD::2:3 RPAD::2:3 REPLACE:ora_replace:2:3 TRANSLATE:ora_translate:3:3 CONCAT:ora_concat:2:2"
        " CHR:ora_chr:1:1 REGEXP_SUBSTR::2:6 REGEXP_REPLACE::2:6 TO_CHAR:ora_to_char:1:3 TO_NCHAR:ora_to_char:1:3"
        " SYS_CONTEXT::2:3 RAWTOHEX::1:1",
        VARCHAR,
    ),
    **_table("MIN::1:1 MAX::1:1 LAG::1:3 LEAD::1:3 FIRST_VALUE::1:1 LAST_VALUE::1:1 NTH_VALUE::2:2 NULLIF::2:2", 0),
    **_table("NVL:ifnull:2:2 COALESCE::2:99 GREATEST:max:1:99 LEAST:min:1:99", 0),
    **_table("TO_DATE:ora_to_date:1:3 ADD_MONTHS::2:2 NEXT_DAY::2:2", DATE),
    **_table("LAST_DAY::1:1", DATE),
    **_table("TO_TIMESTAMP:ora_to_timestamp:1:3 SCN_TO_TIMESTAMP::1:1", TIMESTAMP),
    **_table("TO_TIMESTAMP_TZ:ora_to_timestamp:1:3", TIMESTAMP_TZ),
    **_table("NUMTODSINTERVAL::2:2 NUMTOYMINTERVAL::2:2", INTERVAL),
    **_table("SYS_GUID::0:0 HEXTORAW::1:1 STANDARD_HASH::1:2", RAW),
}

# Written with or without parentheses and without arguments.
CONSTANTS: Final[dict[str, tuple[str, OracleType]]] = {
    "SYSDATE": ("ora_sysdate", DATE),
    "CURRENT_DATE": ("ora_sysdate", DATE),
    "SYSTIMESTAMP": ("ora_systimestamp", TIMESTAMP_TZ),
    "CURRENT_TIMESTAMP": ("ora_systimestamp", TIMESTAMP_TZ),
    "LOCALTIMESTAMP": ("ora_systimestamp", TIMESTAMP),
    "USER": ("ora_user", VARCHAR),
    "ORA_INVOKING_USER": ("ora_user", VARCHAR),
}

# Dotted calls: packages.
PACKAGES: Final[dict[str, tuple[str, OracleType]]] = {
    "DBMS_RANDOM.VALUE": ("ora_random", NUMBER),
    "DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER": ("ora_current_scn", NUMBER),
    "DBMS_TRANSACTION.LOCAL_TRANSACTION_ID": ("ora_transaction_id", VARCHAR),
    "DBMS_LOB.GETLENGTH": ("length", NUMBER),
    "DBMS_LOB.SUBSTR": ("ora_lob_substr", VARCHAR),
}

Arguments = list[exp.Expr]


def call(name: str, *arguments: exp.Expr | str | float) -> exp.Expr:
    """A call of an SQLite function."""
    return exp.Anonymous(this=name, expressions=[_node(a) for a in arguments])


def _node(value: exp.Expr | str | float) -> exp.Expr:
    if isinstance(value, exp.Expr):
        return value
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def _decode(arguments: Arguments) -> exp.Expr:
    """DECODE finds NULL equal to NULL, so the comparison is IS."""
    subject, rest = arguments[0], arguments[1:]
    case = exp.Case(ifs=[])
    while len(rest) > 1:
        test = exp.Is(this=subject.copy(), expression=rest[0])
        case.append("ifs", exp.If(this=exp.paren(test, copy=False), true=rest[1]))
        rest = rest[2:]
    if rest:
        case.set("default", rest[0])
    return case


def _nvl2(arguments: Arguments) -> exp.Expr:
    test = exp.Not(this=exp.Is(this=arguments[0], expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=test, true=arguments[1])], default=arguments[2])


def _side(side: str) -> Callable[[Arguments], exp.Expr]:
    return lambda a: call("ora_trim", a[0], a[1] if len(a) > 1 else " ", side)


@dataclass(frozen=True)
class Special:
    """A function that becomes some other expression."""

    build: Callable[[Arguments], exp.Expr]
    type: Rule
    least: int
    most: int


SPECIALS: Final[dict[str, Special]] = {
    "DECODE": Special(_decode, 2, 3, 255),
    "NVL2": Special(_nvl2, 1, 3, 3),
    "LTRIM": Special(_side("LEADING"), VARCHAR, 1, 2),
    "RTRIM": Special(_side("TRAILING"), VARCHAR, 1, 2),
    "REGEXP_LIKE": Special(lambda a: call("regexp_like", *a), None, 2, 3),
    "TO_CLOB": Special(lambda a: a[0], CLOB, 1, 1),
    "TO_BLOB": Special(lambda a: a[0], BLOB, 1, 1),
    "EMPTY_CLOB": Special(lambda _: exp.Null(), CLOB, 0, 0),
    "EMPTY_BLOB": Special(lambda _: exp.Null(), BLOB, 0, 0),
    "SYS_EXTRACT_UTC": Special(lambda a: a[0], TIMESTAMP, 1, 1),
    "DBTIMEZONE": Special(lambda _: exp.Literal.string("+00:00"), VARCHAR, 0, 0),
    "UTL_RAW.CAST_TO_RAW": Special(lambda a: exp.Cast(this=a[0], to=exp.DataType.build("BLOB")), RAW, 1, 1),
}


def builtin_type(name: str) -> Rule:
    """The rule for a function's type. Raises OracleError 904 when there is no such function."""
    known = BUILTINS.get(name) or SPECIALS.get(name)
    if known is not None:
        return known.type
    if name in CONSTANTS:
        return CONSTANTS[name][1]
    raise OracleError(904, f'"{name}": invalid identifier')


def build_call(name: str, arguments: Arguments) -> exp.Expr:
    """The SQLite form of a function call. Raises OracleError 904, 909 or 938."""
    if name in CONSTANTS and not arguments:
        return call(CONSTANTS[name][0])
    known = BUILTINS.get(name) or SPECIALS.get(name)
    if known is None:
        raise OracleError(904, f'"{name}": invalid identifier')
    if len(arguments) < known.least:
        raise OracleError(938 if known.least > 1 else 909, "not enough arguments for function")
    if len(arguments) > known.most:
        raise OracleError(939 if known.most > 1 else 909, "too many arguments for function")
    if isinstance(known, Special):
        return known.build(arguments)
    return call(known.target, *arguments)
