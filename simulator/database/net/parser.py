"""Bytes to requests.

A request carries no length: the parser is tried on what has arrived and raises ``Incomplete`` when it runs out of
bytes. Bind rows already read are kept from one try to the next, since an executemany of a hundred thousand rows
arrives in many pieces and would otherwise take quadratic time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.database.net.bindscan import returning_binds
from simulator.database.net.buffers import ProtocolError, Reader, decoded
from simulator.database.net.constants import (
    BIND_IS_ARRAY,
    EXECUTE_FLAG_ROW_COUNTS,
    EXECUTE_FLAG_SCROLLABLE,
    LONG_LIMIT,
    RE_EXECUTE_COMMIT,
    ExecuteOption,
    Function,
    LobOperation,
    Message,
)
from simulator.database.net.lobs import LOCATOR_LENGTH
from simulator.database.net.requests import (
    Authenticate,
    Call,
    CloseCursors,
    DataTypeNegotiation,
    Execute,
    Fetch,
    FreeLobs,
    LobCall,
    Piggyback,
    ProtocolNegotiation,
    RawRow,
    ReExecute,
    ReleaseSession,
    Request,
    RequestBoundary,
    SetLabels,
    SetSchema,
    Simple,
    Unsupported,
)
from simulator.database.net.values import LOCATOR_TYPES, BindType, bind_reader


@dataclass(frozen=True)
class CursorBinds:
    """How an open cursor's binds travel: types in order, which are RETURNING, which go out only."""

    types: tuple[BindType, ...]
    returning: tuple[bool, ...]
    out_only: tuple[bool, ...]
    plsql: bool


@dataclass
class _Rows:
    """The bind rows of the request being received, and where the next one starts."""

    start: int
    position: int
    rows: list[RawRow] = field(default_factory=list)


class Parser:
    """Parses one request at a time out of a growing buffer; ``cursor_binds`` looks an open cursor up."""

    def __init__(self, cursor_binds: Callable[[int], CursorBinds | None]) -> None:
        self._cursor_binds = cursor_binds
        self._rows: _Rows | None = None

    def parse(self, reader: Reader) -> Request:
        """The request at the reader's position. Raises Incomplete, or ProtocolError."""
        piggybacks: list[Piggyback] = []
        while True:
            kind = reader.u8()
            if kind == Message.PIGGYBACK:
                piggybacks.append(_piggyback(reader))
                continue
            call = self._message(kind, reader)
            self._rows = None
            return Request(tuple(piggybacks), call)

    def forget(self) -> None:
        """Drop what was kept of a half-received request."""
        self._rows = None

    def _message(self, kind: int, reader: Reader) -> Call:
        if kind == Message.PROTOCOL:
            return _protocol(reader)
        if kind == Message.DATA_TYPES:
            return _data_types(reader)
        if kind not in (Message.FUNCTION, Message.ONE_WAY):
            raise ProtocolError(f"a message of type {kind}")
        function = reader.u8()
        reader.skip(1)  # sequence number
        if function == Function.EXECUTE:
            return self._execute(reader)
        if function in (Function.RE_EXECUTE, Function.RE_EXECUTE_AND_FETCH):
            return self._re_execute(reader, fetch=function == Function.RE_EXECUTE_AND_FETCH)
        if function in (Function.PING, Function.COMMIT, Function.ROLLBACK, Function.LOGOFF):
            return Simple(function)
        body = _BODIES.get(function)
        return body(reader) if body else Unsupported(function)

    def _execute(self, reader: Reader) -> Execute:
        options = ExecuteOption(reader.ub())
        cursor, has_sql = reader.ub(), reader.u8()
        reader.ub()
        reader.skip(1)
        reader.ub()
        reader.skip(2)
        reader.ub()
        fetch_rows = reader.ub()
        reader.ub()
        reader.skip(1)
        bind_count = reader.ub()
        reader.skip(6)
        define_count = reader.ub()
        _skip_execute_extras(reader)
        sql = decoded(reader.lb()) if has_sql else None
        vector = reader.ubs(13)
        executions, flags = vector[1], vector[9]
        defines = bind_types = None
        rows: list[RawRow] = []
        if options & ExecuteOption.DEFINE:
            defines = tuple(_bind_type(reader) for _ in range(define_count))
        elif bind_count:
            bind_types = tuple(_bind_type(reader) for _ in range(bind_count))
            count = 1 if vector[7] else max(executions, 1)
            rows = self._bind_rows(reader, self._shape(cursor, sql, bind_types), count)
        return Execute(
            options=options,
            cursor=cursor,
            sql=sql,
            fetch_rows=fetch_rows,
            row_counts=bool(flags & EXECUTE_FLAG_ROW_COUNTS),
            scrollable=bool(flags & EXECUTE_FLAG_SCROLLABLE),
            bind_types=bind_types,
            defines=defines,
            rows=rows or [()] * (1 if vector[7] else max(executions, 1)),
        )

    def _shape(self, cursor: int, sql: str | None, types: tuple[BindType, ...]) -> CursorBinds:
        nothing = (False,) * len(types)
        if sql is not None:
            scan = returning_binds(sql)
            returning = scan.returning if len(scan.returning) == len(types) else nothing
            return CursorBinds(types, returning, nothing, scan.plsql)
        known = self._cursor_binds(cursor)
        if known is None:
            return CursorBinds(types, nothing, nothing, plsql=False)
        return CursorBinds(types, known.returning, nothing, known.plsql)

    def _re_execute(self, reader: Reader, *, fetch: bool) -> ReExecute:
        cursor, iterations = reader.ub(), reader.ub()
        reader.ub()
        commit = bool(reader.ub() & RE_EXECUTE_COMMIT)
        known = self._cursor_binds(cursor)
        count = 1 if fetch else iterations
        rows = self._bind_rows(reader, known, count) if known else []
        return ReExecute(cursor, iterations if fetch else None, commit, rows or [()] * count)

    def _bind_rows(self, reader: Reader, binds: CursorBinds, count: int) -> list[RawRow]:
        order = _value_order(binds)
        if not order:
            return []
        progress = self._rows
        if progress is None or progress.start != reader.position:
            progress = self._rows = _Rows(reader.position, reader.position)
        reader.position = progress.position
        readers = [bind_reader(binds.types[index]) for index in order]
        in_order = order == sorted(order)
        while len(progress.rows) < count:
            if reader.u8() != Message.ROW_DATA:
                raise ProtocolError("bind values without their mark")
            row = [read(reader) for read in readers]
            if not in_order:
                row = [value for _, value in sorted(zip(order, row, strict=True), key=_index)]
            progress.rows.append(row)
            progress.position = reader.position
        return progress.rows


