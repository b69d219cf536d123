"""SQLite's complaints as Oracle's errors, with the constraint's own name."""

from __future__ import annotations

import re

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import Catalog, Table

_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_INDEX = re.compile(r"UNIQUE constraint failed: index '(.+)'")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: (.+)\.([^.]+)")
_CHECK = re.compile(r"CHECK constraint failed: (.+)")


def to_oracle(error: apsw.Error, catalog: Catalog, *, kind: str = "") -> OracleError:  # noqa: PLR0911 (one answer per kind)
    """The Oracle error for what SQLite raised; ``kind`` is the DML statement's first word."""
    text = str(error)
    if isinstance(error, apsw.InterruptError):
        return OracleError(1013, "user requested cancel of current operation.")
    if isinstance(error, apsw.ConstraintError):
        return _constraint(text, catalog, kind)
    if isinstance(error, apsw.MismatchError):
        return OracleError(1722, "invalid number")
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return OracleError(54, "resource busy and acquire with NOWAIT specified or timeout expired")
    if isinstance(error, apsw.ReadOnlyError):
        return OracleError(16000, "database or pluggable database open for read-only access")
    if isinstance(error, apsw.FullError):
        return OracleError(1653, "unable to extend table")
    if isinstance(error, apsw.TooBigError):
        return OracleError(1489, "result of string concatenation is too long")
    return _sql(text)


def _sql(text: str) -> OracleError:  # noqa: PLR0911 (one answer per kind)
    if match := re.search(r'no such column: "?([^"]+?)"?(?: - should|$)', text):
        name = '"."'.join(match[1].split("."))
        return OracleError(904, f'"{name}": invalid identifier')
    if match := re.search(r"ambiguous column name: (.+)", text):
        return OracleError(918, f"{match[1]}: column ambiguously specified")
    if "no such table" in text:
        return OracleError(942, "table or view does not exist")
    if "misuse of aggregate" in text or "misuse of window" in text:
        return OracleError(934, "group function is not allowed here")
    if "do not have the same number of result columns" in text:
        return OracleError(1789, "query block has incorrect number of result columns")
    if "sub-select returns" in text:
        return OracleError(913, "too many values")
    if "integer overflow" in text:
        return OracleError(1426, "numeric overflow")
    return OracleError(3001, f"unimplemented feature: {text}")


def _constraint(text: str, catalog: Catalog, kind: str) -> OracleError:
    if match := _NOT_NULL.match(text):
        owner, _, table = match[1].partition(".")
        code, verb = (1407, "update") if kind == "UPDATE" else (1400, "insert NULL into")
        column = f'("{owner}"."{table}"."{match[2]}")'
        return OracleError(code, f"cannot {verb} {column}" + (" to NULL" if code == 1407 else ""))
    if match := _INDEX.match(text):
        return OracleError(1, f"unique constraint ({match[1].removesuffix('#')}) violated")
    if match := _UNIQUE.match(text):
        return OracleError(1, f"unique constraint ({_unique_name(match[1], catalog)}) violated")
    if match := _CHECK.match(text):
        return OracleError(2290, f"check constraint ({match[1]}) violated")
    if "FOREIGN KEY" in text:
        return OracleError(2291, "integrity constraint violated - parent key not found")
    return OracleError(3001, f"unimplemented feature: {text}")


def _unique_name(listed: str, catalog: Catalog) -> str:
    """The constraint or unique index over these columns, each written ``OWNER.TABLE.COLUMN``."""
    parts = [part.rpartition(".") for part in listed.split(", ")]
    table = catalog.by_physical(parts[0][0])
    columns = tuple(part[2] for part in parts)
    if not isinstance(table, Table):
        return listed
    for constraint in table.constraints:
        if constraint.kind in "PU" and constraint.columns == columns:
            return f"{table.owner}.{constraint.name}"
    for index in catalog.indexes_of(table):
        if index.unique and tuple(e.strip('"') for e in index.expressions) == columns:
            return f"{index.owner}.{index.name}"
    return listed


def foreign_key_error(table: Table, constraint_name: str, kind: str) -> OracleError:
    """ORA-02291 or ORA-02292 for a named foreign key; ``table`` is the one that the statement changed."""
    if kind == "DELETE":
        return OracleError(2292, f"integrity constraint ({constraint_name}) violated - child record found")
    return OracleError(2291, f"integrity constraint ({constraint_name}) violated - parent key not found")
