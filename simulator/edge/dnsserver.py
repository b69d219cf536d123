"""A DNS server's wire: UDP and TCP on one address, truncation, and the refusals that need no zone (RFC 1035, 6891)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from typing import Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass

Answer = Callable[[dns.message.Message, str], Awaitable[dns.message.Message | None]]
"""Question and the asker's address to response; None keeps silent."""

UDP_PAYLOAD = 1232
"""The largest datagram we send, whatever the asker offers: no fragments (DNS flag day 2020)."""

PLAIN_UDP_PAYLOAD = 512
MAX_TCP_PAYLOAD = 65535
TCP_IDLE_SECONDS = 10.0  # wall time: an I/O time-out


class DnsServer:
    """Serves ``answer`` at one address until stopped."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        self.host = host
        self.port = port
        self.dark = False
        """Whether every question is met with silence."""
        self._answer = answer
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._spawn), local_addr=(self.host, self.port)
        )
        try:
            self._streams = await asyncio.start_server(self._stream, self.host, self.port)
        except OSError:
            self._datagrams.close()
            raise

    async def stop(self) -> None:
        """Stop listening and let go of every connection."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._streams is not None:
            await self._streams.wait_closed()

    def _spawn(self, transport: asyncio.DatagramTransport, data: bytes, peer: tuple[Any, ...]) -> None:
        task = asyncio.get_running_loop().create_task(self._datagram(transport, data, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _datagram(self, transport: asyncio.DatagramTransport, data: bytes, peer: tuple[Any, ...]) -> None:
        reply = await self._respond(data, str(peer[0]), stream=False)
        if reply is not None and not transport.is_closing():
            transport.sendto(reply, peer)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        peer = str(writer.get_extra_info("peername")[0])
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError, ConnectionError):
                while True:
                    async with asyncio.timeout(TCP_IDLE_SECONDS):
                        (length,) = struct.unpack("!H", await reader.readexactly(2))
                        data = await reader.readexactly(length)
                    reply = await self._respond(data, peer, stream=True)
                    if reply is not None:
                        writer.write(struct.pack("!H", len(reply)) + reply)
                        await writer.drain()
        except asyncio.CancelledError:
            # Swallowed: asyncio's stream protocol would report a cancelled handler as an unhandled error.
            return
        finally:
            writer.close()

    async def _respond(self, data: bytes, peer: str, *, stream: bool) -> bytes | None:
        """The reply's bytes, or None for silence."""
        if self.dark:
            return None
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return _format_error(data)
        if query.flags & dns.flags.QR:
            return None
        refusal = _refusal(query)
        response = refusal if refusal is not None else await self._answer(query, peer)
        if response is None:
            return None
        if query.edns >= 0:
            response.use_edns(0, response.ednsflags, payload=UDP_PAYLOAD)  # the flags hold half of the rcode
        return _to_wire(query, response, stream=stream)


def _refusal(query: dns.message.Message) -> dns.message.Message | None:
    """The response to what no server of ours answers, or None for a plain question."""
    code = None
    if query.opcode() != dns.opcode.QUERY:
        code = dns.rcode.NOTIMP
    elif len(query.question) != 1:
        code = dns.rcode.FORMERR
    elif query.edns > 0:
        code = dns.rcode.BADVERS
    elif query.question[0].rdclass != dns.rdataclass.IN:
        code = dns.rcode.REFUSED
    if code is None:
        return None
    response = dns.message.make_response(query)
    response.set_rcode(code)
    return response


def _to_wire(query: dns.message.Message, response: dns.message.Message, *, stream: bool) -> bytes:
    if stream:
        limit = MAX_TCP_PAYLOAD
    elif query.edns >= 0:
        limit = min(max(query.payload, PLAIN_UDP_PAYLOAD), UDP_PAYLOAD)
    else:
        limit = PLAIN_UDP_PAYLOAD
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        # An empty truncated answer sends every client to TCP; half an RRSet could be taken for the whole.
        for section in (response.answer, response.authority, response.additional):
            section.clear()
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=limit)


def _format_error(data: bytes) -> bytes | None:
    """FORMERR with the asker's id, when there is at least a header that is not itself a response."""
    if len(data) < 12 or data[2] & 0x80:
        return None
    return data[:2] + bytes([0x80 | (data[2] & 0x79), dns.rcode.FORMERR]) + bytes(8)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[asyncio.DatagramTransport, bytes, tuple[Any, ...]], None]) -> None:
        self._received = received
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # not a subclass of it on Python 3.11

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._transport is not None:
            self._received(self._transport, data, addr)
