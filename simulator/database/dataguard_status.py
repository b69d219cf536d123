"""What one database tells another of itself over the link, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.database.core import Role
from simulator.database.engine import Database
from simulator.database.redo import OPEN, RedoEntry
from simulator.database.sql.types import from_stamp


@dataclass(frozen=True)
class Incarnation:
    """From ``scn`` (its first record) on, the log is written by the primary of ``epoch``."""

    epoch: int
    scn: int
    time: datetime


@dataclass(frozen=True)
class Status:
    """Role and epoch of a database, the end of its log, and the moment up to which ``scn`` is all there is.

    ``incarnations`` are all that this copy knows, oldest first: where another copy's log leaves them, it diverged.
    """

    role: Role
    epoch: int
    scn: int
    as_of: datetime
    incarnations: tuple[Incarnation, ...]

    def pack(self) -> dict[str, Any]:
        return {
            "role": self.role.value,
            "epoch": self.epoch,
            "scn": self.scn,
            "as_of": self.as_of.isoformat(),
            "incarnations": [[each.epoch, each.scn, each.time.isoformat()] for each in self.incarnations],
        }

    @classmethod
    def unpack(cls, fields: dict[str, Any]) -> Status:
        """The inverse of ``pack``. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            role=Role(fields["role"]),
            epoch=int(fields["epoch"]),
            scn=int(fields["scn"]),
            as_of=datetime.fromisoformat(fields["as_of"]),
            incarnations=tuple(
                Incarnation(int(epoch), int(scn), datetime.fromisoformat(time))
                for epoch, scn, time in fields["incarnations"]
            ),
        )


def incarnations_of(database: Database) -> tuple[Incarnation, ...]:
    """The incarnations to which the copy's log belongs; every database has at least its first."""
    rows = database.control.execute("SELECT epoch, scn, time FROM incarnations ORDER BY epoch")
    return tuple(Incarnation(epoch, scn, from_stamp(time).replace(tzinfo=UTC)) for epoch, scn, time in rows)


def status_of(database: Database, now: datetime) -> Status:
    """How a database is, as its peers are told."""
    return Status(database.role, database.epoch, database.scn, now, incarnations_of(database))


def branch(database: Database, status: Status) -> Incarnation | None:
    """The first incarnation of the other log that this copy's log does not have; None when it has them all."""
    own = max(incarnation.epoch for incarnation in incarnations_of(database))
    return next((each for each in status.incarnations if each.epoch > own), None)


def divergent(database: Database, since_scn: int) -> Iterator[RedoEntry]:
    """The transactions of this copy's log from an SCN on, in the order in which they were committed."""
    position = since_scn - 1
    while entries := database.redo_after(position):
        yield from (entry for entry in entries if entry.kind != OPEN)
        position = entries[-1].scn
