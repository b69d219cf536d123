"""One client's connection, from its CONNECT packet to its end."""

from __future__ import annotations

import asyncio
import logging

from simulator.database.interface import (
    ClientInfo,
    Instance,
    OracleError,
    RefusedConnectionError,
    ServiceDirectory,
    Session,
)
from simulator.database.net import answers, packets
from simulator.database.net.buffers import ProtocolError
from simulator.database.net.calls import Calls
from simulator.database.net.channel import Channel, ConnectionClosedError
from simulator.database.net.constants import SESSION_SHUTDOWN_CODES, Function
from simulator.database.net.logon import Logon, Version
from simulator.database.net.packets import ConnectRequest
from simulator.database.net.parser import Parser
from simulator.database.net.requests import ReleaseSession, Request, Simple

_log = logging.getLogger(__name__)

_NO_SERVICE_NAMED = 12504
_NO_SUCH_SID = 12505
_SESSION_ENDS = {
    28: "your session has been killed",
    1012: "not logged on",
    1089: "immediate shutdown or close in progress - no operations are permitted",
    2399: "exceeded maximum connect time, you are being logged off",
    3113: "end-of-file on communication channel",
}


class Connection:
    """Speaks with one client; ``serve`` returns when the connection is over."""

    def __init__(
        self,
        directory: ServiceDirectory,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        version: Version,
        address: str,
    ) -> None:
        self._directory = directory
        self._reader = reader
        self._writer = writer
        self._version = version
        self._address = address
        self._channel = Channel(reader, writer, self._interrupt)
        self._session: Session | None = None
        self._running = False
        self._leaving = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.instance: Instance | None = None

    async def serve(self) -> None:
        """Listen, log on, answer calls. Expected ends (client gone, refusal, protocol error) raise nothing."""
        try:
            wanted = await packets.read_connect(self._reader)
            try:
                self.instance = self._find(wanted)
            except RefusedConnectionError as refusal:
                self._writer.write(packets.refuse(refusal.code))
                await self._writer.drain()
                return
            self._writer.write(packets.accept())
            await self._converse(self.instance, wanted)
        except (asyncio.IncompleteReadError, OSError, ConnectionClosedError):
            _log.debug("client gone: %s", self._address)
        except ProtocolError as error:
            _log.warning("connection of %s dropped: %s", self._address, error)

    def _find(self, wanted: ConnectRequest) -> Instance:
        if not wanted.service_name:
            raise RefusedConnectionError(_NO_SUCH_SID if wanted.sid else _NO_SERVICE_NAMED)
        return self._directory.instance(wanted.service_name)

    async def _converse(self, instance: Instance, wanted: ConnectRequest) -> None:
        pump = asyncio.create_task(self._channel.pump())
        try:
            client = ClientInfo(wanted.program, wanted.machine, wanted.os_user, self._address)
            logged_on = await Logon(self._channel, instance, wanted.service_name, client, self._version).run()
            if logged_on is None:
                return
            self._session = logged_on.session
            try:
                calls = Calls(logged_on.session, logged_on.key, lambda: self._channel.breaking)
                await self._serve_calls(logged_on.session, calls)
            finally:
                await logged_on.session.close()
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _serve_calls(self, session: Session, calls: Calls) -> None:
        parser = Parser(calls.cursors.binds)
        while not self._leaving:
            request = await self._channel.request(parser.parse)
            answer = None
            last = False
            if request is not None:
                ended = None if isinstance(request.call, ReleaseSession) else session.ended
                last = ended is not None or _is_logoff(request)
                answer = await self._answer(request, calls, ended)
            if self._channel.breaking:
                parser.forget()
                await self._channel.finish_break(in_transaction=session.in_transaction)
            elif answer is not None:
                self._channel.discard()
                await self._channel.send(answer)
            if last:
                return

    async def _answer(self, request: Request, calls: Calls, ended: int | None) -> bytes | None:
        if ended in SESSION_SHUTDOWN_CODES:
            await self._channel.notify(ended)
        elif ended is not None:
            text = _SESSION_ENDS.get(ended, "session terminated")
            return answers.end(answers.End(error=OracleError(ended, text)))
        self._running = True
        self._idle.clear()
        try:
            return await calls.answer(request)
        finally:
            self._running = False
            self._idle.set()

    def _interrupt(self) -> None:
        if self._running and self._session is not None:
            self._session.interrupt()

    async def tell(self, code: int) -> None:
        """Notify the client in band; a client that is gone needs no telling."""
        if self._session is None or self._writer.is_closing():
            return
        try:
            await self._channel.notify(code)
        except ConnectionClosedError:
            _log.debug("client gone before it was told %s", code)

    async def leave(self) -> None:
        """End the connection after the answer of the running call, if there is one."""
        self._leaving = True
        await self._idle.wait()
        self._writer.close()

    def abort(self) -> None:
        """Cut the client off; its running call is interrupted."""
        self._writer.transport.abort()


def _is_logoff(request: Request) -> bool:
    return isinstance(request.call, Simple) and request.call.function == Function.LOGOFF
