"""The gate: every listener of a simulated process is behind it, so a fault can be put before any of them.

Bytes pass through the gate below TLS and HTTP, so a server needs no code for faults: it is given its end of the
connection and the gate carries the bytes. Delays are wall seconds, as a network's are. Which connections a fault
with a probability hits follows from the seed and the order of connections alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import random
import socket
import ssl as tls
import struct
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

log = logging.getLogger(__name__)

Peer = tuple[str, int]
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST

_peer: ContextVar[Peer] = ContextVar("peer")


class Plane(enum.StrEnum):
    """What a listener serves: OCI's APIs, the customers' traffic (Oracle Net, load balancer), the other region."""

    CONTROL = "control"
    DATA = "data"
    LINK = "link"


class FaultKind(enum.StrEnum):
    """What happens to a connection."""

    REFUSE = "refuse"  # nothing listens
    STALL = "stall"  # accepted, then no byte moves, until the fault is cleared
    DELAY = "delay"  # every chunk from the client is held for ``seconds``
    TRUNCATE = "truncate"  # closed after ``after_bytes`` of the answer
    RESET = "reset"  # RST after ``after_bytes`` of the answer; 0 resets before a byte is read


@dataclass(frozen=True)
class SocketFault:
    """A fault on one plane. ``operator_only`` spares connections that come from within the simulated world."""

    id: str
    plane: Plane
    kind: FaultKind
    seconds: float = 0.0
    after_bytes: int = 0
    probability: float = 1.0
    times: int | None = None
    operator_only: bool = False

    def __post_init__(self) -> None:
        if self.kind is FaultKind.REFUSE and (self.probability < 1 or self.times is not None or self.operator_only):
            raise ValueError("refuse closes the listener: it takes no probability, times or operator_only")


def peer_address() -> Peer:
    """Who is at the other end (host, port), inside a handler given to ``serve``."""
    return _peer.get()


class Gate:
    """The faults in force, the listeners and the connections of one process."""

    def __init__(self, seed: str, is_operator: Callable[[Peer], bool] = lambda _: True) -> None:
        self._seed = seed
        self._is_operator = is_operator
        self._faults: dict[str, SocketFault] = {}
        self._random: dict[str, random.Random] = {}
        self._changed = asyncio.Event()
        self._listeners: set[Listener] = set()
        self._connections: set[Connection] = set()

    @property
    def faults(self) -> tuple[SocketFault, ...]:
        """Those in force, in the order in which they were set."""
        return tuple(self._faults.values())

    async def set(self, fault: SocketFault) -> None:
        """Put a fault in force, for open connections of its plane too; one with the same id is replaced."""
        self._faults[fault.id] = fault
        self._random[fault.id] = random.Random(f"{self._seed}/{fault.id}")
        await self._apply()

    async def clear(self, id: str | None = None) -> None:  # noqa: A002 - the field's own name
        """End one fault, or all; what was stalled goes on."""
        for key in [key for key in self._faults if id in (None, key)]:
            del self._faults[key]
        await self._apply()

    def accept(self, plane: Plane, peer: Peer) -> Connection:
        """Count a new connection in; the listener calls this."""
        connection = Connection(self, plane, peer)
        self._connections.add(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """The connection is over."""
        self._connections.discard(connection)

    def hits(self, fault: SocketFault, connection: Connection) -> bool:
        """Whether this fault hits this connection; drawn once per connection."""
        if fault.plane is not connection.plane or fault.id not in self._faults:
            return False
        if fault.id not in connection.drawn:
            connection.drawn[fault.id] = self._draw(fault, connection)
        return connection.drawn[fault.id]

    async def change(self) -> None:
        """Wait until the faults in force change."""
        await self._changed.wait()

    async def listen(
        self,
        plane: Plane,
        host: str,
        port: int,
        factory: Callable[[Connection], asyncio.BaseProtocol],
        *,
        ssl: tls.SSLContext | None = None,
    ) -> Listener:
        """Serve a protocol per connection. Raises OSError when the address is taken."""
        listener = Listener(self, plane, (host, port), factory, ssl)
        self._listeners.add(listener)
        if not self.refuses(plane):
            listener.resume()
        return listener

    def refuses(self, plane: Plane) -> bool:
        """Whether nothing may listen on this plane now."""
        return any(fault.kind is FaultKind.REFUSE and fault.plane is plane for fault in self._faults.values())

    def discard(self, listener: Listener) -> None:
        """The listener is closed for good."""
        self._listeners.discard(listener)

    def _draw(self, fault: SocketFault, connection: Connection) -> bool:
        if fault.operator_only and not self._is_operator(connection.peer):
            return False
        if fault.probability < 1 and self._random[fault.id].random() >= fault.probability:
            return False
        if fault.times is not None:
            if fault.times == 0:
                return False
            self._faults[fault.id] = replace(fault, times=fault.times - 1)
        return True

    async def _apply(self) -> None:
        for connection in self._connections:
            connection.drawn = {key: hit for key, hit in connection.drawn.items() if key in self._faults}
        for listener in tuple(self._listeners):
            if self.refuses(listener.plane):
                await listener.suspend()
            else:
                listener.resume()
        previous, self._changed = self._changed, asyncio.Event()
        previous.set()


class Connection:
    """One accepted connection: two sockets, the bytes between them, and the faults that hit it."""

    def __init__(self, gate: Gate, plane: Plane, peer: Peer) -> None:
        self.plane = plane
        self.peer = peer
        self.drawn: dict[str, bool] = {}
        self._gate = gate
        self._answered = 0
        self._outer: socket.socket | None = None
        self._carrier: asyncio.Task[Any] | None = None
        self._handed_over = False

    def cut(self) -> None:
        """Reset the connection now: the peer learns nothing more."""
        self._reset_at_close()
        if self._carrier is not None:
            self._carrier.cancel()  # which closes the sockets, once nothing waits on them

    def _reset_at_close(self) -> None:
        if self._outer is not None:
            self._outer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    async def carry(
        self,
        outer: socket.socket,
        factory: Callable[[Connection], asyncio.BaseProtocol],
        ssl: tls.SSLContext | None,
    ) -> None:
        """Join the client to a fresh server protocol until either side ends."""
        self._outer = outer
        self._carrier = asyncio.current_task()
        inner, far = socket.socketpair()
        try:
            await self._hold()
            if self._cut_at(0) is not None:
                self._reset_at_close()
                return
            inner.setblocking(False)
            far.setblocking(False)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hand_over(far, factory, ssl))
                tasks.create_task(self._inward(outer, inner))
                tasks.create_task(self._outward(inner, outer))
        except* (OSError, tls.SSLError) as problem:
            log.debug("connection from %s ended: %s", self.peer, problem.exceptions)
        finally:
            inner.close()
            outer.close()
            if not self._handed_over:  # else its transport closes it
                far.close()
            self._outer = self._carrier = None

    async def _hand_over(
        self,
        far: socket.socket,
        factory: Callable[[Connection], asyncio.BaseProtocol],
        ssl: tls.SSLContext | None,
    ) -> None:
        """Give the server its end; with TLS this is where the handshake happens."""
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: factory(self), far, ssl=ssl)
        self._handed_over = True

    async def _inward(self, outer: socket.socket, inner: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(outer, _CHUNK):
            await self._hold()
            if delay := self._delay():
                await asyncio.sleep(delay)
            await loop.sock_sendall(inner, data)
        with contextlib.suppress(OSError):
            inner.shutdown(socket.SHUT_WR)

    async def _outward(self, inner: socket.socket, outer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(inner, _CHUNK):
            await self._hold()
            cut = self._cut_at(self._answered + len(data))
            if cut is not None:
                await loop.sock_sendall(outer, data[: max(0, cut.after_bytes - self._answered)])
                if cut.kind is FaultKind.RESET:
                    self._reset_at_close()
                raise ConnectionResetError(f"cut by fault {cut.id}")
            await loop.sock_sendall(outer, data)
            self._answered += len(data)
        # The server is done with this connection; what the client still says reaches nobody.
        raise ConnectionResetError("closed by the server")

    async def _hold(self) -> None:
        """Wait while a stall hits this connection."""
        while any(fault.kind is FaultKind.STALL and self._gate.hits(fault, self) for fault in self._gate.faults):
            await self._gate.change()

    def _delay(self) -> float:
        return sum(
            fault.seconds
            for fault in self._gate.faults
            if fault.kind is FaultKind.DELAY and self._gate.hits(fault, self)
        )

    def _cut_at(self, answered: int) -> SocketFault | None:
        """The fault that ends this connection when that many bytes were answered."""
        for fault in self._gate.faults:
            cuts = fault.kind is FaultKind.RESET or (fault.kind is FaultKind.TRUNCATE and answered > 0)
            if cuts and fault.after_bytes <= answered and self._gate.hits(fault, self):
                return fault
        return None


class Listener:
    """One address. Suspended, nothing listens there: a connection is refused."""

    def __init__(
        self,
        gate: Gate,
        plane: Plane,
        address: tuple[str, int],
        factory: Callable[[Connection], asyncio.BaseProtocol],
        ssl: tls.SSLContext | None,
    ) -> None:
        self.plane = plane
        self.address = address
        self._gate = gate
        self._factory = factory
        self._ssl = ssl
        self._server: socket.socket | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Bind and accept, unless it does already. Raises OSError when the address is taken."""
        if self._server is None:
            self._server = socket.create_server(self.address, backlog=256)
            self._server.setblocking(False)
            asyncio.get_running_loop().add_reader(self._server, self._accept, self._server)

    async def suspend(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            asyncio.get_running_loop().remove_reader(self._server)
            self._server.close()
            self._server = None
        tasks = [*self._carrying]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop for good."""
        self._gate.discard(self)
        await self.suspend()

    def _accept(self, server: socket.socket) -> None:
        """Take one connection. No task awaits it: one that is cancelled in the moment of its arrival would lose it."""
        try:
            client, peer = server.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._carry(client, (peer[0], peer[1])))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        task.add_done_callback(partial(_close, client))

    async def _carry(self, client: socket.socket, peer: Peer) -> None:
        connection = self._gate.accept(self.plane, peer)
        try:
            await connection.carry(client, self._factory, self._ssl)
        finally:
            self._gate.forget(connection)


def _close(client: socket.socket, _: object) -> None:
    """However its task ended, and even if it never had a turn."""
    client.close()


async def serve(
    gate: Gate, plane: Plane, host: str, port: int, handler: StreamHandler, *, ssl: tls.SSLContext | None = None
) -> Listener:
    """Serve asyncio streams behind the gate: ``handler(reader, writer)`` per connection.

    ``peer_address()`` inside the handler tells who connected. Close the returned listener to stop; connections end
    with it. Raises OSError when the address is taken.
    """

    def factory(connection: Connection) -> asyncio.BaseProtocol:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            _peer.set(connection.peer)
            try:
                await handler(reader, writer)
            finally:
                writer.close()

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=2**18), run)

    return await gate.listen(plane, host, port, factory, ssl=ssl)