def _index(pair: tuple[int, bytes | None]) -> int:
    return pair[0]


def _value_order(binds: CursorBinds) -> list[int]:
    """Which binds have values in a row, in the order in which they travel."""
    sent = [i for i in range(len(binds.types)) if not binds.returning[i] and not binds.out_only[i]]
    if binds.plsql:
        return sent
    late = [i for i in sent if binds.types[i].size > LONG_LIMIT and binds.types[i].type not in LOCATOR_TYPES]
    return [i for i in sent if i not in late] + late


def _skip_execute_extras(reader: Reader) -> None:
    """The pointers and lengths of what thin clients never send: registrations, snapshots, SQL ids."""
    reader.ub()
    reader.skip(3)
    reader.ub()
    reader.skip(1)
    reader.ub()
    reader.ub()
    reader.skip(1)
    reader.ub()
    reader.skip(1)
    for _ in range(2):
        reader.skip(1)
        reader.ub()
    reader.skip(2)
    reader.ub()


def _bind_type(reader: Reader) -> BindType:
    kind, flags = reader.u8(), reader.u8()
    reader.skip(2)
    size = reader.ub()
    reader.ubs(2)
    reader.lb2()
    reader.ubs(2)
    form = reader.u8()
    reader.ubs(2)
    return BindType(kind, bool(flags & BIND_IS_ARRAY), size, form)


def _protocol(reader: Reader) -> ProtocolNegotiation:
    reader.skip(2)
    while reader.u8():  # the driver's name, zero-terminated
        pass
    return ProtocolNegotiation()


def _data_types(reader: Reader) -> DataTypeNegotiation:
    reader.skip(5)
    reader.lb()
    reader.lb()
    while reader.u16():
        if reader.u16():
            reader.skip(4)
    return DataTypeNegotiation()


