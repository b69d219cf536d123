"""Going back: a copy taken to an earlier SCN, with what is undone on the way told transaction by transaction.

Two ways lead back. Where only rows changed since, their changesets are inverted. Where a table's definition changed,
no inverse exists: the copy is built anew from the log's first record on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from simulator.database import redo, storage
from simulator.database.redo import DdlPayload, DivergedError, RedoEntry, RowChange
from simulator.database.sql.context import CallContext
from simulator.database.sql.types import to_stamp

_BATCH: Final = 500


@dataclass(frozen=True)
class UndoneTransaction:
    """A transaction that was acknowledged here and is in no surviving copy; ``ddl`` is its text when it was one."""

    scn: int
    time: datetime
    epoch: int
    ddl: str | None
    changes: tuple[RowChange, ...]


def describe(entries: Sequence[RedoEntry]) -> list[UndoneTransaction]:
    """What each record did, in the order of SCNs; records that only open an incarnation are left out."""
    return [
        UndoneTransaction(
            entry.scn,
            entry.time,
            entry.epoch,
            DdlPayload.unpack(entry.payload).text if entry.kind == redo.DDL else None,
            tuple(redo.row_changes(entry)),
        )
        for entry in entries
        if entry.kind != redo.OPEN
    ]


def needs_rebuild(entries: Sequence[RedoEntry]) -> bool:
    """Whether these records cannot be undone by inverting them."""
    return any(entry.kind == redo.DDL and DdlPayload.unpack(entry.payload).statements for entry in entries)


def undo(connection: apsw.Connection, entries: Sequence[RedoEntry]) -> None:
    """Invert records, the latest first, and take them out of the log, inside the caller's transaction."""
    for entry in reversed(entries):
        payload = DdlPayload.unpack(entry.payload).changeset if entry.kind == redo.DDL else entry.payload
        if entry.kind != redo.OPEN and payload:
            redo.apply_changeset(connection, payload, entry.scn, invert=True)
    forget(connection, entries[0].scn - 1)


def forget(connection: apsw.Connection, scn: int) -> None:
    """Cut the log after an SCN."""
    connection.execute("DELETE FROM incarnations WHERE scn > ?", (scn,))
    connection.execute("DELETE FROM redo WHERE scn > ?", (scn,))


def keep_undone(connection: apsw.Connection, entries: Sequence[RedoEntry]) -> None:
    """Keep the records of undone transactions, so that they can be told again."""
    connection.executemany(
        "INSERT OR REPLACE INTO undone(scn, epoch, time, kind, payload) VALUES (?, ?, ?, ?, ?)",
        ((e.scn, e.epoch, to_stamp(e.time), e.kind, e.payload) for e in entries),
    )


def rebuild(source: Path, target: Path, scn: int) -> None:
    """Write a new file with the state at an SCN and the log up to it, from the log alone.

    Raises DivergedError when the log does not begin with the database.
    """
    storage.create_file(target)
    log = apsw.Connection(str(source))
    copy = storage.open_file(target, CallContext(), writable=True)
    try:
        first = log.execute("SELECT min(scn) FROM redo").get
        if first != 1:
            raise DivergedError(f"the log begins with SCN {first}: the state at {scn} cannot be built from it")
        storage.enforce(copy, constraints=False)
        _replay(log, copy, scn)
        with copy:
            storage.put_state(copy, **{**storage.get_state(log), "applied_scn": scn})
            for row in log.execute("SELECT scn, epoch, time, kind, payload FROM undone"):
                copy.execute("INSERT INTO undone(scn, epoch, time, kind, payload) VALUES (?, ?, ?, ?, ?)", row)
    finally:
        copy.close()
        log.close()


def _replay(log: apsw.Connection, copy: apsw.Connection, scn: int) -> None:
    done = 0
    while entries := redo.read(log, done, upto=scn, limit=_BATCH):
        with copy:
            redo.append(copy, entries)
            for entry in entries:
                redo.apply_entry(copy, entry)
        done = entries[-1].scn
