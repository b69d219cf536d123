"""What one database tells another of itself over the link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.database.engine import Role


@dataclass(frozen=True)
class Incarnation:
    """Since ``scn`` (its first record) the database of ``epoch`` is another than its predecessor."""

    epoch: int
    scn: int
    time: datetime


@dataclass(frozen=True)
class Status:
    """Role and epoch of a database, the end of its log, and the moment up to which ``scn`` is all there is.

    ``incarnation`` is the latest that this copy knows; a copy whose log goes beyond the record before it under an
    older epoch has diverged.
    """

    role: Role
    epoch: int
    scn: int
    as_of: datetime
    incarnation: Incarnation

    def pack(self) -> dict[str, Any]:
        return {
            "role": self.role.value,
            "epoch": self.epoch,
            "scn": self.scn,
            "as_of": self.as_of.isoformat(),
            "incarnation": {
                "epoch": self.incarnation.epoch,
                "scn": self.incarnation.scn,
                "time": self.incarnation.time.isoformat(),
            },
        }

    @classmethod
    def unpack(cls, fields: dict[str, Any]) -> Status:
        """The inverse of ``pack``. Raises KeyError, TypeError or ValueError for anything else."""
        incarnation = fields["incarnation"]
        return cls(
            role=Role(fields["role"]),
            epoch=int(fields["epoch"]),
            scn=int(fields["scn"]),
            as_of=datetime.fromisoformat(fields["as_of"]),
            incarnation=Incarnation(
                int(incarnation["epoch"]), int(incarnation["scn"]), datetime.fromisoformat(incarnation["time"])
            ),
        )
