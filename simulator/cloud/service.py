"""What every service room is written against: requests, replies, errors, routes and the region they act on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simulator.cloud.durations import DURATIONS
from simulator.cloud.workrequests import WorkRequests
from simulator.kernel import ids
from simulator.kernel.clock import WorldClock
from simulator.kernel.faults import Gate
from simulator.kernel.store import Store
from simulator.kernel.transitions import Transitions
from simulator.kernel.worldfile import World


@dataclass(frozen=True)
class Principal:
    """Who signed a request. A pre-authenticated request's principal has no user."""

    user_id: str
    name: str
    tenancy: str
    fingerprint: str
    groups: frozenset[str] = frozenset()


ANONYMOUS = Principal("", "", "", "")


@dataclass(frozen=True)
class Upload:
    """A body that was streamed to disk; digests are raw bytes. Whoever keeps it renames it away."""

    path: Path
    size: int
    md5: bytes
    sha256: bytes


@dataclass(frozen=True)
class Request:
    """One call, signature verified. Header names are lower case; ``body`` is the JSON object, empty without one."""

    method: str
    path: dict[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: dict[str, Any]
    raw: bytes
    principal: Principal
    request_id: str
    upload: Upload | None = None

    def need(self, name: str) -> Any:
        """A field of the body. Raises 400 when it is missing or null."""
        value = self.body.get(name)
        if value is None:
            raise ServiceError(400, "InvalidParameter", f"{name} must not be null")
        return value


@dataclass(frozen=True)
class FileSlice:
    """Part of a file as a reply's body."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Reply:
    """An answer: ``body`` as JSON, or ``raw`` bytes, or slices of files; an opc-request-id is added."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    files: tuple[FileSlice, ...] = ()


class ServiceError(Exception):
    """OCI's error answer: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def not_found(what: str) -> ServiceError:
    """OCI's answer for what is not there, or not to be seen."""
    return ServiceError(404, "NotAuthorizedOrNotFound", f"Authorization failed or requested resource not found: {what}")


Handler = Callable[["Region", Request], Reply | Awaitable[Reply]]
SomeHandler = TypeVar("SomeHandler", bound=Handler)


@dataclass(frozen=True)
class Operation:
    """One call of a service. ``streamed``: the body goes to disk; ``signed``: whether it needs a signature."""

    name: str
    method: str
    path: str
    handler: Handler
    streamed: bool = False
    signed: bool = True


class Service:
    """A room's calls. ``base`` is what precedes every path, as in the SDK's client (``/20160918``)."""

    def __init__(self, name: str, base: str) -> None:
        self.name = name
        self.base = base
        self.operations: list[Operation] = []
        self.setups: list[Callable[[Region], None]] = []

    def operation(
        self, method: str, path: str, name: str, *, streamed: bool = False, signed: bool = True
    ) -> Callable[[SomeHandler], SomeHandler]:
        """Register the decorated handler. ``{x}`` in the path is one segment, ``{x*}`` the rest of it."""

        def register(handler: SomeHandler) -> SomeHandler:
            self.operations.append(Operation(name, method, self.base + path, handler, streamed, signed))
            return handler

        return register

    def setup(self, function: Callable[[Region], None]) -> Callable[[Region], None]:
        """Register code that runs once per region process before it serves (register transitions, seed rows)."""
        self.setups.append(function)
        return function


AdminHandler = Callable[[dict[str, Any]], Awaitable[Any] | Any]


@dataclass
class Region:
    """Everything that a handler may use; one per region process."""

    name: str
    key: str
    world: World
    clock: WorldClock
    store: Store
    transitions: Transitions
    work_requests: WorkRequests
    gate: Gate
    databases: Any = None
    rooms: dict[str, Any] = field(default_factory=dict[str, Any])
    admin: dict[tuple[str, str], AdminHandler] = field(default_factory=dict[tuple[str, str], AdminHandler])

    @property
    def home(self) -> Path:
        """The region's own directory."""
        return self.world.home_of(self.name)

    def duration(self, name: str) -> float:
        """World seconds that this operation takes in this region; its slow case while the region is set slow."""
        row = DURATIONS[name]
        setting = self.store.get("slow", name) or self.store.get("slow", "*")
        return row.typical if setting is None else row.slow

    def new_ocid(self, kind: str) -> str:
        """A fresh OCID of this region."""
        number = self.store.next_number(f"ocid/{kind}")
        return ids.ocid(kind, self.key, seed=self.world.seed, number=number)

    def new_token(self, purpose: str) -> str:
        """A fresh opaque text (upload ids, access paths), unguessable without the world's seed."""
        return ids.token(
            f"{self.name}/{purpose}", seed=self.world.seed, number=self.store.next_number(f"token/{purpose}")
        )
