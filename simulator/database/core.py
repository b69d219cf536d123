"""What sessions need of their database: connections, threads, the catalog, the write lock and the commit.

``engine.Database`` adds roles, redo transport and life cycle on top.
"""

from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import apsw

from simulator.database import redo, storage, users
from simulator.database.interface import OracleError, Verifier
from simulator.database.past import PastImages, scn_of_time, time_of_scn
from simulator.database.redo import RedoEntry
from simulator.database.sql.catalog import Catalog
from simulator.database.sql.context import CallContext
from simulator.database.sql.dictionary import dictionary_views
from simulator.database.sql.functions.dates import implicit_date
from simulator.database.sql.plan import Planner
from simulator.database.sql.privileges import Privileges
from simulator.database.sql.sequences import SequenceValues
from simulator.database.sql.types import from_stamp, to_stamp
from simulator.database.writer import Transaction, WriteLock

if TYPE_CHECKING:
    from simulator.database.session import EngineSession

_READERS: Final = 3
_T = TypeVar("_T")


class Clock(Protocol):
    """World time."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class Role(enum.Enum):
    """A copy's part in its Data Guard association."""

    PRIMARY = "PRIMARY"
    STANDBY = "STANDBY"
    DISABLED_STANDBY = "DISABLED_STANDBY"


class RoleError(Exception):
    """The database's role or state does not allow what was asked."""


