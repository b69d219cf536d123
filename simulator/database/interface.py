"""What the Oracle Net server and the SQL engine know of each other.

The network side (``net``) owns packets, TTC messages, authentication and cursors; the engine side owns SQL,
transactions, redo and roles. Neither imports the other: both import this.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

Value = None | bool | int | float | Decimal | str | bytes | datetime | date


class OracleError(Exception):
    """An error the client sees as ``ORA-<code>: <text>``; ``offset`` is the 0-based position in the SQL text."""

    def __init__(self, code: int, text: str, *, offset: int = 0) -> None:
        super().__init__(f"ORA-{code:05d}: {text}")
        self.code = code
        self.text = text
        self.offset = offset


class RefusedConnectionError(Exception):
    """The listener refuses the connection with this TNS code (12514 unknown or closed service, 12528 blocked)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"TNS-{code:05d}")
        self.code = code


class ColumnType(enum.Enum):
    """The types that the server can put on the wire."""

    VARCHAR = "VARCHAR2"
    CHAR = "CHAR"
    NUMBER = "NUMBER"
    BINARY_DOUBLE = "BINARY_DOUBLE"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMP_TZ = "TIMESTAMP WITH TIME ZONE"
    RAW = "RAW"
    CLOB = "CLOB"
    BLOB = "BLOB"
    JSON = "JSON"
    BOOLEAN = "BOOLEAN"


@dataclass(frozen=True)
class Column:
    """One column of a query's description; ``size`` in bytes, never 0 for a column that can hold a value."""

    name: str
    type: ColumnType
    size: int = 4000
    precision: int = 0
    scale: int = -127
    nullable: bool = True


class StatementKind(enum.Enum):
    """What answer a statement needs."""

    QUERY = "query"
    DML = "dml"
    PLSQL = "plsql"
    DDL = "ddl"
    OTHER = "other"  # COMMIT, ROLLBACK, ALTER SESSION, ...


class Direction(enum.Enum):
    """Which way a bind travels; RETURNING is the INTO list of a DML statement."""

    IN = 32
    OUT = 16
    IN_OUT = 48
    RETURNING = 0


@dataclass(frozen=True)
class BindSlot:
    """One bind place in the driver's order (SQL: one per occurrence; PL/SQL: one per name)."""

    name: str
    direction: Direction = Direction.IN


@dataclass(frozen=True)
class Statement:
    """A text as the engine understood it. Parsing has no side effect; ``columns`` is empty unless it is a query."""

    sql: str
    kind: StatementKind
    binds: tuple[BindSlot, ...] = ()
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Result:
    """What one execution gave.

    ``rows`` are a query's rows in full. ``row_counts`` has one entry per bind row. ``returning`` and ``out_binds``
    have one entry per bind row: per RETURNING bind the list of values, per non-IN bind its value.
    ``batch_errors`` are (row number, error) and given only when they were asked for.
    """

    columns: tuple[Column, ...] = ()
    rows: Sequence[Sequence[Value]] = ()
    rowcount: int = 0
    row_counts: tuple[int, ...] = ()
    returning: Sequence[Sequence[Sequence[Value]]] = ()
    out_binds: Sequence[Sequence[Value]] = ()
    batch_errors: Sequence[tuple[int, OracleError]] = ()


@dataclass(frozen=True)
class ClientInfo:
    """Who is connecting, as the CONNECT descriptor and AUTH pairs tell it."""

    program: str = ""
    machine: str = ""
    os_user: str = ""
    address: str = ""


class Session(Protocol):
    """One logged-on session. Methods are called one at a time, from the event loop."""

    @property
    def session_id(self) -> int: ...

    @property
    def serial(self) -> int: ...

    @property
    def in_transaction(self) -> bool: ...

    @property
    def ended(self) -> int | None:
        """The code the client must be told before its next call (12572 shutting down, 28 killed), or None."""
        ...

    async def prepare(self, sql: str) -> Statement:
        """Parse and describe. Raises OracleError."""
        ...

    async def execute(
        self,
        statement: Statement,
        bind_rows: Sequence[Sequence[Value]],
        *,
        commit: bool = False,
        batch_errors: bool = False,
    ) -> Result:
        """Run once per bind row (once with no binds); values in the order of the IN and IN_OUT slots.

        Long SQL runs in a thread so that ``interrupt`` can break it. Raises OracleError.
        """
        ...

    async def commit(self) -> None:
        """Make the transaction durable: when this returns its redo record is on disk."""
        ...

    async def rollback(self) -> None: ...

    def interrupt(self) -> None:
        """Break the running call from outside; it raises ORA-01013."""
        ...

    async def change_password(self, old: str, new: str) -> None: ...

    async def close(self) -> None:
        """Roll back and forget the session. Safe to call twice."""
        ...


@dataclass(frozen=True)
class Verifier:
    """A user's 12c password verifier, from which the network side proves the password without storing it."""

    salt: bytes = field(repr=False)
    password_key: bytes = field(repr=False)
    iterations: int = 4096


class Instance(Protocol):
    """One open database as its listener sees it."""

    @property
    def name(self) -> str:
        """The database's name, in capitals."""
        ...

    def verifier(self, user: str) -> Verifier | None:
        """The user's verifier, or None for an unknown user (the server then fails with ORA-01017, alike)."""
        ...

    async def logon(self, user: str, client: ClientInfo) -> Session:
        """Open a session for a user whose password was proved. Raises OracleError (1033 starting up, 28000 locked)."""
        ...


class ServiceDirectory(Protocol):
    """Which services a listener offers right now."""

    def instance(self, service_name: str) -> Instance:
        """Raises RefusedConnectionError(12514) when no open database offers it: a mounted standby takes no sessions."""
        ...
