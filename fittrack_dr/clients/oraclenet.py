"""Oracle Net: is the database open, what does it hold, and when was its last heartbeat, asked by a session of its own.

A listener can accept a connection and then say nothing for ever, which no time-out of the driver covers. So every
conversation runs on the driver's asynchronous side under one limit of wall time, and is cut off when it is over.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fittrack_dr.clients.failures import DELAY, shortened
from fittrack_dr.clients.profile import Profile
from fittrack_dr.domain.cloud import DatabaseView, NetAnswer, TableCheck
from fittrack_dr.errors import ConfigError, PermanentError, UnreachableError
from fittrack_dr.recovery import CriticalTable

_Result = tuple[Any, ...] | str | None
"""A statement's first row, None without one, or in words why it failed."""
CONNECT_SECONDS = 2.0
CONVERSATION_SECONDS = 8.0
_CODE = re.compile(r"\b(?:ORA|DPY)-\d{4,5}\b")
#: The listener knows no open database of that name, or it is going down or coming up.
_CLOSED = frozenset(
    {"DPY-6001", "ORA-12514", "ORA-12528", "ORA-01033", "ORA-01034", "ORA-01089", "ORA-01090", "ORA-01109"}
)
#: Not the far side's fault: the alias, the wallet or its password.
_OURS = frozenset({"DPY-4000", "DPY-4017", "DPY-4018", "DPY-4026", "DPY-4027", "DPY-6004"})
#: Something is there, and turns us away or is not who it should be, which says nothing of the database.
_TURNED_AWAY = frozenset({"DPY-6000", "DPY-6003", "DPY-6006"})
_SILENT = frozenset({"DPY-4011", "DPY-6005", "DPY-4024"})
_HEARTBEAT = "SELECT MAX(beat_at) FROM heartbeats WHERE region = :region"
_ROLE = "SELECT database_role, open_mode FROM v$database"


class _Statement:
    """A query and its binds by name."""

    def __init__(self, text: str, **binds: str) -> None:
        self.text = text
        self.binds = binds


