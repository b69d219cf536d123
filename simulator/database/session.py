"""One logged-on session: its transaction, its settings, its calls one at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import apsw

from simulator.database import users
from simulator.database.control import run_control
from simulator.database.ddl import run_ddl
from simulator.database.errors import to_oracle
from simulator.database.flashback import is_flashback_to_past, run_flashback
from simulator.database.interface import ClientInfo, OracleError, Result, Statement, StatementKind, Value
from simulator.database.plsql import run_block
from simulator.database.sql.execute import run_dml, run_query
from simulator.database.sql.plan import DmlPlan, Plan, QueryPlan
from simulator.database.userenv import describe, userenv
from simulator.database.writer import LOCK_WAIT_SECONDS, Transaction

if TYPE_CHECKING:
    from simulator.database.core import Core


_SHORT_ROWS: Final = 100
"""Changes of so many rows are made on the event loop."""


class EngineSession:
    """Implements ``interface.Session`` over one database.

    ``lock_wait``: wall seconds for which a statement waits for another session's transaction.
    """

    lock_wait = LOCK_WAIT_SECONDS

    def __init__(self, database: Core, user: str, client: ClientInfo) -> None:
        self.database = database
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
        self.savepoints: list[str] = []
        self.settings: dict[str, str] = {}
        self.output: list[str] = []
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

    @property
    def active(self) -> bool:
        """Whether a call is running."""
        return self._calls.locked()

    def describe(self) -> dict[str, str | int]:
        """The session's row of V$SESSION."""
        return describe(self)

    def userenv(self) -> Mapping[str, str]:
        """What SYS_CONTEXT('USERENV', ...) shows."""
        return userenv(self)

    # -- calls -------------------------------------------------------------------------------------------------

    async def prepare(self, sql: str) -> Statement:
        """Parse and describe. Raises OracleError."""
        self._check_alive()
        return self.plan(sql).statement

    def plan(self, sql: str) -> Plan:
        """The plan of a text for this user and schema. Raises OracleError."""
        return self.database.planner.plan(sql, self.user, self.schema)

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
            plan = self.plan(statement.sql)
            rows = bind_rows or [()]
            result = await self._run(plan, rows, batch_errors=batch_errors)
            if commit and statement.kind is not StatementKind.QUERY:
                await self.commit_now()
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
            return await self.query(plan, rows[0])
        if isinstance(plan, DmlPlan):
            return await self.dml(plan, rows, batch_errors=batch_errors)
        match plan.statement.kind:
            case StatementKind.DDL:
                await self._ddl(plan)
                return Result()
            case StatementKind.PLSQL:
                return await run_block(self, plan, rows)
            case _:
                await run_control(self, plan)
                return Result()

    async def query(self, plan: QueryPlan, binds: Sequence[Value]) -> Result:
        """Run a query, in the open transaction if there is one."""
        assert plan.query is not None
        if plan.query.locking and self.transaction is None:
            wait = self.lock_wait if plan.query.wait is None else plan.query.wait
            try:
                await self.begin(wait=0.0 if plan.query.skip_locked else wait)
            except OracleError as error:
                if error.code == 54 and plan.query.skip_locked:
                    return Result(plan.statement.columns)
                raise
        if self.transaction is not None:
            return await self._read(self.transaction.connection, plan, binds)
        async with self.database.reader() as connection:
            return await self._read(connection, plan, binds)

    async def _read(self, connection: apsw.Connection, plan: QueryPlan, binds: Sequence[Value]) -> Result:
        """Read on the loop if that is done in a moment, else (and from then on) in a thread.

        A hop to a thread costs several times what a look-up by key does.
        """
        self.bind_context(connection)
        catalog, past, lasting = self.database.catalog, self.database.past, self.database.planner.lasting

        def job() -> Result:
            return run_query(connection, plan, binds, catalog, past)

        # A second attempt would take a second number; the past is made before it can be read.
        straight = "ora_nextval" in plan.text.sql or (plan.query is not None and plan.query.as_of)
        if plan.statement.sql not in lasting and not straight:
            context = self.database.context_of(connection)
            context.brief = True
            try:
                return job()
            except OracleError as error:
                if error.code != 1013 or self._interrupted:
                    raise
            finally:
                context.brief = False
            lasting.add(plan.statement.sql)
        return await self.database.run(job)

    async def dml(self, plan: DmlPlan, rows: Sequence[Sequence[Value]], *, batch_errors: bool = False) -> Result:
        """Run a change, opening a transaction if there is none."""
        transaction = await self.begin()
        self.bind_context(transaction.connection)
        catalog, past = self.database.catalog, self.database.past

        def job() -> Result:
            return run_dml(transaction.connection, plan, rows, (catalog, past), batch_errors=batch_errors)

        try:
            short = plan.short and len(rows) <= _SHORT_ROWS
            result = job() if short else await self.database.run(job)
            transaction.changed += result.rowcount
            return result
        except OracleError:
            if not transaction.connection.in_transaction:
                self._lose_transaction()
            raise

    async def _ddl(self, plan: Plan) -> None:
        """DDL commits what is open, then is a transaction of its own. FLASHBACK TABLE TO a time commits likewise."""
        await self.commit_now()
        database = self.database
        await database.write_lock.acquire(wait=self.lock_wait, waiting=self._wait_on)
        before = database.scn
        try:
            if not database.may_commit(self.epoch):
                raise OracleError(16000, "database or pluggable database open for read-only access")
            self.bind_context(database.writer)
            job = run_flashback if is_flashback_to_past(plan.tokens) else run_ddl
            await database.run(lambda: job(database, self, plan))
        finally:
            if database.scn != before:  # also when whoever asked is no longer there
                database.refresh_catalog()
            database.write_lock.release()

    async def run_text(self, sql: str, arguments: Sequence[Value]) -> Result:
        """Run any statement inside a call (EXECUTE IMMEDIATE)."""
        return await self._run(self.plan(sql), [arguments], batch_errors=False)

    async def sleep(self, seconds: float) -> None:
        """Wait for world time, breakable."""
        sleeper = asyncio.ensure_future(self.database.clock.sleep(seconds))
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait([sleeper, self._waiting], return_when=asyncio.FIRST_COMPLETED)
            if self._waiting.done():
                self._waiting.result()
        finally:
            sleeper.cancel()
            self._waiting.cancel()
            self._waiting = None

    def bind_context(self, connection: apsw.Connection) -> None:
        """Let the SQL functions of a connection speak for this session and moment."""
        context = self.database.context_of(connection)
        context.now = self.database.clock.now()
        context.user, context.schema = self.user, self.schema
        context.transaction_id = self.transaction.identifier if self.transaction is not None else ""
        context.userenv = self.userenv
        context.settings = self.settings
        context.interrupted = self._is_interrupted

    def _is_interrupted(self) -> bool:
        return self._interrupted

    # -- transaction -------------------------------------------------------------------------------------------

    async def begin(self, *, wait: float | None = None) -> Transaction:
        """The open transaction, or a new one once the writer is free. Raises OracleError 54, 1013, 2091, 16000."""
        if self._rolled_back:
            raise OracleError(2091, "transaction rolled back")
        if self.transaction is None:
            await self.database.write_lock.acquire(wait=self.lock_wait if wait is None else wait, waiting=self._wait_on)
            self._waiting = None
            if not self.database.may_commit(self.epoch):
                self.database.write_lock.release()
                raise OracleError(16000, "database or pluggable database open for read-only access")
            self.transaction = Transaction(self.database.writer)
            self.transaction.identifier = f"{self.session_id}.{self.serial % 34}.{self.database.scn + 1}"
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
        self.savepoints.clear()
        self.database.write_lock.release()

    async def commit(self) -> None:
        """Make the transaction durable. Raises OracleError; then it is rolled back."""
        async with self._calls:
            self._begin_call()
            await self.commit_now()

    async def commit_now(self) -> None:
        """COMMIT inside a call."""
        if self._rolled_back:
            self._rolled_back = False
            raise OracleError(2091, "transaction rolled back")
        transaction = self.transaction
        if transaction is None:
            return
        job = functools.partial(self.database.commit, transaction, self.epoch)
        try:
            if transaction.changed <= _SHORT_ROWS:
                job()
            else:
                await self.database.run(job)
        except apsw.Error as error:
            raise to_oracle(error, self.database.catalog) from error
        finally:
            self._release()

    async def rollback(self) -> None:
        """Undo what is uncommitted."""
        async with self._calls:
            self._begin_call()
            self.rollback_now()

    def rollback_now(self) -> None:
        """ROLLBACK inside a call."""
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
            self.rollback_now()
        self.database.sessions.pop(self._id, None)

    async def change_password(self, old: str, new: str) -> None:
        """Change the user's own password. Raises OracleError 28008 when the old one is wrong."""
        verifier = self.database.verifier(self.user)
        if verifier is None or not users.proves(verifier, old):
            raise OracleError(28008, "invalid old password")
        async with self._calls:
            self._begin_call()
            await self.commit_now()
            transaction = await self.begin()
            users.set_password(transaction.connection, self.user, new)
            await self.commit_now()

    async def close(self) -> None:
        """Roll back and forget the session."""
        async with self._calls:
            self.rollback_now()
            self.closed = True
        self.database.sessions.pop(self._id, None)


def _gone(code: int) -> tuple[int, str]:
    if code == 28:
        return 28, "your session has been killed"
    return 1089, "immediate shutdown or close in progress - no operations are permitted"
