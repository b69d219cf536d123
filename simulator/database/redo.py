"""The redo log: one record per committed transaction, kept in the database's own file.

A commit's payload is an SQLite changeset: old and new values of every changed row, so the record can be applied on a
standby, undone on a primary that diverged, and read by people who ask what was lost. DDL travels as the statements it
became, with the changeset of the catalog beside them. Changesets are taken by rowid: a table without a primary key
would otherwise vanish from the log without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import apsw

from simulator.database.sql.types import from_stamp, to_stamp

COMMIT: Final = "commit"
DDL: Final = "ddl"
OPEN: Final = "open"
"""A new incarnation begins: the first record of a created database, of an activation, of a switchover."""

PRIVATE_TABLES: Final = frozenset({"redo", "state", "incarnations", "undone"})
"""Each copy's own tables, never part of a changeset; ``main`` tables of users have a dot in their names."""


class DivergedError(Exception):
    """A redo record does not continue this copy's log, or does not fit its rows."""


@dataclass(frozen=True)
class RedoEntry:
    """One committed transaction; ``time`` is the commit's world time (UTC), never before its predecessor's."""

    scn: int
    time: datetime
    epoch: int
    kind: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class DdlPayload:
    """What a DDL record carries: SQLite statements in order, then the changeset of the catalog (and of filled rows)."""

    text: str
    statements: tuple[str, ...]
    changeset: bytes = field(repr=False)

    def pack(self) -> bytes:
        """As bytes: the JSON header's length, the header, the changeset."""
        header = json.dumps({"text": self.text, "statements": self.statements}).encode()
        return len(header).to_bytes(4, "big") + header + self.changeset

    @classmethod
    def unpack(cls, payload: bytes) -> DdlPayload:
        """The inverse of ``pack``."""
        end = 4 + int.from_bytes(payload[:4], "big")
        header = json.loads(payload[4:end])
        return cls(header["text"], tuple(header["statements"]), payload[end:])


@dataclass(frozen=True)
class RowChange:
    """One row of a transaction; ``operation`` is INSERT, UPDATE or DELETE, ``table`` is ``OWNER.NAME``."""

    table: str
    operation: str
    old: tuple[object, ...] | None
    new: tuple[object, ...] | None


class Capture:
    """Records every row that changes on a connection between its creation and ``close``."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._session = apsw.Session(connection, "main")
        self._session.config(apsw.SQLITE_SESSION_OBJCONFIG_ROWID, True)
        self._session.table_filter(_captured)
        self._session.attach()

    def changeset(self) -> bytes:
        """The net change so far; empty when nothing differs."""
        return self._session.changeset()

    def close(self) -> None:
        """Stop recording. Must come before ROLLBACK and after ``changeset``."""
        self._session.close()


def _captured(table: str) -> bool:
    return table not in PRIVATE_TABLES


def append(connection: apsw.Connection, entries: Iterable[RedoEntry]) -> None:
    """Write records at the end of the log, inside the caller's transaction."""
    connection.executemany(
        "INSERT INTO redo(scn, time, epoch, kind, payload) VALUES (?, ?, ?, ?, ?)",
        ((e.scn, to_stamp(e.time), e.epoch, e.kind, e.payload) for e in entries),
    )


def read(connection: apsw.Connection, after: int, *, upto: int | None = None, limit: int = -1) -> list[RedoEntry]:
    """The records with ``after < scn <= upto`` in order of SCN, at most ``limit`` of them (-1: all)."""
    rows = connection.execute(
        "SELECT scn, time, epoch, kind, payload FROM redo WHERE scn > ? AND scn <= ifnull(?, scn) ORDER BY scn LIMIT ?",
        (after, upto, limit),
    )
    return [entry_of(row) for row in rows]


def entry_of(row: tuple[Any, ...]) -> RedoEntry:
    """A record from its row: scn, time, epoch, kind, payload."""
    scn, time, epoch, kind, payload = row
    return RedoEntry(scn, from_stamp(time).replace(tzinfo=UTC), epoch, kind, payload)


def apply_entry(connection: apsw.Connection, entry: RedoEntry) -> None:
    """Apply one record inside the caller's transaction, foreign keys off. Raises DivergedError."""
    if entry.kind == COMMIT:
        apply_changeset(connection, entry.payload, entry.scn)
    elif entry.kind == DDL:
        ddl = DdlPayload.unpack(entry.payload)
        for statement in ddl.statements:
            connection.execute(statement)
        if ddl.changeset:
            apply_changeset(connection, ddl.changeset, entry.scn)
    elif entry.kind == OPEN:
        connection.execute(
            "INSERT INTO incarnations(epoch, scn, time) VALUES (?, ?, ?)",
            (entry.epoch, entry.scn, to_stamp(entry.time)),
        )


def apply_changeset(
    connection: apsw.Connection, changeset: bytes, scn: int, *, invert: bool = False, only: str | None = None
) -> None:
    """Apply (or undo) a changeset whole or not at all, or ``only`` one table's part of it.

    Raises DivergedError when a row is not as it was.
    """
    flags = apsw.SQLITE_CHANGESETAPPLY_FKNOACTION
    if invert:
        flags |= apsw.SQLITE_CHANGESETAPPLY_INVERT
    wanted = None if only is None else (lambda table: table == only)
    try:
        apsw.Changeset.apply(changeset, connection, filter=wanted, conflict=_abort, flags=flags)
    except apsw.AbortError as error:
        raise DivergedError(f"the transaction of SCN {scn} does not fit the rows of this copy") from error


def _abort(_reason: int, _change: apsw.TableChange) -> int:
    return apsw.SQLITE_CHANGESET_ABORT


def row_changes(entry: RedoEntry) -> Iterator[RowChange]:
    """The rows of users' tables that a transaction changed."""
    changeset = DdlPayload.unpack(entry.payload).changeset if entry.kind == DDL else entry.payload
    if entry.kind == OPEN or not changeset:
        return
    for change in apsw.Changeset.iter(changeset):
        if "." in change.name:
            yield RowChange(change.name, change.op, _plain(change.old), _plain(change.new))


def _plain(values: Sequence[object] | None) -> tuple[object, ...] | None:
    return None if values is None else tuple(None if v is apsw.no_change else v for v in values)
