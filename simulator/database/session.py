"""One logged-on session: its transaction, its settings, its calls one at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import apsw

from simulator.database import users
from simulator.database.errors import to_oracle
from simulator.database.interface import ClientInfo, OracleError, Result, Statement, StatementKind, Value
from simulator.database.sql.execute import run_dml, run_query
from simulator.database.sql.plan import DmlPlan, Plan, QueryPlan
from simulator.database.writer import LOCK_WAIT_SECONDS, Transaction

if TYPE_CHECKING:
    from simulator.database.core import Core


class EngineSession:
    """Implements ``interface.Session`` over one database."""

    def __init__(self, database: Core, user: str, client: ClientInfo) -> None:
        self._database = database
        self.user = user
        self.schema = user
        self.client = client
        self.epoch = database.epoch
        self.logon_time: datetime = database.clock.now()
        self.module = self.action = self.client_identifier = self.client_info = ""
        self._id = database.new_session_id()
        self._ended: int | None = None
        self._interrupted = False
        self._waiting: asyncio.Future[None] | None = None
        self._calls = asyncio.Lock()
        self.transaction: Transaction | None = None
        self._rolled_back = False
        self.closed = False

    # -- what it is --------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> int:
        """SID."""
        return self._id

    @property
    def serial(self) -> int:
        """SERIAL#."""
        return self._id * 7 % 65521 + 1

    @property
    def in_transaction(self) -> bool:
        """Whether something is uncommitted."""
        return self.transaction is not None

    @property
    def ended(self) -> int | None:
        """The code to tell the client before its next call, or None."""
        return self._ended

    def describe(self) -> dict[str, str | int]:
        """The session's row of V$SESSION."""
        return {
            "sid": self.session_id,
            "serial": self.serial,
            "username": self.user,
            "schema": self.schema,
            "status": "KILLED" if self._ended else "ACTIVE" if self._calls.locked() else "INACTIVE",
            "program": self.client.program,
            "machine": self.client.machine,
            "osuser": self.client.os_user,
            "module": self.module,
            "action": self.action,
            "client_identifier": self.client_identifier,
            "client_info": self.client_info,
            "logon_time": self.logon_time.isoformat(),
            "transaction": int(self.in_transaction),
        }

    def userenv(self) -> Mapping[str, str]:
        """What SYS_CONTEXT('USERENV', ...) shows."""
        name = self._database.name
        return {
            "SESSION_USER": self.user,
            "CURRENT_USER": self.user,
            "CURRENT_SCHEMA": self.schema,
            "DB_NAME": name,
            "DB_UNIQUE_NAME": name,
            "CON_NAME": name,
            "INSTANCE_NAME": name.lower(),
            "INSTANCE": "1",
            "SERVICE_NAME": name.lower(),
            "DATABASE_ROLE": "PRIMARY",
            "SID": str(self.session_id),
            "SESSIONID": str(self.session_id),
            "ISDBA": "FALSE",
            "HOST": self.client.machine,
            "OS_USER": self.client.os_user,
            "IP_ADDRESS": self.client.address,
            "CLIENT_PROGRAM_NAME": self.client.program,
            "CLIENT_IDENTIFIER": self.client_identifier,
            "CLIENT_INFO": self.client_info,
            "MODULE": self.module,
            "ACTION": self.action,
            "LANGUAGE": "AMERICAN_AMERICA.AL32UTF8",
            "LANG": "US",
            "NETWORK_PROTOCOL": "tcps",
            "AUTHENTICATION_METHOD": "PASSWORD",
        }

    # -- calls -------------------------------------------------------------------------------------------------

    async def prepare(self, sql: str) -> Statement:
        """Parse and describe. Raises OracleError."""
        self._check_alive()
        return self._plan(sql).statement

    def _plan(self, sql: str) -> Plan:
        return self._database.planner.plan(sql, self.user, self.schema)

    async def execute(
        self,
        statement: Statement,
        bind_rows: Sequence[Sequence[Value]],
        *,
        commit: bool = False,
        batch_errors: bool = False,
    ) -> Result:
        """Run once per bind row (once with no binds). Raises OracleError."""
        async with self._calls:
            self._begin_call()
            plan = self._plan(statement.sql)
            rows = bind_rows or [()]
            result = await self._run(plan, rows, batch_errors=batch_errors)
            if commit and statement.kind is not StatementKind.QUERY:
                await self._commit()
            return result

    def _begin_call(self) -> None:
        self._interrupted = False
        self._check_alive()

    def _check_alive(self) -> None:
        if self._ended is not None:
            raise OracleError(*_gone(self._ended))
        if self.closed:
            raise OracleError(1012, "not logged on")

    async def _run(self, plan: Plan, rows: Sequence[Sequence[Value]], *, batch_errors: bool) -> Result:
        if isinstance(plan, QueryPlan):
            return await self._query(plan, rows[0])
        if isinstance(plan, DmlPlan):
            return await self._dml(plan, rows, batch_errors=batch_errors)
        raise OracleError(900, "invalid SQL statement")

    async def _query(self, plan: QueryPlan, binds: Sequence[Value]) -> Result:
        assert plan.query is not None
        if plan.query.locking:
            wait = LOCK_WAIT_SECONDS if plan.query.wait is None else plan.query.wait
            await self.begin(wait=wait)
        if self.transaction is not None:
            return await self._in_thread(self.transaction.connection, run_query, plan, binds)
        async with self._database.reader() as connection:
            return await self._in_thread(connection, run_query, plan, binds)

    async def _in_thread(self, connection: apsw.Connection, job, *arguments) -> Result:  # noqa: ANN001, ANN002
        self.bind_context(connection)
        return await self._database.run(functools.partial(job, connection, *arguments, self._database.catalog))

    async def _dml(self, plan: DmlPlan, rows: Sequence[Sequence[Value]], *, batch_errors: bool) -> Result:
        transaction = await self.begin()
        self.bind_context(transaction.connection)
        job = functools.partial(
            run_dml, transaction.connection, plan, rows, self._database.catalog, batch_errors=batch_errors
        )
        try:
            return await self._database.run(job)
        except OracleError:
            if not transaction.connection.in_transaction:
                self._lose_transaction()
            raise

    def bind_context(self, connection: apsw.Connection) -> None:
        """Let the SQL functions of a connection speak for this session and moment."""
        context = self._database.context_of(connection)
        context.now = self._database.clock.now()
        context.user, context.schema = self.user, self.schema
        context.userenv = self.userenv
        context.interrupted = self._is_interrupted

    def _is_interrupted(self) -> bool:
        return self._interrupted

    # -- transaction -------------------------------------------------------------------------------------------

    async def begin(self, *, wait: float | None = LOCK_WAIT_SECONDS) -> Transaction:
        """The open transaction, or a new one once the writer is free. Raises OracleError 54, 1013, 2091, 16000."""
        if self._rolled_back:
            raise OracleError(2091, "transaction rolled back")
        if self.transaction is None:
            await self._database.write_lock.acquire(wait=wait, waiting=self._wait_on)
            self._waiting = None
            if not self._database.may_commit(self.epoch):
                self._database.write_lock.release()
                raise OracleError(16000, "database or pluggable database open for read-only access")
            self.transaction = Transaction(self._database.writer)
        return self.transaction

    def _wait_on(self, future: asyncio.Future[None]) -> None:
        self._waiting = future

    def _lose_transaction(self) -> None:
        """SQLite rolled all back by itself (an interrupted change): nothing may be committed as if it had not."""
        assert self.transaction is not None
        self.transaction.rollback()
        self._release()
        self._rolled_back = True

    def _release(self) -> None:
        self.transaction = None
        self._database.write_lock.release()

    async def commit(self) -> None:
        """Make the transaction durable. Raises OracleError; then it is rolled back."""
        async with self._calls:
            self._begin_call()
            await self._commit()

    async def _commit(self) -> None:
        if self._rolled_back:
            self._rolled_back = False
            raise OracleError(2091, "transaction rolled back")
        transaction = self.transaction
        if transaction is None:
            return
        job = functools.partial(self._database.commit, transaction, self.epoch)
        try:
            entry = await self._database.run(job)
        except apsw.Error as error:
            raise to_oracle(error, self._database.catalog) from error
        finally:
            self._release()
        if entry is not None:
            self._database.on_commit(entry)

    async def rollback(self) -> None:
        """Undo what is uncommitted."""
        async with self._calls:
            self._begin_call()
            self._rollback()

    def _rollback(self) -> None:
        self._rolled_back = False
        if self.transaction is not None:
            self.transaction.rollback()
            self._release()

    # -- from outside ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Break the running call: it raises ORA-01013."""
        self._interrupted = True
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.set_exception(OracleError(1013, "user requested cancel of current operation."))

    async def end(self, code: int) -> None:
        """End the session from the database's side: break its call, roll it back, tell ``code``."""
        if self._ended is None:
            self._ended = code
        self.interrupt()
        async with self._calls:
            self._rollback()
        self._database.sessions.pop(self._id, None)

    async def change_password(self, old: str, new: str) -> None:
        """Change the user's own password. Raises OracleError 28008 when the old one is wrong."""
        verifier = self._database.verifier(self.user)
        if verifier is None or not users.proves(verifier, old):
            raise OracleError(28008, "invalid old password")
        async with self._calls:
            self._begin_call()
            await self._commit()
            transaction = await self.begin()
            users.set_password(transaction.connection, self.user, new)
            await self._commit()

    async def close(self) -> None:
        """Roll back and forget the session."""
        async with self._calls:
            self._rollback()
            self.closed = True
        self._database.sessions.pop(self._id, None)


def _gone(code: int) -> tuple[int, str]:
    if code == 28:
        return 28, "your session has been killed"
    return 1089, "immediate shutdown or close in progress - no operations are permitted"
