"""The packets of one connection after ACCEPT: requests in, answers out, and breaks at any time.

A break may come while a call runs, after its answer has left, or while nothing happens; the client cannot know which.
So the protocol is the same in each case: on a BREAK or INTERRUPT marker the running call is interrupted, the answer
it may give is dropped, and requests that arrive are dropped too; BREAK and RESET markers are sent at once; when the
client's RESET is there and the call has ended, one ORA-01013 answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from simulator.database.interface import OracleError
from simulator.database.net.answers import End, end
from simulator.database.net.buffers import Incomplete, ProtocolError, Reader
from simulator.database.net.constants import DATA_FLAG_EOF, Marker, PacketType
from simulator.database.net.packets import DATA_FLAGS, control, data_packets, marker, read_packet

T = TypeVar("T")
_log = logging.getLogger(__name__)


class ConnectionClosedError(Exception):
    """The client is gone."""


class Channel:
    """One connection's packets; ``on_break`` is called when a running call should stop."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_break: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_break = on_break
        self._received = bytearray()
        self._changed = asyncio.Event()
        self._breaking = False
        self._reset = False
        self._closed = False

    @property
    def breaking(self) -> bool:
        """Whether a break is under way: the answer of the running call must not be sent."""
        return self._breaking

    async def pump(self) -> None:
        """Receive packets until the client is gone. Runs beside the calls, so that a break is seen at once."""
        try:
            while True:
                packet = await read_packet(self._reader)
                if packet.type == PacketType.MARKER:
                    self._marker(packet.body)
                elif packet.type == PacketType.DATA:
                    if int.from_bytes(packet.body[:DATA_FLAGS], "big") & DATA_FLAG_EOF:
                        break
                    if not self._breaking:
                        self._received += packet.body[DATA_FLAGS:]
                        self._changed.set()
                else:
                    raise ProtocolError(f"a packet of type {packet.type} in a session")
        except (asyncio.IncompleteReadError, OSError) as error:
            _log.debug("client gone: %s", error)
        except ProtocolError as error:
            _log.warning("connection dropped: %s", error)
        finally:
            self._closed = True
            self._changed.set()
            self._on_break()

    def _marker(self, body: bytes) -> None:
        kind = body[2] if len(body) > 2 else 0
        if kind in (Marker.BREAK, Marker.INTERRUPT):
            if not self._breaking:
                self._breaking = True
                self._reset = False
                self._received.clear()
                self._writer.write(marker(Marker.BREAK) + marker(Marker.RESET))
            self._on_break()
        elif kind == Marker.RESET and self._breaking:
            self._reset = True
        self._changed.set()

    async def request(self, parse: Callable[[Reader], T]) -> T | None:
        """The next whole request, or None when a break came first.

        Raises ConnectionClosedError; ProtocolError for what does not parse.
        """
        while True:
            if self._breaking:
                return None
            if self._received:
                reader = Reader(self._received)
                try:
                    request = parse(reader)
                except Incomplete:
                    pass
                else:
                    del self._received[: reader.position]
                    return request
            await self._wait()

    def discard(self) -> None:
        """Drop what is left of an answered request: the client sends nothing before it has its answer."""
        self._received.clear()

    async def finish_break(self, *, in_transaction: bool) -> None:
        """Wait for the client's RESET and answer the broken call.

        A driver's pool rolls back what is released to it only where it was told that a transaction is open.
        """
        while not self._reset:
            await self._wait()
        self._breaking = self._reset = False
        cancelled = OracleError(1013, "user requested cancel of current operation")
        await self.send(end(End(error=cancelled, in_transaction=in_transaction)))

    async def _wait(self) -> None:
        if self._closed:
            raise ConnectionClosedError
        self._changed.clear()
        await self._changed.wait()
        if self._closed:
            raise ConnectionClosedError

    async def send(self, message: bytes | bytearray) -> None:
        """Send one answer."""
        self._writer.write(data_packets(message))
        await self._drain()

    async def notify(self, code: int) -> None:
        """Tell the client out of turn that its session is shutting down (12572) or idle for too long (2396)."""
        self._writer.write(control(code))
        await self._drain()

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except OSError as error:
            raise ConnectionClosedError from error
