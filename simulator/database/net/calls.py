"""What each call does to the session, and what it answers."""

from __future__ import annotations

import contextlib
import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from simulator.database.interface import (
    Column,
    Direction,
    OracleError,
    Result,
    Session,
    StatementKind,
    Value,
)
from simulator.database.net import answers
from simulator.database.net.answers import End, end
from simulator.database.net.auth import SessionKey
from simulator.database.net.buffers import ProtocolError, ub
from simulator.database.net.constants import (
    AUTH_MODE_CHANGE_PASSWORD,
    ExecuteOption,
    Function,
)
from simulator.database.net.cursors import Cursor, CursorTable
from simulator.database.net.lobcalls import answer_lob_call
from simulator.database.net.lobs import LobTable
from simulator.database.net.requests import (
    Authenticate,
    Call,
    CloseCursors,
    Execute,
    Fetch,
    FreeLobs,
    LobCall,
    Piggyback,
    RawRow,
    ReExecute,
    ReleaseSession,
    Request,
    SetLabels,
    SetSchema,
    Simple,
    Unsupported,
)
from simulator.database.net.values import LOB_TYPES, bind_decoder, column_encoder, out_bind_encoder, wire_type

_OUTLIVED_LOBS = 1000  # a client may still read LOBs of rows it fetched before it ran their statement again
_SENT = frozenset({Direction.IN, Direction.OUT, Direction.IN_OUT})
_RECEIVED = frozenset({Direction.IN, Direction.IN_OUT})


def unsupported(function: int) -> OracleError:
    """What a client gets for a function this server lacks; unlike internal errors it leaves the session open."""
    return OracleError(3001, f"unimplemented feature: function {function}")


