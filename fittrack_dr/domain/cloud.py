"""What the boundaries answer, as the operator's own types: no SDK model goes further than the client that received it.

Every moment is aware UTC, every duration in seconds of world time. None means that the far side did not say.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType


class DatabaseRole(enum.StrEnum):
    """An Autonomous Database's part in Data Guard, as the control plane tells it."""

    PRIMARY = "PRIMARY"
    STANDBY = "STANDBY"
    DISABLED_STANDBY = "DISABLED_STANDBY"
    BACKUP_COPY = "BACKUP_COPY"
    SNAPSHOT_STANDBY = "SNAPSHOT_STANDBY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class DatabaseRecord:
    """An Autonomous Database as its own region's control plane describes it.

    ``role`` is None for a database without Data Guard. ``lost_seconds`` is what the last failover could not recover.
    A standby may show the lifecycle ``state`` AVAILABLE: only ``role`` tells what it is.
    """

    id: str
    name: str
    role: DatabaseRole | None
    state: str
    open_mode: str | None
    peer_ids: tuple[str, ...]
    last_failover: datetime | None
    last_switchover: datetime | None
    lost_seconds: float | None


class WorkStatus(enum.StrEnum):
    """Where a work request stands; the last three are final."""

    ACCEPTED = "ACCEPTED"
    IN_PROGRESS = "IN_PROGRESS"
    CANCELING = "CANCELING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def final(self) -> bool:
        return self in {WorkStatus.SUCCEEDED, WorkStatus.FAILED, WorkStatus.CANCELED}


@dataclass(frozen=True)
class WorkRequest:
    """A long operation of the control plane. ``percent`` is 0 to 100; ``resources`` are the OCIDs it works on."""

    id: str
    operation: str
    status: WorkStatus
    percent: float
    resources: tuple[str, ...]
    accepted: datetime | None
    finished: datetime | None


@dataclass(frozen=True)
class Measurement:
    """One data point of a metric."""

    at: datetime
    value: float


@dataclass(frozen=True)
class StoredObject:
    """An object's whole content and the entity tag with which it can be replaced."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class ApiKey:
    """A user's API signing key as IAM holds it; ``public_key`` is PEM."""

    fingerprint: str
    public_key: str
    active: bool


@dataclass(frozen=True)
class VantageResult:
    """What one health-check vantage point saw at ``at``; ``target`` is the address that it probed."""

    vantage_point: str
    target: str
    at: datetime
    healthy: bool
    status_code: int | None
    detail: str


class NetAnswer(enum.StrEnum):
    """How a database's listener answers; only OPEN takes sessions."""

    OPEN = "open"
    CLOSED = "closed"
    """The listener is there and refuses the service: a mounted standby, or a stopped database."""
    DENIED = "denied"
    """The database is open and refuses our credentials."""
    SILENT = "silent"
    """Nothing answers: refused, timed out, cut off in the middle."""


@dataclass(frozen=True)
class DatabaseView:
    """A database as a session sees it; ``role`` and ``open_mode`` are v$database's, only known when OPEN."""

    answer: NetAnswer
    role: str | None
    open_mode: str | None
    detail: str

    @property
    def accepts_writes(self) -> bool | None:
        """None when nothing was seen of it: silence proves nothing."""
        if self.answer is NetAnswer.OPEN:
            return self.role == "PRIMARY" and self.open_mode == "READ WRITE"
        return False if self.answer is NetAnswer.CLOSED else None


@dataclass(frozen=True)
class TableCheck:
    """A critical query's single number; None with the reason in ``detail`` when there was none."""

    table: str
    value: float | None
    detail: str


@dataclass(frozen=True)
class RegionInventory:
    """What one region has, and how it is reached."""

    database_id: str
    connect_alias: str
    load_balancer: str
    load_balancer_port: int
    heartbeat_bucket: str
    health_monitor_id: str


@dataclass(frozen=True)
class Inventory:
    """What provisioning left for a recovery to work with, so that nothing has to be asked of the lost region."""

    written_at: datetime
    tenancy_id: str
    compartment_id: str
    regions: Mapping[str, RegionInventory]
    dns_zone_id: str
    dns_zone: str
    dns_name: str
    schema_revision: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", MappingProxyType(dict(self.regions)))