class OracleNet:
    """One region's database, by its alias in tnsnames.ora; each call is one session that is closed at its end.

    ``schema`` is whose tables are meant. ``seconds`` of wall time bound each call as a whole.
    """

    def __init__(self, profile: Profile, alias: str, *, schema: str, seconds: float = CONVERSATION_SECONDS) -> None:
        self._profile = profile
        self.alias = alias
        self._schema = schema
        self._seconds = seconds

    def view(self) -> DatabaseView:
        """How the database answers, and its role when it takes a session. Raises ConfigError for our own mistakes."""
        try:
            result = self._ask([_Statement(_ROLE)])[0]
        except _NoSessionError as failure:
            return DatabaseView(failure.answer, None, None, failure.detail)
        role, mode = (str(value) for value in self._row(result, 2))
        return DatabaseView(NetAnswer.OPEN, role, mode, f"{role}, {mode}")

    def check(self, tables: Sequence[CriticalTable]) -> tuple[TableCheck, ...]:
        """Each table's critical query, in order. Raises UnreachableError when the database takes no session."""
        results = self._asked([_Statement(each.query) for each in tables])
        return tuple(_checked(each.table, result) for each, result in zip(tables, results, strict=True))

    def last_heartbeat(self, region: str) -> datetime | None:
        """When a region's worker last wrote a heartbeat that this database holds, or None when it never did."""
        (moment,) = self._row(self._asked([_Statement(_HEARTBEAT, region=region)])[0], 1)
        if moment is None:
            return None
        if not isinstance(moment, datetime):
            raise PermanentError(f"the last heartbeat in {self.alias} is no time but {type(moment).__name__}")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _row(self, result: _Result, columns: int) -> tuple[Any, ...]:
        if isinstance(result, tuple) and len(result) == columns:
            return result
        reason = result if isinstance(result, str) else "it gave no row as expected"
        raise PermanentError(f"a query of the database {self.alias} failed: {reason}")

    def _asked(self, statements: Sequence[_Statement]) -> list[_Result]:
        try:
            return self._ask(statements)
        except _NoSessionError as failure:
            text = f"could not ask the database {self.alias}: {failure.detail}"
            if failure.answer is NetAnswer.DENIED:
                raise ConfigError(f"{text}; check fittrack_db_user in the profile {self._profile}") from failure
            raise UnreachableError(text, delay=DELAY) from failure

    def _ask(self, statements: Sequence[_Statement]) -> list[_Result]:
        """What each statement gave. Raises _NoSessionError, or ConfigError for mistakes of ours."""
        import oracledb

        parameters = self._parameters()
        try:
            with asyncio.Runner(loop_factory=_CuttingLoop) as runner:
                return runner.run(self._conversation(parameters, statements))
        except TimeoutError:
            raise _NoSessionError(NetAnswer.SILENT, f"no answer within {self._seconds:g} s") from None
        except oracledb.Error as error:
            raise self._without_session(error) from error
        except OSError as error:
            raise _NoSessionError(NetAnswer.SILENT, shortened(error.strerror or str(error))) from error

    def _parameters(self) -> Any:
        """Where and who. The alias's own retries are taken out: a retry is the caller's."""
        import oracledb

        profile = self._profile
        parameters = oracledb.ConnectParams(config_dir=str(profile.tns_admin))
        try:
            parameters.parse_connect_string(self.alias)
        except oracledb.Error as error:
            raise self._misconfigured(error) from error
        hosts = parameters.host if isinstance(parameters.host, list) else [parameters.host]
        for host in hosts:
            profile.admit(str(host), f"the host of {self.alias} in {profile.tns_admin / 'tnsnames.ora'}")
        parameters.set(
            user=profile.db_user,
            password=_secret(profile.db_password_file),
            wallet_location=str(profile.tns_admin),
            wallet_password=_secret(profile.wallet_password_file) if profile.wallet_password_file else None,
            tcp_connect_timeout=CONNECT_SECONDS,
            retry_count=0,
        )
        return parameters

    async def _conversation(self, parameters: Any, statements: Sequence[_Statement]) -> list[_Result]:
        import oracledb

        async with asyncio.timeout(self._seconds):
            connection = await oracledb.connect_async(params=parameters)
            connection.current_schema = self._schema
            results = [await _result(connection, statement) for statement in statements]
            await connection.close()
            return results

    def _without_session(self, error: Any) -> _NoSessionError | ConfigError:
        text = shortened(str(error))
        codes = set(_CODE.findall(str(error)))
        if codes & _OURS:
            return self._misconfigured(error)
        if codes & _CLOSED:
            return _NoSessionError(NetAnswer.CLOSED, text)
        answered = codes & _TURNED_AWAY or isinstance(error.__cause__, ssl.SSLCertVerificationError)
        if codes & _SILENT and not answered:
            return _NoSessionError(NetAnswer.SILENT, text)
        return _NoSessionError(NetAnswer.DENIED, text)

    def _misconfigured(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"cannot use {self.alias} of {self._profile.tns_admin}: {shortened(str(error))}; "
            f"correct fittrack_tns_admin, fittrack_tns_alias or the wallet of the profile {self._profile}"
        )


class _NoSessionError(Exception):
    """The database gave no session; how it answered instead."""

    def __init__(self, answer: NetAnswer, detail: str) -> None:
        super().__init__(detail)
        self.answer = answer
        self.detail = detail


class _CuttingLoop(asyncio.SelectorEventLoop):
    """Ends every connection with itself: the driver leaves those open that it gave up on, or was told to give up on."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: list[asyncio.BaseTransport] = []

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        transport, protocol = await super().create_connection(*arguments, **options)
        self._opened.append(transport)
        return transport, protocol

    def close(self) -> None:
        if not self.is_closed():
            for transport in self._opened:
                if isinstance(transport, asyncio.WriteTransport):
                    transport.abort()
            self.run_until_complete(asyncio.sleep(0))
        super().close()


async def _result(connection: Any, statement: _Statement) -> _Result:
    import oracledb

    try:
        with connection.cursor() as cursor:
            await cursor.execute(statement.text, statement.binds)
            return await cursor.fetchone()
    except oracledb.DatabaseError as error:
        if _SILENT & set(_CODE.findall(str(error))):
            raise
        return shortened(str(error))


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: the password in it cannot be read ({type(error).__name__}); mend the file"
        ) from error


def _checked(table: str, result: _Result) -> TableCheck:
    if isinstance(result, str):
        return TableCheck(table, None, result)
    value = result[0] if result else None
    if isinstance(value, int | float | Decimal):
        return TableCheck(table, float(value), f"{value}")
    return TableCheck(table, None, "the query gave no number")
