"""A small real engine behind the server's interface, on SQLite: enough SQL to drive every answer of the protocol.

It stands in for the product's engine in the tests of the network side. Statements go to SQLite as they are, except
for binds, RETURNING INTO, types in CREATE TABLE and a handful of PL/SQL blocks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import apsw

from simulator.database.interface import (
    BindSlot,
    ClientInfo,
    Column,
    ColumnType,
    Direction,
    OracleError,
    RefusedConnectionError,
    Result,
    Statement,
    StatementKind,
    Value,
    Verifier,
)
from simulator.database.net import derive_verifier

_KINDS = {
    "SELECT": StatementKind.QUERY,
    "WITH": StatementKind.QUERY,
    "INSERT": StatementKind.DML,
    "UPDATE": StatementKind.DML,
    "DELETE": StatementKind.DML,
    "BEGIN": StatementKind.PLSQL,
    "CREATE": StatementKind.DDL,
    "DROP": StatementKind.DDL,
    "ALTER": StatementKind.OTHER,
}
_BIND = re.compile(r"'(?:[^']|'')*'|:(\w+)")
_BLOCK_STATEMENT = re.compile(r"(:\w+)\s*:=\s*(.+)|(\w+(?:\.\w+)?)\s*\((.*)\)|(.+)", re.DOTALL)
_TYPES = (
    (r"JSON", ColumnType.JSON),
    (r"CLOB", ColumnType.CLOB),
    (r"BLOB", ColumnType.BLOB),
    (r"TIMESTAMP.*ZONE", ColumnType.TIMESTAMP_TZ),
    (r"TIMESTAMP", ColumnType.TIMESTAMP),
    (r"DATE", ColumnType.DATE),
    (r"RAW", ColumnType.RAW),
    (r"BOOLEAN", ColumnType.BOOLEAN),
    (r"BINARY_DOUBLE", ColumnType.BINARY_DOUBLE),
    (r"NUMBER|INTEGER", ColumnType.NUMBER),
    (r"CHAR\b", ColumnType.CHAR),
)
_CALL_ENDS = {"tiny.die": 3113, "tiny.kill": 28, "tiny.stop": 12572}


@dataclass
class TinyInstance:
    """A database in one file, with its users."""

    path: Path
    name: str = "TINY"
    users: dict[str, Verifier] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    sessions: dict[int, TinySession] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    running: int = 0  # calls that are waiting or computing right now
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(11))

    @contextmanager
    def at_work(self) -> Generator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def verifier(self, user: str) -> Verifier | None:
        return self.users.get(user)

    async def logon(self, user: str, client: ClientInfo) -> TinySession:
        if user in self.locked:
            raise OracleError(28000, "the account is locked")
        session = TinySession(self, user, client, next(self._ids))
        self.sessions[session.session_id] = session
        return session


@dataclass
class TinyDirectory:
    """Services by name; those in ``refused`` answer with a TNS code."""

    services: dict[str, TinyInstance]
    refused: dict[str, int] = field(default_factory=dict)

    def instance(self, service_name: str) -> TinyInstance:
        name = service_name.lower()
        if name in self.refused or name not in self.services:
            raise RefusedConnectionError(self.refused.get(name, 12514))
        return self.services[name]


class TinySession:
    """One session: one SQLite connection, a transaction from the first DML on."""

    def __init__(self, instance: TinyInstance, user: str, client: ClientInfo, number: int) -> None:
        self._instance = instance
        self._user = user
        self._client = client
        self._interrupted = asyncio.Event()
        self._db = apsw.Connection(str(instance.path))
        self._db.set_busy_timeout(2000)
        # Not SQLite's own interrupt: that one passes unheard when the statement has not quite begun.
        self._db.set_progress_handler(self._interrupted.is_set, 1000)
        self._db.execute("pragma foreign_keys = on")
        self._db.create_scalar_function("sys_context", self._context, 2)
        self.session_id = number
        self.serial = number * 3 + 1
        self.ended: int | None = None
        self._open = True

    @property
    def in_transaction(self) -> bool:
        return self._open and self._db.in_transaction

    def _context(self, *arguments: apsw.SQLiteValue) -> str:
        known = {"program": self._client.program, "host": self._client.machine, "os_user": self._client.os_user}
        return known.get(str(arguments[1]), self._user)

    async def prepare(self, sql: str) -> Statement:
        words = re.match(r"\s*(\w+)", sql)
        kind = _KINDS.get(words.group(1).upper() if words else "")
        if kind is None:
            raise OracleError(900, "invalid SQL statement")
        names = [name for name in _BIND.findall(sql) if name]
        if kind is StatementKind.PLSQL:
            slots = [BindSlot(name, _direction(sql, name)) for name in dict.fromkeys(names)]
        elif kind in (StatementKind.DDL, StatementKind.OTHER):
            slots = []
        else:
            inputs = len([name for name in _BIND.findall(_split_returning(sql)[0]) if name])
            directions = [Direction.IN] * inputs + [Direction.RETURNING] * (len(names) - inputs)
            slots = [BindSlot(name, direction) for name, direction in zip(names, directions, strict=True)]
        columns: tuple[Column, ...] = ()
        if kind is StatementKind.QUERY:
            columns = self._describe(sql, len(slots))
        return Statement(sql, kind, tuple(slots), columns)

    def _describe(self, sql: str, binds: int) -> tuple[Column, ...]:
        found: list[tuple[str, str | None]] = []

        def trace(cursor: apsw.Cursor, _sql: str, _binds: object) -> bool:
            found.extend((d[0], d[1]) for d in cursor.get_description())
            return False

        cursor = self._db.cursor()
        cursor.exec_trace = trace
        try:
            cursor.execute(_positional(sql), (None,) * binds)
        except apsw.ExecTraceAbort:
            pass
        except apsw.Error as error:
            raise _translated(error, sql) from error
        return tuple(_column(name, declared) for name, declared in found)

    async def execute(
        self,
        statement: Statement,
        bind_rows: Sequence[Sequence[Value]],
        *,
        commit: bool = False,
        batch_errors: bool = False,
    ) -> Result:
        self._interrupted.clear()
        if not self._open:
            raise OracleError(1089, "immediate shutdown or close in progress - no operations are permitted")
        result = await self._executed(statement, bind_rows, batch_errors)
        if commit:
            await self.commit()
        return result

    async def _executed(self, statement: Statement, rows: Sequence[Sequence[Value]], batch_errors: bool) -> Result:
        if statement.kind is StatementKind.QUERY:
            return await self._query(statement, rows[0] if rows else ())
        if statement.kind is StatementKind.DML:
            return self._dml(statement, rows, batch_errors)
        if statement.kind is StatementKind.PLSQL:
            return Result(out_binds=[await self._block(statement, row) for row in rows])
        if statement.kind is StatementKind.DDL:
            await self.commit()
            self._run(re.sub(r"(\d) CHAR\)", r"\1)", statement.sql), ())
        else:
            self._instance.events.append(statement.sql)
        return Result()

    async def _query(self, statement: Statement, row: Sequence[Value]) -> Result:
        if "recursive" in statement.sql.lower():
            with self._instance.at_work():
                found = await asyncio.to_thread(self._run, statement.sql, row)
        else:
            found = self._run(statement.sql, row)
        columns = tuple(_typed(column, found, i) for i, column in enumerate(statement.columns))
        rows = [
            tuple(_from_sqlite(value, column) for value, column in zip(values, columns, strict=True))
            for values in found
        ]
        return Result(columns=columns, rows=rows)

    def _run(self, sql: str, row: Sequence[Value]) -> list[tuple[apsw.SQLiteValue, ...]]:
        try:
            return list(self._db.execute(_positional(sql), tuple(map(_to_sqlite, row))))
        except apsw.Error as error:
            raise _translated(error, sql) from error

    def _dml(self, statement: Statement, rows: Sequence[Sequence[Value]], batch_errors: bool) -> Result:
        self._begin()
        sql, returns = _split_returning(statement.sql)
        counts: list[int] = []
        returning: list[list[list[Value]]] = []
        errors: list[tuple[int, OracleError]] = []
        for number, row in enumerate(rows):
            before = self._db.total_changes()
            found: list[tuple[apsw.SQLiteValue, ...]] = []
            try:
                found = self._run(sql, row)
            except OracleError as error:
                if not batch_errors:
                    raise
                errors.append((number, error))
            counts.append(self._db.total_changes() - before)
            if returns:
                returning.append([[_plain(values[i]) for values in found] for i in range(returns)])
        return Result(rowcount=sum(counts), row_counts=tuple(counts), returning=returning, batch_errors=tuple(errors))

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._run("begin immediate", ())

    async def _block(self, statement: Statement, row: Sequence[Value]) -> list[Value]:
        slots = statement.binds
        taken = iter(row)
        values: dict[str, Value] = {
            slot.name: next(taken) if slot.direction is not Direction.OUT else None for slot in slots
        }
        body = re.sub(r"(?is)^\s*begin\s+|\s*end\s*;?\s*$", "", statement.sql)
        for part in filter(None, (piece.strip() for piece in body.split(";"))):
            await self._block_statement(part, values)
        return [values[slot.name] for slot in slots if slot.direction is not Direction.IN]

    async def _block_statement(self, text: str, values: dict[str, Value]) -> None:
        match = _BLOCK_STATEMENT.fullmatch(text)
        assert match is not None
        target, expression, procedure, arguments, other = match.groups()
        if target:
            values[target[1:]] = self._evaluate(expression, values)
        elif procedure:
            await self._call(procedure.lower(), [self._evaluate(a, values) for a in _split(arguments)])
        elif other.lower() == "commit":
            await self.commit()
        elif other.lower() != "null":
            names = [name for name in _BIND.findall(other) if name]
            self._begin()
            self._run(other, [values[name] for name in names])

    def _evaluate(self, expression: str, values: dict[str, Value]) -> Value:
        names = [name for name in _BIND.findall(expression) if name]
        return _plain(self._run(f"select {expression}", [values[name] for name in names])[0][0])

    async def _call(self, procedure: str, arguments: list[Value]) -> None:
        if procedure == "dbms_session.sleep":
            await self._sleep(float(str(arguments[0])))
        elif procedure == "raise_application_error":
            raise OracleError(-int(str(arguments[0])), str(arguments[1]))
        elif procedure.startswith("dbms_"):
            self._instance.events.append(f"{procedure} {arguments}")
        elif procedure in _CALL_ENDS:
            self._instance.sessions[int(str(arguments[0]))].ended = _CALL_ENDS[procedure]
        else:
            raise OracleError(6550, f"line 1, column 7:\nPLS-00201: identifier '{procedure}' must be declared")

    async def _sleep(self, seconds: float) -> None:
        with self._instance.at_work():
            try:
                await asyncio.wait_for(self._interrupted.wait(), seconds)
            except TimeoutError:
                return
        raise OracleError(1013, "user requested cancel of current operation")

    async def commit(self) -> None:
        if self._db.in_transaction:
            self._run("commit", ())

    async def rollback(self) -> None:
        if self._db.in_transaction:
            self._run("rollback", ())

    def interrupt(self) -> None:
        self._interrupted.set()

    async def change_password(self, old: str, new: str) -> None:
        known = self._instance.users[self._user]
        if derive_verifier(old, known.salt, known.iterations) != known:
            raise OracleError(1017, "invalid username/password; logon denied")
        if len(new) < 8:
            raise OracleError(28003, "password verification for the specified password failed")
        self._instance.users[self._user] = derive_verifier(new)

    async def close(self) -> None:
        if self._open:
            await self.rollback()
            self._open = False
            self._db.close()
            self._instance.events.append(f"closed {self.session_id}")
            del self._instance.sessions[self.session_id]


def _direction(sql: str, name: str) -> Direction:
    assigned = re.search(rf":{name}\s*:=", sql)
    reads = len(re.findall(rf":{name}\b(?!\s*:=)", sql))
    if not assigned:
        return Direction.IN
    return Direction.IN_OUT if reads else Direction.OUT


def _split_returning(sql: str) -> tuple[str, int]:
    """SQLite has RETURNING without INTO; the number is how many values a row returns."""
    match = re.fullmatch(r"(?is)(.*?\breturning\b(.*?))\binto\b.*", sql)
    return (match.group(1), len(_split(match.group(2)))) if match else (sql, 0)


def _split(arguments: str) -> list[str]:
    return re.findall(r"(?:'[^']*'|\([^)]*\)|[^,()])+", arguments)


def _positional(sql: str) -> str:
    return _BIND.sub(lambda m: "?" if m.group(1) else m.group(0), sql)


def _column(name: str, declared: str | None) -> Column:
    text = (declared or "").upper()
    label = name.upper() if name.islower() else name
    size = re.search(r"\((\d+)", text)
    kind = next((kind for pattern, kind in _TYPES if re.search(pattern, text) and "VAR" not in text), None)
    if kind is ColumnType.NUMBER and (digits := re.search(r"\((\d+)(?:,\s*(\d+))?\)", text)):
        return Column(label, kind, precision=int(digits[1]), scale=int(digits[2] or 0))
    return Column(label, kind or ColumnType.VARCHAR, size=int(size[1]) if size else 4000 if declared else 0)


def _typed(column: Column, rows: list[tuple[apsw.SQLiteValue, ...]], index: int) -> Column:
    """An expression has no declared type: its first value decides."""
    if column.type is not ColumnType.VARCHAR or column.size:
        return column
    value = next((row[index] for row in rows if row[index] is not None), None)
    if isinstance(value, int | float):
        return Column(column.name, ColumnType.NUMBER)
    if isinstance(value, bytes):
        return Column(column.name, ColumnType.RAW)
    return Column(column.name, ColumnType.VARCHAR)


def _to_sqlite(value: Value) -> apsw.SQLiteValue:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value  # pyright: ignore[reportReturnType]


def _plain(value: apsw.SQLiteValue) -> Value:
    return value  # pyright: ignore[reportReturnType]


_MOMENTS = frozenset({ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.TIMESTAMP_TZ})


def _from_sqlite(value: apsw.SQLiteValue, column: Column) -> Value:
    if isinstance(value, str) and column.type in _MOMENTS:
        return datetime.fromisoformat(value)
    if isinstance(value, str) and column.type is ColumnType.NUMBER:
        return Decimal(value)
    if column.type is ColumnType.JSON and value is not None:
        return json.dumps(json.loads(str(value)))
    return _plain(value)


_FAILURES = (
    ("UNIQUE", 1, "unique constraint violated"),
    ("NOT NULL", 1400, "cannot insert NULL"),
    ("FOREIGN KEY", 2291, "integrity constraint violated - parent key not found"),
    ("interrupted", 1013, "user requested cancel of current operation"),
    ("locked", 54, "resource busy and acquire with NOWAIT specified or timeout expired"),
)


def _translated(error: apsw.Error, sql: str) -> OracleError:
    text = str(error)
    for part, code, message in _FAILURES:
        if part in text:
            return OracleError(code, message)
    missing = re.search(r"no such (table|column): (\S+)", text)
    if not missing:
        return OracleError(900, f"invalid SQL statement: {text}")
    offset = max(sql.find(missing[2]), 0)
    if missing[1] == "table":
        return OracleError(942, "table or view does not exist", offset=offset)
    return OracleError(904, f"{missing[2].upper()}: invalid identifier", offset=offset)