def _authenticate(reader: Reader, *, first_phase: bool) -> Authenticate:
    has_user = reader.u8()
    reader.ub()
    mode = reader.ub()
    reader.skip(1)
    count = reader.ub()
    reader.skip(2)
    user = decoded(reader.lb()) if has_user else ""
    pairs: dict[str, str] = {}
    for _ in range(count):
        key, value = reader.text2(), reader.text2()
        reader.ub()
        pairs[key.rstrip("\0")] = value.rstrip("\0")
    return Authenticate(first_phase, user, mode, pairs)


def _fetch(reader: Reader) -> Fetch:
    return Fetch(reader.ub(), reader.ub())


def _lob_call(reader: Reader) -> LobCall:
    reader.skip(1)
    locator_length = reader.ub()
    reader.skip(1)
    reader.ubs(3)
    reader.skip(3)
    operation = reader.ub()
    reader.skip(2)
    offset, kind = reader.ub(), reader.ub()
    has_amount = reader.u8()
    reader.skip(6)
    locator = reader.raw(locator_length)
    charset = reader.ub() if operation == LobOperation.CREATE_TEMPORARY else 0
    data = None
    if operation == LobOperation.WRITE:
        reader.skip(1)
        data = reader.lb() or b""
    amount = reader.ub() if has_amount else None
    return LobCall(operation, locator, offset, kind, charset, data, amount)


def _release(reader: Reader) -> ReleaseSession:
    reader.skip(2)
    reader.ub()
    return ReleaseSession()


_BODIES: dict[int, Callable[[Reader], Call]] = {
    Function.SESSION_KEY: lambda reader: _authenticate(reader, first_phase=True),
    Function.AUTHENTICATE: lambda reader: _authenticate(reader, first_phase=False),
    Function.FETCH: _fetch,
    Function.LOB: _lob_call,
    Function.RELEASE_SESSION: _release,
}


def _piggyback(reader: Reader) -> Piggyback:
    function = reader.u8()
    reader.skip(1)
    body = _PIGGYBACKS.get(function)
    if body is None:  # its length is unknown, so what follows it cannot be read
        raise ProtocolError(f"a piggyback of function {function}")
    return body(reader)


def _close_cursors(reader: Reader) -> CloseCursors:
    reader.skip(1)
    return CloseCursors(reader.ubs(reader.ub()))


def _set_schema(reader: Reader) -> SetSchema:
    reader.skip(1)
    return SetSchema(reader.text2())


def _end_to_end(reader: Reader) -> SetLabels:
    reader.skip(2)
    reader.ub()
    # Client identifier, module, action, an unused one, a counter, client info, two unused ones, database operation.
    # The byte ahead of each length says whether the label changes; with a length of 0 it is cleared.
    sent = [(reader.u8(), reader.ub()) for _ in range(9)]
    texts = [(decoded(reader.lb()) if length else "") if changed else None for changed, length in sent]
    return SetLabels(client_identifier=texts[0], module=texts[1], action=texts[2], client_info=texts[5])


def _free_lobs(reader: Reader) -> FreeLobs:
    reader.skip(1)
    total = reader.ub()
    reader.skip(1)
    reader.ubs(3)
    reader.skip(3)
    reader.ub()
    reader.skip(1)
    reader.ubs(3)
    reader.skip(1)
    for _ in range(3):
        reader.skip(1)
        reader.ub()
    raw = reader.raw(total)
    return FreeLobs(tuple(raw[i : i + LOCATOR_LENGTH] for i in range(0, total, LOCATOR_LENGTH)))


def _application_context(reader: Reader) -> Unsupported:
    reader.skip(1)
    reader.ub()
    reader.skip(1)
    count = reader.ub()
    reader.ub()
    reader.skip(1)
    reader.lb()
    for _ in range(count):
        reader.lb2()
        reader.lb2()
        reader.ub()
    return Unsupported(Function.APPLICATION_CONTEXT)


def _session_state(reader: Reader) -> RequestBoundary:
    reader.ub()
    return RequestBoundary()


_PIGGYBACKS: dict[int, Callable[[Reader], Piggyback]] = {
    Function.CLOSE_CURSORS: _close_cursors,
    Function.SET_SCHEMA: _set_schema,
    Function.END_TO_END: _end_to_end,
    Function.LOB: _free_lobs,
    Function.APPLICATION_CONTEXT: _application_context,
    Function.SESSION_STATE: _session_state,
}
