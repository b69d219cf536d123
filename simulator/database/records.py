"""What the control plane knows of a region's Autonomous Databases: one document each, in the region's store.

The Data Guard role is not kept here: it is the database's own, read from its log, so that the two cannot differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulator.kernel import ids
from simulator.kernel.store import Store

KIND: Final = "autonomous_database"

AVAILABLE: Final = "AVAILABLE"
PROVISIONING: Final = "PROVISIONING"
ROLE_CHANGE: Final = "ROLE_CHANGE_IN_PROGRESS"
RESTARTING: Final = "RESTARTING"
STARTING: Final = "STARTING"
STOPPED: Final = "STOPPED"
STOPPING: Final = "STOPPING"
TERMINATED: Final = "TERMINATED"
TERMINATING: Final = "TERMINATING"

FAILOVER: Final = "failover"
SWITCHOVER_TARGET: Final = "switchover-target"
SWITCHOVER_SOURCE: Final = "switchover-source"
INSTANTIATE: Final = "instantiate"
DISMISS: Final = "dismiss"


@dataclass(frozen=True)
class Peer:
    """The other database of a Data Guard association, and where it lives."""

    id: str
    region: str


@dataclass(frozen=True)
class Record:
    """One Autonomous Database.

    ``settings`` are the fields that a caller may set, under their wire names. ``region_type`` is PRIMARY or REMOTE
    once the database takes part in an association; it does not change with the role. ``change`` is the operation
    under way (its ``kind`` is one of the above) with all it needs to be resumed. ``divergence`` says what this
    database acknowledged that its successor never had.
    """

    id: str
    db_name: str
    compartment_id: str
    lifecycle_state: str
    time_created: datetime
    settings: Mapping[str, Any]
    lifecycle_details: str | None = None
    source: str = "NONE"
    source_id: str | None = None
    peers: tuple[Peer, ...] = ()
    region_type: str | None = None
    time_of_last_switchover: datetime | None = None
    time_of_last_failover: datetime | None = None
    time_role_changed: datetime | None = None
    failed_data_recovery: int | None = None
    change: Mapping[str, Any] | None = None
    divergence: Mapping[str, Any] | None = None
    revision: int = field(default=0)

    @property
    def etag(self) -> str:
        return ids.etag(self.id, self.revision)

    @property
    def gone(self) -> bool:
        return self.lifecycle_state == TERMINATED

    def peer(self, id: str) -> Peer | None:  # noqa: A002 - the field's own name
        return next((peer for peer in self.peers if peer.id == id), None)


_TIMES: Final = ("time_created", "time_of_last_switchover", "time_of_last_failover", "time_role_changed")


class Records:
    """The region's databases in the order of their creation. Reading gives copies; ``change`` writes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, id: str) -> Record | None:  # noqa: A002
        document = self._store.get(KIND, id)
        return None if document is None else _from_document(document)

    def need(self, id: str) -> Record:  # noqa: A002
        """The record. Raises LookupError when there is none."""
        record = self.get(id)
        if record is None:
            raise LookupError(f"no Autonomous Database {id}")
        return record

    def all(self) -> list[Record]:
        return [_from_document(document) for document in self._store.find(KIND)]

    def living(self) -> list[Record]:
        """Those that are not terminated."""
        return [record for record in self.all() if not record.gone]

    def add(self, record: Record) -> None:
        self._store.put(KIND, record.id, _to_document(record))

    def change(self, id: str, **fields: Any) -> Record:  # noqa: A002
        """Replace fields of a record; its etag changes. Raises LookupError when there is none."""
        record = self.need(id)
        changed = dataclasses.replace(record, revision=record.revision + 1, **fields)
        self._store.put(KIND, id, _to_document(changed))
        return changed


def _to_document(record: Record) -> dict[str, Any]:
    document = dataclasses.asdict(record)
    for name in _TIMES:
        moment = document[name]
        document[name] = None if moment is None else moment.isoformat()
    return document


def _from_document(document: dict[str, Any]) -> Record:
    fields = dict(document)
    for name in _TIMES:
        fields[name] = None if fields[name] is None else datetime.fromisoformat(fields[name])
    fields["peers"] = tuple(Peer(**peer) for peer in fields["peers"])
    return Record(**fields)