class Core:
    """One database's state and machinery, loaded from its directory. Raises FileNotFoundError."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.directory = directory
        self.clock = clock
        self.path = directory / storage.FILE_NAME
        if not self.path.exists():
            raise FileNotFoundError(self.path)
        self.on_commit: Callable[[RedoEntry], None] = _nobody
        self.sessions: dict[int, EngineSession] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self.write_lock = WriteLock()
        self._next_session = 1
        self.past = PastImages(self.path, directory / "past", clock.now)
        self._open_files()
        self._load_state()
        self.refresh_catalog()
        self.sequences.start_over(self.control, self.catalog)

    # -- state -------------------------------------------------------------------------------------------------

    def _load_state(self) -> None:
        state = storage.get_state(self.control)
        self._name = str(state["name"])
        self.role = Role(state["role"])
        self.epoch = int(state["epoch"] or 0)
        self.open = bool(state["open"])
        self.mounted = bool(state["mounted"])
        self._applied_scn = int(state["applied_scn"] or 0)
        self.created = _moment(str(state["created"]))
        source_time = state.get("source_time")
        self._source_time: datetime | None = None if source_time is None else _moment(str(source_time))
        scn, time = self.control.execute("SELECT scn, time FROM redo ORDER BY scn DESC LIMIT 1").get or (0, None)
        self._received_scn = int(scn)
        self._last_time = self.created if time is None else _moment(time)
        storage.enforce(self.writer, constraints=self.role is Role.PRIMARY)

    def _save(self, **values: str | int | None) -> None:
        with self.writer:
            storage.put_state(self.writer, **values)

    def refresh_catalog(self) -> None:
        """Read the catalog again and forget every plan made on the former one."""
        self.catalog = Catalog.read(self.control, dictionary_views())
        self.privileges = Privileges(self.control)
        self.planner = Planner(self.catalog, self.control, self.privileges, self._implicit_date)
        self.sequences.reload(self.control, self.catalog)
        self.past.clear()  # a table's past ends where its definition changed

    # -- connections and threads -------------------------------------------------------------------------------

    def _open_files(self) -> None:
        self.sequences = SequenceValues()
        hooks = self._hooks()
        self._contexts: dict[apsw.Connection, CallContext] = {}
        self._threads = ThreadPoolExecutor(_READERS + 1, thread_name_prefix="sql")
        self.writer = self._connect(hooks, writable=True)
        storage.refresh_dictionary(self.writer)
        self.control = self._connect(hooks)
        self._idle_readers: asyncio.Queue[apsw.Connection | None] = asyncio.Queue()
        for _ in range(_READERS):
            self._idle_readers.put_nowait(None)  # opened at first use

    def _connect(self, hooks: dict[str, Callable[..., object]], *, writable: bool = False) -> apsw.Connection:
        context = CallContext(hooks=hooks)
        connection = storage.open_file(self.path, context, writable=writable)
        self._contexts[connection] = context
        return connection

    def _close_files(self) -> None:
        self._threads.shutdown(wait=True)
        for connection in self._contexts:
            connection.close()
        self._contexts.clear()

    def _replace_file(self, fresh: Path) -> None:
        """Put another file in the place of this database's."""
        self._close_files()
        storage.discard_logs(self.path)
        fresh.replace(self.path)
        self._open_files()

    def _hooks(self) -> dict[str, Callable[..., object]]:
        return {
            "current_scn": lambda: self._received_scn,
            "database": self._facts,
            "sessions": lambda: [session.describe() for session in self.sessions.values()],
            "assign": lambda value, key: self.planner.assign(value, key),  # noqa: PLW0108 (the planner changes)
            "visible": lambda user, owner, name: self.privileges.sees(user, owner, name),  # noqa: PLW0108
            "is_role": lambda name: int(self.privileges.is_role(name)),
            "nextval": self.sequences.next,
            "currval": self.sequences.current,
            "time_of_scn": time_of_scn,
            "scn_of_time": scn_of_time,
        }

    def _facts(self) -> dict[str, str | int]:
        return {
            "name": self.name,
            "unique_name": self.name,
            "role": "PRIMARY" if self.role is Role.PRIMARY else "PHYSICAL STANDBY",
            "open_mode": "READ WRITE" if self.open else "MOUNTED",
            "status": "OPEN" if self.open else "MOUNTED",
            "created": to_stamp(self.created.replace(microsecond=0)),
            "scn": self._received_scn,
        }

    def _implicit_date(self, text: str) -> str:
        """Only changes convert so, and only the writer makes them."""
        return implicit_date(text, self._contexts[self.writer])

    def context_of(self, connection: apsw.Connection) -> CallContext:
        """The context that a connection's SQL functions read."""
        return self._contexts[connection]

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[apsw.Connection]:
        """A connection that sees the committed state; waits while all are in use."""
        connection = await self._idle_readers.get()
        try:
            if connection is None:
                connection = self._connect(self._hooks())
            yield connection
        finally:
            self._idle_readers.put_nowait(connection)

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run SQL in a thread; if the caller is cancelled the job is still waited for, so that it is alone."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    # -- transactions ------------------------------------------------------------------------------------------

    def may_commit(self, epoch: int) -> bool:
        """Whether a session of this epoch may still write here."""
        return self.open and self.role is Role.PRIMARY and epoch == self.epoch

    def commit(
        self, transaction: Transaction, epoch: int, *, kind: str = redo.COMMIT, ddl: str = ""
    ) -> RedoEntry | None:
        """Make a transaction durable and give it its SCN; None when it changed nothing.

        Raises OracleError 16000 when the database was fenced meanwhile, and whatever SQLite raises; either way the
        transaction is rolled back.
        """
        if not self.may_commit(epoch):
            transaction.rollback()
            raise OracleError(16000, "database or pluggable database open for read-only access")
        numbers = self.sequences.save(transaction.connection)
        payload = transaction.payload(ddl)
        if not payload:
            transaction.commit(None)
            return None
        entry = RedoEntry(self._received_scn + 1, self._commit_time(), epoch, kind, payload)
        transaction.commit(entry)
        self.sequences.confirm(numbers)
        self._received_scn, self._last_time = entry.scn, entry.time
        self._announce(entry)
        return entry

    def _announce(self, entry: RedoEntry) -> None:
        """Tell the listener on the loop, whether whoever asked for the commit is still there or not."""
        if self.loop is None or threading.get_ident() == self._loop_thread:
            self.on_commit(entry)
        else:
            self.loop.call_soon_threadsafe(lambda: self.on_commit(entry))

    def belong_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called on the loop that the database belongs to."""
        self.loop, self._loop_thread = loop, threading.get_ident()

    def _commit_time(self) -> datetime:
        """Now, but never before the last commit: times must be in the order of SCNs when the clock is set back."""
        return max(self.clock.now(), self._last_time)

    @asynccontextmanager
    async def exclusive(self) -> AsyncGenerator[None]:
        """Hold the write lock for an operation of the engine itself."""
        await self.write_lock.acquire(wait=None)
        try:
            yield
        finally:
            self.write_lock.release()

    # -- what it is ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The database's name, in capitals."""
        return self._name.upper()

    @property
    def scn(self) -> int:
        """The last committed SCN that this copy knows."""
        return self._received_scn

    def verifier(self, user: str) -> Verifier | None:
        """The user's password verifier."""
        return users.find_verifier(self.control, user)

    def new_session_id(self) -> int:
        """A number that no session of this process had."""
        self._next_session += 1
        return self._next_session

    async def end_sessions(self, code: int) -> None:
        """Tell every session ``code``, break its call, roll it back."""
        await asyncio.gather(*(session.end(code) for session in list(self.sessions.values())))


def _nobody(_entry: RedoEntry) -> None:
    """Nobody listens to commits yet."""


def _moment(stamp: str) -> datetime:
    return from_stamp(stamp).replace(tzinfo=UTC)
