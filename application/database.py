"""The one way to the region's database: bounded in time, recovering by itself, honest about what it sees.

The driver's own time-outs do not cover a listener that accepts a connection and then says nothing, which is just what a
region does while it dies. So connects run in a thread of their own that can be given up, calls carry the driver's call
time-out, and the pool proves a connection before it lends it out. When the database moves or comes back, the next
connect finds it: nothing has to be restarted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import oracledb
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from application.settings import DatabaseSettings

# Wall seconds, all of them: they bound single exchanges, and no clock but the wall's counts there.
CONNECT_SECONDS = 5.0
CALL_SECONDS = 5.0
POOL_WAIT_SECONDS = 2.0

_ABANDONED_AT_MOST = 4
_NO_SUCH_TABLE = 942
_CONNECTION_ID = re.compile(r" \(CONNECTION_ID=[^)]*\)")
_POSTURE = text("SELECT database_role, open_mode, SYSTIMESTAMP FROM v$database")
_REVISION = text("SELECT version_num FROM alembic_version")


class UnreachableError(Exception):
    """The database could not be reached in time; worth trying again."""


UNAVAILABLE = (UnreachableError, DBAPIError, PoolTimeoutError)
"""What a caller catches to say "not now": the database is away, refuses, or is too busy."""


@dataclass(frozen=True)
class Posture:
    """What the database says of itself; ``now`` is its own clock, aware, in UTC."""

    role: str
    open_mode: str
    now: datetime

    @property
    def writable(self) -> bool:
        """Whether it takes writes: open for read and write, in the primary's role."""
        return self.role == "PRIMARY" and self.open_mode == "READ WRITE"


class Connector:
    """Opens connections, each within ``seconds``; hopeless attempts are left behind, but only a few at a time."""

    def __init__(self, connect: Callable[[], oracledb.Connection], seconds: float = CONNECT_SECONDS) -> None:
        self._connect = connect
        self._seconds = seconds
        self._attempts = threading.BoundedSemaphore(_ABANDONED_AT_MOST)

    def __call__(self) -> oracledb.Connection:
        """Raises UnreachableError when it takes too long, or the driver's own error."""
        if not self._attempts.acquire(timeout=self._seconds):
            raise UnreachableError(f"{_ABANDONED_AT_MOST} earlier attempts to connect are still without an answer")
        future: Future[oracledb.Connection] = Future()
        threading.Thread(target=self._attempt, args=(future,), name="connect", daemon=True).start()
        try:
            return future.result(self._seconds)
        except FutureTimeoutError as error:
            if not future.cancel():  # it came in at the very last moment
                return future.result()
            raise UnreachableError(f"no connection within {self._seconds:g} s") from error

    def _attempt(self, future: Future[oracledb.Connection]) -> None:
        try:
            connection = self._connect()
        except oracledb.Error as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(connection)
            else:
                connection.close()
        finally:
            self._attempts.release()


def _opener(settings: DatabaseSettings, call_seconds: float) -> Callable[[], oracledb.Connection]:
    def connect() -> oracledb.Connection:
        directory = None if settings.config_dir is None else str(settings.config_dir)
        params = oracledb.ConnectParams(config_dir=directory)
        params.parse_connect_string(settings.dsn)
        # A wallet's descriptor asks for twenty retries; who retries here is the caller, with its own bounds.
        params.set(
            user=settings.user,
            password=settings.password,
            wallet_location=directory,
            wallet_password=settings.wallet_password,
            retry_count=0,
            tcp_connect_timeout=CONNECT_SECONDS,
            expire_time=1,
        )
        connection = oracledb.connect(params=params)
        connection.call_timeout = int(call_seconds * 1000)
        return connection

    return connect


def open_engine(settings: DatabaseSettings, *, spare: int = 0, call_seconds: float = CALL_SECONDS) -> Engine:
    """The pool, lazily filled: making it touches no network. One round trip proves each connection before use.

    ``spare`` connections come on top of the settings' pool size, for what must never wait behind users' requests.
    """
    return create_engine(
        "oracle+oracledb://",
        creator=Connector(_opener(settings, call_seconds)),
        pool_size=settings.pool_size + spare,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        pool_use_lifo=True,
    )


def as_utc(moment: Any) -> datetime:
    """A database time as the driver gives it (without a zone, in the database's own, which is UTC)."""
    if not isinstance(moment, datetime):
        raise TypeError(f"not a time: {type(moment).__name__}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def posture(connection: Connection) -> Posture:
    """Ask the database what it is and what time it has. Needs SELECT on V_$DATABASE. Raises one of UNAVAILABLE."""
    role, open_mode, now = connection.execute(_POSTURE).one()
    return Posture(str(role), str(open_mode), as_utc(now))


def revision(connection: Connection) -> str | None:
    """The schema's revision, None where no migration has run yet. Raises one of UNAVAILABLE."""
    try:
        return connection.execute(_REVISION).scalar_one_or_none()
    except DBAPIError as error:
        if oracle_code(error) == _NO_SUCH_TABLE:
            return None
        raise


def oracle_code(error: SQLAlchemyError) -> int | None:
    """The ORA number in a wrapped driver error, None when it has none."""
    origin = getattr(error, "orig", None)
    detail = origin.args[0] if origin is not None and origin.args else None
    return getattr(detail, "code", None) or None


def explain(error: BaseException) -> str:
    """One short line of why the database could not be used: the driver's own words, without SQL or values.

    The connection's id is left out: it differs every time, and a reason that stays the same should read the same.
    """
    origin = getattr(error, "orig", None) or error
    said = [line for line in str(origin).splitlines() if line and not line.startswith("Help:")]
    return _CONNECTION_ID.sub("", " ".join(said))[:300] or type(origin).__name__
