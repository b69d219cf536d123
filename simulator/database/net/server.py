"""The Oracle Net listener and its dedicated servers in one: what `oracledb` thin connects to."""

from __future__ import annotations

import asyncio
import logging
import ssl

from simulator.database.interface import Instance, ServiceDirectory
from simulator.database.net.connection import Connection
from simulator.database.net.logon import Version

_log = logging.getLogger(__name__)

SESSION_SHUTTING_DOWN = 12572
_CLOSE_PATIENCE = 1.0  # wall seconds


class NetServer:
    """Serves the sessions of every instance that ``directory`` offers.

    ``ssl_context`` is used when a connection is not under TLS yet; None serves plain TCP. ``version`` is the release
    and release update that clients are told.
    """

    def __init__(
        self,
        directory: ServiceDirectory,
        *,
        ssl_context: ssl.SSLContext | None,
        version: Version = (19, 28),
    ) -> None:
        self._directory = directory
        self._ssl_context = ssl_context
        self._version = version
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._listener: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected right now."""
        return len(self._connections)

    async def handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, address: str | None = None
    ) -> None:
        """Serve one connection to its end, and close it.

        ``address`` is the client's, for who mounts this behind a relay; else it is the connection's other end.
        """
        connection = Connection(self._directory, reader, writer, self._version, address or _peer(writer))
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        try:
            if self._ssl_context is not None and writer.get_extra_info("ssl_object") is None:
                await writer.start_tls(self._ssl_context)
            await connection.serve()
        except OSError as error:
            _log.info("TLS handshake failed: %s", error)
        finally:
            await _close(writer)
            del self._connections[connection]

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen on an address of our own; port 0 takes a free one. Returns the address."""
        self._listener = await asyncio.start_server(self.handle, host, port, ssl=self._ssl_context)
        name = self._listener.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def drain(self, code: int = SESSION_SHUTTING_DOWN, *, instance: Instance | None = None) -> None:
        """Tell the sessions of an instance (of all, without one) that they are shutting down.

        Clients finish what they are doing; a driver's pool then lets the connection go.
        """
        await asyncio.gather(*(connection.tell(code) for connection in self._of(instance)))

    async def disconnect(self, *, instance: Instance | None = None) -> None:
        """End the connections of an instance (of all, without one), each after its running call's answer."""
        await asyncio.gather(*(connection.leave() for connection in self._of(instance)))

    def _of(self, instance: Instance | None) -> list[Connection]:
        return [c for c in self._connections if instance is None or c.instance is instance]

    async def close(self) -> None:
        """Stop listening, end every connection at once, and wait until their sessions are closed."""
        if self._listener is not None:
            self._listener.close()
        if not self._connections:
            return
        for connection in self._connections:
            connection.abort()
        _, stuck = await asyncio.wait(self._connections.values(), timeout=_CLOSE_PATIENCE)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(_CLOSE_PATIENCE):
            await writer.wait_closed()
    except TimeoutError:  # TLS waits for the client's goodbye, which an idle client never sends
        writer.transport.abort()
    except OSError as error:  # reset by the client: closed all the same
        _log.debug("reset while closing: %s", error)