class Calls:
    """One session's calls. ``broken`` tells whether the client has cancelled the running one."""

    def __init__(self, session: Session, key: SessionKey, broken: Callable[[], bool]) -> None:
        self._session = session
        self._key = key
        self._broken = broken
        self.cursors = CursorTable()
        self.lobs = LobTable()
        self._outlived: deque[bytes] = deque()
        self._returned = False

    async def answer(self, request: Request) -> bytes | None:
        """Do what a request asks; None when nobody waits for an answer."""
        if isinstance(request.call, ReleaseSession):
            await self._release()
            return None
        prefix = b""
        if self._returned:
            prefix = answers.session_returned(self._session.session_id, self._session.serial)
            self._returned = False
        try:
            await self._piggybacks(request.piggybacks)
            return prefix + await self._call(request.call)
        except OracleError as error:
            return prefix + end(End(error=error, in_transaction=self._session.in_transaction))

    async def _call(self, call: Call) -> bytes:
        if isinstance(call, Execute):
            return await self._execute(call)
        if isinstance(call, ReExecute):
            return await self._re_execute(call)
        if isinstance(call, Fetch):
            return self._rows(self.cursors.find(call.cursor), call.rows)
        if isinstance(call, LobCall):
            return answer_lob_call(self.lobs, call) + self._status()
        if isinstance(call, Simple):
            return await self._simple(call.function)
        if isinstance(call, Authenticate):
            return await self._change_password(call)
        raise unsupported(call.function if isinstance(call, Unsupported) else 0)

    def _status(self) -> bytes:
        return answers.status(in_transaction=self._session.in_transaction)

    async def _simple(self, function: int) -> bytes:
        if function == Function.COMMIT:
            await self._session.commit()
        elif function == Function.ROLLBACK:
            await self._session.rollback()
        return self._status()

    async def _change_password(self, call: Authenticate) -> bytes:
        if call.first_phase or not call.mode & AUTH_MODE_CHANGE_PASSWORD or "AUTH_SESSKEY" in call.pairs:
            raise unsupported(Function.AUTHENTICATE)
        old = self._key.decrypt_password(call.pairs.get("AUTH_PASSWORD", ""))
        new = self._key.decrypt_password(call.pairs.get("AUTH_NEWPASSWORD", ""))
        await self._session.change_password(old, new)
        return answers.parameters({}) + self._status()

    async def _release(self) -> None:
        """The server process goes back to its pool: what the client left behind must not meet the next one."""
        with contextlib.suppress(OracleError):  # the session has ended: the next call is told so
            await self._session.rollback()
        self.cursors.clear()
        self.lobs.clear()
        self._outlived.clear()
        self._returned = True

    async def _piggybacks(self, piggybacks: Iterable[Piggyback]) -> None:
        failure: OracleError | None = None
        for piggyback in piggybacks:
            if isinstance(piggyback, CloseCursors):
                for number in piggyback.cursors:
                    self._close(number)
            elif isinstance(piggyback, FreeLobs):
                for locator in piggyback.locators:
                    self.lobs.forget(locator)
            elif isinstance(piggyback, SetSchema):
                await self._set_schema(piggyback.schema)
            elif isinstance(piggyback, SetLabels):
                await self._set_labels(piggyback)
            elif isinstance(piggyback, Unsupported):
                failure = unsupported(piggyback.function)
        if failure:
            raise failure

    async def _set_schema(self, schema: str) -> None:
        quoted = schema.replace('"', "")
        statement = await self._session.prepare(f'ALTER SESSION SET CURRENT_SCHEMA = "{quoted}"')
        await self._session.execute(statement, [()])

    async def _set_labels(self, labels: SetLabels) -> None:
        if labels.client_identifier is not None:
            await self._block("dbms_session.set_identifier(:1)", labels.client_identifier)
        if labels.module is not None:
            await self._block("dbms_application_info.set_module(:1, :2)", labels.module, labels.action or "")
        elif labels.action is not None:
            await self._block("dbms_application_info.set_action(:1)", labels.action)
        if labels.client_info is not None:
            await self._block("dbms_application_info.set_client_info(:1)", labels.client_info)

    async def _block(self, call: str, *values: str) -> None:
        statement = await self._session.prepare(f"begin {call}; end;")
        await self._session.execute(statement, [[value or None for value in values]])

    # Statements

    async def _execute(self, call: Execute) -> bytes:
        if call.scrollable:
            raise OracleError(3001, "unimplemented feature: scrollable cursor")
        known = self.cursors.get(call.cursor)
        cursor = await self._parsed(call)
        try:
            return await self._run_options(cursor, call)
        except OracleError:
            # The client learns no number from a failed answer, so it would never close a new cursor.
            if known is None:
                self._close(cursor.id)
            raise

    async def _parsed(self, call: Execute) -> Cursor:
        if call.sql is None:
            return self.cursors.find(call.cursor)
        statement = await self._session.prepare(call.sql)
        known = self.cursors.get(call.cursor)
        if known is None:
            return self.cursors.open(statement)
        self._forget_rows(known)
        known.statement, known.columns, known.defines = statement, (), None
        return known

    async def _run_options(self, cursor: Cursor, call: Execute) -> bytes:
        if call.bind_types is not None:
            cursor.bind_types = call.bind_types
        if ExecuteOption.DEFINE in call.options:
            cursor.defines = call.defines
            if ExecuteOption.FETCH in call.options:
                return self._rows(cursor, call.fetch_rows)
            return self._end(cursor, 0)
        if ExecuteOption.EXECUTE not in call.options:
            if cursor.statement.kind is not StatementKind.QUERY:
                return self._end(cursor, 0)
            cursor.columns = cursor.statement.columns
            return answers.describe(cursor.columns) + self._end(cursor, 0)
        result = await self._run(
            cursor,
            call.rows,
            _SENT,
            commit=ExecuteOption.COMMIT in call.options,
            batch_errors=ExecuteOption.BATCH_ERRORS in call.options,
        )
        fetch = call.fetch_rows if ExecuteOption.FETCH in call.options else None
        return self._result(cursor, result, fetch, row_counts=call.row_counts)

    async def _re_execute(self, call: ReExecute) -> bytes:
        cursor = self.cursors.find(call.cursor)
        result = await self._run(cursor, call.rows, _RECEIVED, commit=call.commit, batch_errors=False)
        return self._result(cursor, result, call.fetch_rows, row_counts=False)

    async def _run(
        self,
        cursor: Cursor,
        rows: Sequence[RawRow],
        sent: frozenset[Direction],
        *,
        commit: bool,
        batch_errors: bool,
    ) -> Result:
        values = self._bind_values(cursor, rows, sent)
        self._forget_rows(cursor)
        if self._broken():  # the break came while the statement was being parsed
            raise OracleError(1013, "user requested cancel of current operation")
        return await self._session.execute(cursor.statement, values, commit=commit, batch_errors=batch_errors)

    def _bind_values(
        self, cursor: Cursor, rows: Sequence[RawRow], sent: frozenset[Direction]
    ) -> Sequence[Sequence[Value]]:
        """The values of the IN and IN_OUT binds, from rows that hold those of the ``sent`` directions."""
        slots = cursor.statement.binds
        if len(cursor.bind_types) < len(slots):
            raise OracleError(1008, "not all variables bound")
        if len(cursor.bind_types) > len(slots):
            raise OracleError(1036, "illegal variable name/number")
        places = [i for i, slot in enumerate(slots) if slot.direction in sent]
        if any(len(row) != len(places) for row in rows):
            raise OracleError(1008, "not all variables bound")
        taken = [
            (place, bind_decoder(cursor.bind_types[i], self.lobs))
            for place, i in enumerate(places)
            if slots[i].direction in _RECEIVED
        ]
        try:
            return [[None if (data := row[i]) is None else decode(data) for i, decode in taken] for row in rows]
        except (IndexError, ValueError, struct.error) as error:
            raise ProtocolError(f"an undecodable bind value: {error}") from error

    def _result(self, cursor: Cursor, result: Result, fetch: int | None, *, row_counts: bool) -> bytes:
        kind = cursor.statement.kind
        if kind is StatementKind.QUERY:
            return self._query(cursor, result, fetch)
        parts: list[bytes] = []
        if kind is StatementKind.PLSQL and cursor.statement.binds:
            parts.append(answers.io_vector([slot.direction for slot in cursor.statement.binds]))
            parts += self._out_binds(cursor, result)
        elif result.returning:
            parts += self._returning(cursor, result)
        if row_counts:
            parts.append(answers.row_counts(result.row_counts))
        parts.append(self._end(cursor, result.rowcount, result.batch_errors))
        return b"".join(parts)

    def _query(self, cursor: Cursor, result: Result, fetch: int | None) -> bytes:
        columns = result.columns or cursor.statement.columns
        head = b""
        if columns != cursor.columns:
            head = answers.describe(columns)
            cursor.columns, cursor.defines = tuple(columns), None
        cursor.rows, cursor.fetched = result.rows, 0
        if fetch is None or (cursor.defines is None and _has_lobs(columns)):
            return head + self._end(cursor, 0)  # the client says first how it wants its LOBs
        return head + self._rows(cursor, fetch)

    def _rows(self, cursor: Cursor, count: int) -> bytes:
        defines = cursor.defines or (None,) * len(cursor.columns)
        encoders = [
            column_encoder(column, define, self.lobs, cursor.held_lobs)
            for column, define in zip(cursor.columns, defines, strict=False)
        ]
        parts = [answers.ROW_HEADER]
        rows = cursor.rows[cursor.fetched : cursor.fetched + count]
        for row in rows:
            parts.append(answers.ROW)
            parts += [encode(value) for encode, value in zip(encoders, row, strict=True)]
        cursor.fetched += len(rows)
        if cursor.fetched < len(cursor.rows):
            parts.append(self._end(cursor, cursor.fetched))
        else:
            in_transaction = self._session.in_transaction
            parts.append(answers.end_of_rows(cursor.id, cursor.fetched, in_transaction=in_transaction))
            cursor.rows, cursor.fetched = (), 0
        return b"".join(parts)

    def _out_binds(self, cursor: Cursor, result: Result) -> list[bytes]:
        """One row per execution with the values of the binds that go out."""
        encoders = [
            out_bind_encoder(bind, self.lobs, [])
            for bind, slot in zip(cursor.bind_types, cursor.statement.binds, strict=True)
            if slot.direction is not Direction.IN
        ]
        if not encoders:
            return []
        return [
            answers.ROW + b"".join(encode(value) + b"\0" for encode, value in zip(encoders, row, strict=True))
            for row in result.out_binds
        ]

    def _returning(self, cursor: Cursor, result: Result) -> list[bytes]:
        """One row per execution; per RETURNING bind the number of its values, and those."""
        encoders = [
            out_bind_encoder(bind, self.lobs, [])
            for bind, slot in zip(cursor.bind_types, cursor.statement.binds, strict=True)
            if slot.direction is Direction.RETURNING
        ]
        parts: list[bytes] = []
        for execution in result.returning:
            parts.append(answers.ROW)
            for encode, values in zip(encoders, execution, strict=True):
                parts.append(ub(len(values)))
                parts += [encode(value) + b"\0" for value in values]
        return parts

    def _end(self, cursor: Cursor, row_count: int, batch_errors: Sequence[tuple[int, OracleError]] = ()) -> bytes:
        in_transaction = self._session.in_transaction
        return end(End(cursor.id, row_count, in_transaction, batch_errors=batch_errors))

    def _forget_rows(self, cursor: Cursor) -> None:
        cursor.rows, cursor.fetched = (), 0
        self._outlived.extend(cursor.held_lobs)
        cursor.held_lobs.clear()
        while len(self._outlived) > _OUTLIVED_LOBS:
            self.lobs.forget(self._outlived.popleft())

    def _close(self, number: int) -> None:
        cursor = self.cursors.close(number)
        if cursor:
            self._forget_rows(cursor)


def _has_lobs(columns: Iterable[Column]) -> bool:
    return any(wire_type(column) in LOB_TYPES for column in columns)
