"""What a client can ask for, as data: a request is parsed whole before anything is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.database.net.constants import ExecuteOption
from simulator.database.net.values import BindType

RawRow = Sequence[bytes | None]


@dataclass(frozen=True)
class ProtocolNegotiation:
    """The first message: which protocol the driver speaks."""


@dataclass(frozen=True)
class DataTypeNegotiation:
    """The second message: which types and representations the driver knows."""


@dataclass(frozen=True)
class Authenticate:
    """One of the two logon calls, or a change of password in a session."""

    first_phase: bool
    user: str
    mode: int
    pairs: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Simple:
    """A call without a body: ping, commit, rollback, logoff."""

    function: int


@dataclass(frozen=True)
class Execute:
    """Parse, bind, define, execute and fetch, as the options say.

    ``bind_types`` is None when the call carries none. ``rows`` hold the values of all binds but RETURNING ones.
    """

    options: ExecuteOption
    cursor: int
    sql: str | None
    fetch_rows: int
    row_counts: bool
    scrollable: bool
    bind_types: tuple[BindType, ...] | None
    defines: tuple[BindType, ...] | None
    rows: Sequence[RawRow]


@dataclass(frozen=True)
class ReExecute:
    """Run an open cursor again with new values, which leave out OUT and RETURNING binds."""

    cursor: int
    fetch_rows: int | None
    commit: bool
    rows: Sequence[RawRow]


@dataclass(frozen=True)
class Fetch:
    """More rows of an open cursor."""

    cursor: int
    rows: int


@dataclass(frozen=True)
class LobCall:
    """One operation on a LOB; ``offset`` counts from 1, ``kind`` is the type of a LOB to create."""

    operation: int
    locator: bytes
    offset: int
    kind: int
    charset: int
    data: bytes | None
    amount: int | None


@dataclass(frozen=True)
class ReleaseSession:
    """A pooled server process goes back to its pool: one-way, nobody waits for an answer."""


@dataclass(frozen=True)
class Unsupported:
    """A function that this server does not have; the session stays usable."""

    function: int


@dataclass(frozen=True)
class CloseCursors:
    """Piggyback: the client forgot these cursors."""

    cursors: tuple[int, ...]


@dataclass(frozen=True)
class SetSchema:
    """Piggyback: unqualified names mean this schema from now on."""

    schema: str


@dataclass(frozen=True)
class FreeLobs:
    """Piggyback: the client forgot these temporary LOBs."""

    locators: tuple[bytes, ...]


@dataclass(frozen=True)
class SetLabels:
    """Piggyback: how the session is shown to who monitors the database; None leaves a label as it is."""

    client_identifier: str | None
    module: str | None
    action: str | None
    client_info: str | None


@dataclass(frozen=True)
class RequestBoundary:
    """Piggyback: the client begins or ends a unit of work; nothing here depends on it."""


Piggyback = CloseCursors | SetSchema | FreeLobs | SetLabels | RequestBoundary | Unsupported
Call = (
    ProtocolNegotiation
    | DataTypeNegotiation
    | Authenticate
    | Simple
    | Execute
    | ReExecute
    | Fetch
    | LobCall
    | ReleaseSession
    | Unsupported
)


@dataclass(frozen=True)
class Request:
    """A call with what was sent ahead of it."""

    piggybacks: tuple[Piggyback, ...]
    call: Call
