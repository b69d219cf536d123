"""From ACCEPT to a session: negotiation, proof of the password, logon."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from simulator.database.interface import ClientInfo, Instance, OracleError, Session
from simulator.database.net import answers
from simulator.database.net.auth import Challenge, SessionKey, wrong_password
from simulator.database.net.buffers import ProtocolError
from simulator.database.net.channel import Channel
from simulator.database.net.constants import AUTH_MODE_PRIVILEGED
from simulator.database.net.cursors import MAX_OPEN_CURSORS
from simulator.database.net.parser import Parser
from simulator.database.net.requests import Authenticate, Call, DataTypeNegotiation, ProtocolNegotiation

# What a session would start with that this server cannot give it: refused, rather than silently not done.
_UNSUPPORTED = frozenset({"PROXY_CLIENT_NAME", "AUTH_TOKEN", "AUTH_ORA_EDITION", "AUTH_APPCTX_NSPACE"})

Version = tuple[int, int]


@dataclass(frozen=True)
class LoggedOn:
    """A session and the key that its logon agreed on."""

    session: Session
    key: SessionKey = field(repr=False)


class Logon:
    """One client's way to a session of one instance."""

    def __init__(self, channel: Channel, instance: Instance, service_name: str, client: ClientInfo, version: Version):
        self._channel = channel
        self._instance = instance
        self._service_name = service_name
        self._client = client
        self._version = version
        self._parser = Parser(lambda _: None)

    async def run(self) -> LoggedOn | None:
        """Answer until there is a session; None when the client was refused (it has been told why)."""
        challenge: Challenge | None = None
        while True:
            call = await self._call()
            try:
                if isinstance(call, ProtocolNegotiation):
                    await self._channel.send(answers.protocol())
                elif isinstance(call, DataTypeNegotiation):
                    await self._channel.send(answers.data_types())
                elif not isinstance(call, Authenticate):
                    raise ProtocolError("a call ahead of the logon")
                elif call.first_phase:
                    challenge = await self._challenge(call)
                else:
                    return await self._prove(challenge, call)
            except OracleError as error:
                await self._channel.send(answers.end(answers.End(error=error)))
                return None

    async def _call(self) -> Call:
        while (request := await self._channel.request(self._parser.parse)) is None:
            await self._channel.finish_break(in_transaction=False)
        return request.call

    async def _challenge(self, call: Authenticate) -> Challenge:
        self._client = replace(
            self._client,
            program=call.pairs.get("AUTH_PROGRAM_NM", self._client.program),
            machine=call.pairs.get("AUTH_MACHINE", self._client.machine),
            os_user=call.pairs.get("AUTH_SID", self._client.os_user),
        )
        challenge = Challenge(self._instance.verifier(user_name(call.user)))
        parameters = answers.parameters(challenge.parameters())
        await self._channel.send(parameters + answers.status(in_transaction=False))
        return challenge

    async def _prove(self, challenge: Challenge | None, call: Authenticate) -> LoggedOn:
        if challenge is None:
            raise wrong_password()
        key = challenge.prove(call.pairs.get("AUTH_SESSKEY", ""), call.pairs.get("AUTH_PASSWORD", ""))
        if call.mode & AUTH_MODE_PRIVILEGED:
            raise OracleError(1031, "insufficient privileges")
        if unsupported := sorted(_UNSUPPORTED & call.pairs.keys()):
            raise OracleError(3001, f"unimplemented feature: {', '.join(unsupported)}")
        session = await self._instance.logon(user_name(call.user), self._client)
        try:
            await self._prepare_session(session, key, call)
        except OracleError:
            await session.close()
            raise
        parameters = answers.parameters(self._parameters(session, key))
        await self._channel.send(parameters + answers.status(in_transaction=False))
        return LoggedOn(session, key)

    async def _prepare_session(self, session: Session, key: SessionKey, call: Authenticate) -> None:
        if new_password := call.pairs.get("AUTH_NEWPASSWORD"):
            old = key.decrypt_password(call.pairs.get("AUTH_PASSWORD", ""))
            await session.change_password(old, key.decrypt_password(new_password))
        if alter := call.pairs.get("AUTH_ALTER_SESSION"):
            await session.execute(await session.prepare(alter), [()])

    def _parameters(self, session: Session, key: SessionKey) -> dict[str, str]:
        name = self._instance.name
        major, update = self._version
        return {
            "AUTH_VERSION_NO": str(major << 24 | update << 16),
            "AUTH_SESSION_ID": str(session.session_id),
            "AUTH_SERIAL_NUM": str(session.serial),
            "AUTH_MAX_OPEN_CURSORS": str(MAX_OPEN_CURSORS),  # sizes the client's statement cache
            "AUTH_MAX_IDEN_LENGTH": "128",
            "AUTH_SC_DBUNIQUE_NAME": name,
            "AUTH_SC_REAL_DBUNIQUE_NAME": name,
            "AUTH_SC_SERVICE_NAME": self._service_name,
            "AUTH_INSTANCENAME": name.lower(),
            "AUTH_SC_DB_DOMAIN": "",
            "AUTH_SVR_RESPONSE": key.server_proof(),
        }


def user_name(text: str) -> str:
    """A user's name as the catalogue has it: in capitals, unless it was quoted."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text.upper()
