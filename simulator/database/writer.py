"""The one writer of a database: its connection, the lock a transaction holds, and the commit itself.

Oracle locks rows; here a transaction holds the whole database from its first change to its end. A second writer waits,
as it would for a row, and gives up with ORA-00054.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import apsw

from simulator.database import redo
from simulator.database.interface import OracleError
from simulator.database.redo import Capture, DdlPayload, RedoEntry

LOCK_WAIT_SECONDS: Final = 10.0
"""Wall time for which a statement waits for another session's transaction."""


class WriteLock:
    """A fair lock whose waiters can be broken from outside."""

    def __init__(self) -> None:
        self._held = False
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def held(self) -> bool:
        """Whether a transaction is open."""
        return self._held

    async def acquire(
        self, *, wait: float | None = LOCK_WAIT_SECONDS, waiting: Callable[[asyncio.Future[None]], None] | None = None
    ) -> None:
        """Take the lock within ``wait`` wall seconds (None: for ever). Raises OracleError 54 when it stays taken.

        ``waiting`` is given the future to which an interruption may set its exception.
        """
        if not self._held:
            self._held = True
            return
        if wait == 0:
            raise OracleError(54, "resource busy and acquire with NOWAIT specified or timeout expired")
        future = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        if waiting is not None:
            waiting(future)
        try:
            async with asyncio.timeout(wait):
                await future
        except TimeoutError:
            self._leave(future)
            raise OracleError(54, "resource busy and acquire with NOWAIT specified or timeout expired") from None
        except BaseException:
            self._leave(future)
            raise

    def release(self) -> None:
        """Hand the lock to who waited longest."""
        while self._waiters:
            future = self._waiters.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._held = False

    def _leave(self, future: asyncio.Future[None]) -> None:
        if future in self._waiters:
            self._waiters.remove(future)
        elif future.done() and not future.cancelled() and future.exception() is None:
            self.release()  # the lock was handed over in the very moment of giving up


class Transaction:
    """An open transaction: the writer's connection, and the capture of what changes.

    Its owner holds the write lock. ``commit`` and ``rollback`` end it; the owner then releases the lock.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        connection.execute("BEGIN IMMEDIATE")
        self._capture: Capture | None = Capture(connection)
        self._statements: list[str] = []
        self.doomed = False
        self.identifier = ""
        self.changed = 0

    def payload(self, ddl: str = "") -> bytes:
        """What goes into the redo record: the changes, and for DDL (its text) the statements before them."""
        changeset = b"" if self._capture is None else self._capture.changeset()
        if self._statements or (ddl and changeset):
            return DdlPayload(ddl, tuple(self._statements), changeset).pack()
        return changeset

    def execute_schema(self, statements: Sequence[str]) -> None:
        """Change the schema; the statements themselves are logged, the rows they touch are not captured."""
        self._end_capture()
        for statement in statements:
            self.connection.execute(statement)
        self._statements += statements
        self._capture = Capture(self.connection)

    def commit(self, entry: RedoEntry | None) -> None:
        """Write the record and commit; on an error the transaction is rolled back and the error raised."""
        self._end_capture()
        try:
            if entry is not None:
                redo.append(self.connection, (entry,))
            self.connection.execute("COMMIT")
        except apsw.Error:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Undo everything. Safe when SQLite has already rolled back by itself."""
        self._end_capture()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _end_capture(self) -> None:
        if self._capture is not None:
            self._capture.close()
            self._capture = None
