"""Statements that steer the session: transactions, ALTER SESSION, ALTER SYSTEM, LOCK TABLE, FLASHBACK TABLE."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import PUBLIC
from simulator.database.sql.ddl.physical import quote
from simulator.database.sql.lexer import Kind
from simulator.database.sql.plan import Plan
from simulator.database.sql.reader import TokenReader

if TYPE_CHECKING:
    from simulator.database.session import EngineSession

_NLS: Final = frozenset(
    {"NLS_DATE_FORMAT", "NLS_TIMESTAMP_FORMAT", "NLS_TIMESTAMP_TZ_FORMAT", "NLS_LANGUAGE", "NLS_TERRITORY", "NLS_SORT",
     "NLS_NUMERIC_CHARACTERS", "NLS_COMP", "NLS_CALENDAR", "NLS_CURRENCY", "NLS_LENGTH_SEMANTICS"}
)  # fmt: skip
_DEFAULTS: Final = {
    "NLS_SORT": "BINARY",
    "NLS_COMP": "BINARY",
    "NLS_NUMERIC_CHARACTERS": ".,",
    "NLS_CALENDAR": "GREGORIAN",
    "NLS_LENGTH_SEMANTICS": "BYTE",
    "NLS_LANGUAGE": "AMERICAN",
    "NLS_TERRITORY": "AMERICA",
}
_TUNING: Final = frozenset(
    {"DDL_LOCK_TIMEOUT", "OPTIMIZER_MODE", "CURSOR_SHARING", "STATISTICS_LEVEL", "SQL_TRACE", "RESUMABLE_TIMEOUT"}
)


async def run_control(session: EngineSession, plan: Plan) -> None:
    """Run such a statement. Raises OracleError."""
    tokens = [t for t in plan.tokens if not t.is_op(";")]
    reader = TokenReader(plan.statement.sql, tokens)
    await _HANDLERS[reader.advance().value](session, reader)


async def _commit(session: EngineSession, reader: TokenReader) -> None:
    reader.words("WORK")
    while reader.any_word("WRITE", "WAIT", "NOWAIT", "IMMEDIATE", "BATCH"):
        continue
    reader.finish()
    await session.commit_now()


async def _rollback(session: EngineSession, reader: TokenReader) -> None:
    reader.words("WORK")
    if not reader.words("TO"):
        reader.finish()
        session.rollback_now()
        return
    reader.words("SAVEPOINT")
    name = reader.name()
    reader.finish()
    if session.transaction is None or name not in session.savepoints:
        raise OracleError(1086, f"savepoint '{name}' never established in this session or is invalid")
    session.transaction.connection.execute(f"ROLLBACK TO {quote('sp.' + name)}")
    del session.savepoints[session.savepoints.index(name) + 1 :]


async def _savepoint(session: EngineSession, reader: TokenReader) -> None:
    name = reader.name()
    reader.finish()
    transaction = await session.begin()
    transaction.connection.execute(f"SAVEPOINT {quote('sp.' + name)}")
    if name in session.savepoints:
        session.savepoints.remove(name)
    session.savepoints.append(name)


async def _set(session: EngineSession, reader: TokenReader) -> None:
    if reader.words("TRANSACTION"):
        if reader.words("NAME"):
            reader.advance()
        elif not (reader.words("READ", "WRITE") or reader.words("ISOLATION", "LEVEL", "READ", "COMMITTED")):
            raise OracleError(3001, "unimplemented feature: SET TRANSACTION other than READ WRITE, READ COMMITTED")
        reader.finish()
        return
    if reader.words("CONSTRAINT") or reader.words("CONSTRAINTS"):
        if not (reader.words("ALL", "DEFERRED") or reader.words("ALL", "IMMEDIATE")):
            raise OracleError(3001, "unimplemented feature: SET CONSTRAINT of one constraint")
        reader.finish()
        transaction = await session.begin()
        deferred = "ON" if "DEFERRED" in reader.sql.upper() else "OFF"
        transaction.connection.execute(f"PRAGMA defer_foreign_keys={deferred}")
        return
    if reader.words("ROLE"):
        reader.any_word("ALL")
        reader.finish()
        return
    raise OracleError(922, "missing or invalid option", offset=reader.position)


async def _lock(session: EngineSession, reader: TokenReader) -> None:
    reader.expect("TABLE")
    owner, name = reader.qualified()
    table = session.database.catalog.table(session.schema, owner, name)
    session.database.privileges.check(session.user, table, "UPDATE")
    reader.expect("IN")
    while not reader.words("MODE"):
        reader.advance()
    wait: float | None = None
    if reader.words("NOWAIT"):
        wait = 0.0
    elif reader.words("WAIT"):
        wait = float(reader.number())
    reader.finish()
    await session.begin(wait=wait)


async def _alter(session: EngineSession, reader: TokenReader) -> None:
    if reader.words("SESSION"):
        await _alter_session(session, reader)
        return
    reader.expect("SYSTEM")
    session.database.privileges.require(session.user, "ALTER SYSTEM")
    reader.expect("KILL", "SESSION")
    token = reader.advance()
    reader.words("IMMEDIATE")
    reader.finish()
    sid, _, serial = token.value.partition(",")
    for victim in list(session.database.sessions.values()):
        if (str(victim.session_id), str(victim.serial)) == (sid.strip(), serial.strip()):
            if victim is session:
                raise OracleError(27, "cannot kill current session")
            await victim.end(28)
            return
    raise OracleError(30, "User session ID does not exist.")


async def _alter_session(session: EngineSession, reader: TokenReader) -> None:
    if reader.words("ENABLE") or reader.words("DISABLE"):
        raise OracleError(3001, "unimplemented feature: ALTER SESSION ENABLE or DISABLE")
    reader.expect("SET")
    while reader.current is not None:
        name = reader.name()
        reader.expect_op("=")
        token = reader.advance()
        _set_parameter(session, name, token.value, quoted=token.kind is Kind.STRING)


def _set_parameter(session: EngineSession, name: str, value: str, *, quoted: bool) -> None:
    if name == "CURRENT_SCHEMA":
        if value not in session.database.catalog.users and value not in ("SYS", PUBLIC):
            raise OracleError(1435, "user does not exist")
        session.schema = value
    elif name == "TIME_ZONE":
        session.settings[name] = value
    elif name in _NLS:
        expected = _DEFAULTS.get(name)
        if expected is not None and value.upper() != expected:
            raise OracleError(3001, f"unimplemented feature: {name} other than {expected}")
        session.settings[name] = value if quoted else value.upper()
    elif name in _TUNING:
        session.settings[name] = value
    elif name == "ISOLATION_LEVEL":
        raise OracleError(3001, "unimplemented feature: isolation levels other than READ COMMITTED")
    else:
        raise OracleError(2248, "invalid option for ALTER SESSION")


_HANDLERS: Final[dict[str, Callable[[EngineSession, TokenReader], Coroutine[None, None, None]]]] = {
    "COMMIT": _commit,
    "ROLLBACK": _rollback,
    "SAVEPOINT": _savepoint,
    "SET": _set,
    "LOCK": _lock,
    "ALTER": _alter,
}
