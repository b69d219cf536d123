"""The sections of the recovery policy as frozen, typed objects; every duration is a timedelta, every time UTC.

The gates have a module of their own, ``policy`` puts the whole together, contradictions between sections are in
``checks``, and the reader of the file is ``loader``.
"""

from __future__ import annotations

import enum
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fittrack_dr.recovery.fields import (
    BucketName,
    DnsName,
    Duration,
    Flag,
    GroupName,
    Name,
    Namespace,
    Ratio,
    RegionName,
    SchemaName,
    Section,
    TableName,
    Text,
    UrlPath,
    UtcTime,
    refuse,
)
from fittrack_dr.recovery.retention import Storage, limit_problem, whole_days


class Objectives(Section):
    """What the users were promised: time until they are served again, and writes they may lose, in time."""

    rto: Duration
    rpo: Duration


class Stack(Section):
    """One Pulumi stack: a region that can hold the whole of FitTrack. Which one is active is not policy but state."""

    region: RegionName


class Control(Section):
    """Where journals, the recovery state and the inventory live."""

    region: RegionName
    bucket: BucketName
    namespace: Namespace


class Tier(enum.StrEnum):
    """Storage tiers of Object Storage; Archive needs about an hour of restore before the first byte."""

    STANDARD = "Standard"
    INFREQUENT_ACCESS = "InfrequentAccess"
    ARCHIVE = "Archive"


class RetentionClass(Section):
    """What is kept, where, and for how long. ``tier`` and ``bucket`` belong to Object Storage only.

    ``write_once`` puts a retention rule on the whole bucket: nobody changes or deletes an object before its time.
    """

    name: Name
    data: Text
    keep: Duration
    storage: Storage
    tier: Tier | None = None
    bucket: BucketName | None = None
    write_once: Flag = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problem = limit_problem(self.storage, self.keep)
        if problem:
            raise refuse(problem, key="keep")
        stored = self.storage is Storage.OBJECT_STORAGE
        for key, value in (("tier", self.tier), ("bucket", self.bucket)):
            if stored and value is None:
                raise refuse(f"is missing, and {self.storage} needs it; add it", key=key)
            if not stored and value is not None:
                raise refuse(f"has no meaning with {self.storage}; remove it", key=key)
        if self.write_once and not stored:
            raise refuse(f"is not to be had from {self.storage}; remove it", key="write_once")
        return self

    @property
    def keep_days(self) -> int:
        """``keep`` in whole days, for services that count in days; never shorter than ``keep``."""
        return whole_days(self.keep)


class Cadence(enum.StrEnum):
    """How often OCI can repeat a long-term backup."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class Backup(Section):
    """Backups of the database. ``automatic`` and ``manual`` name retention classes.

    ``replicate`` copies automatic backups to the other region, where OCI keeps 7 days of them and no more.
    ``oldest_acceptable`` is the age from which the newest automatic backup is a finding.
    """

    automatic: Name
    manual: Name
    manual_cadence: Cadence
    replicate: Flag
    oldest_acceptable: Duration


class Export(Section):
    """Data Pump exports: ``retention`` names their class; ``at`` is the start of the daily export."""

    retention: Name
    schema_name: SchemaName
    at: UtcTime
    parallel: Annotated[int, Field(strict=True, ge=1, le=64)]
    compression: Literal["ALL", "DATA_ONLY", "METADATA_ONLY", "NONE"]
    replicate: Flag
    oldest_acceptable: Duration


class Verification(Section):
    """The restore test: a clone of ``ecpus`` made every ``every``, gone after ``clone_lifetime`` whatever happens."""

    every: Duration
    ecpus: Annotated[int, Field(strict=True, ge=2, le=512)]
    clone_lifetime: Duration
    evidence: Name


_READS_ONLY = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_CHANGES = re.compile(
    r";|--|/\*|\b(INSERT|UPDATE|DELETE|MERGE|DROP|ALTER|TRUNCATE|CREATE|GRANT|BEGIN|DECLARE|CALL|INTO)\b",
    re.IGNORECASE,
)


class CriticalTable(Section):
    """A table without which FitTrack is not back, and the query whose single number shows that it is there.

    Zero counts as nothing found, unless the table ``may_be_empty``.
    """

    table: TableName
    query: Text
    may_be_empty: Flag = False

    @model_validator(mode="after")
    def _reads_its_table(self) -> Self:
        outside_literals = re.sub(r"'[^']*'", "''", self.query)
        if not _READS_ONLY.match(outside_literals) or _CHANGES.search(outside_literals):
            raise refuse("is not one plain SELECT; a check must not change what it checks", key="query")
        if not re.search(rf"\bFROM\s+{self.table}\b", outside_literals, re.IGNORECASE):
            raise refuse(f"does not read FROM {self.table}; query the table it stands for", key="query")
        return self


class Decision(enum.StrEnum):
    """What somebody has to answer for; each must belong to at least one role."""

    CACHE_RECOVERY = "cache-recovery"
    TABLE_RECOVERY = "table-recovery"
    POINT_IN_TIME_RESTORE = "point-in-time-restore"
    FULL_RESTORE = "full-restore"
    BACKUP_DELETION = "backup-deletion"
    REGION_FAILOVER = "region-failover"
    REGION_SWITCHOVER = "region-switchover"
    REGION_FAILBACK = "region-failback"
    EVIDENCE_HOLD = "evidence-hold"
    BREACH_ASSESSMENT = "breach-assessment"


class Role(Section):
    """People with a duty: the IAM group that holds them and the decisions that are theirs."""

    title: Text
    group: GroupName
    responsibility: Text
    decides: tuple[Decision, ...]


class Dns(Section):
    """The one name users know; a cutover changes its address."""

    zone: DnsName
    name: DnsName
    ttl: Duration


class Application(Section):
    """What being served means: the path that answers 200. Its port and trust come from the profile.

    ``heartbeat_bucket`` holds, in each region, when that region's worker last wrote.
    """

    health_path: UrlPath
    heartbeat_bucket: BucketName


class Budgets(Section):
    """Time that passes before the first command: until somebody knows, until somebody decides. Counted into the RTO."""

    detection: Duration
    decision: Duration


class Watch(Section):
    """After the cutover: how long errors are watched, how often, and the share of failed requests that is too many."""

    duration: Duration
    interval: Duration
    max_error_ratio: Ratio


class Failover(Section):
    """Deadlines of the failover's steps, in world time, in the order in which they run."""

    isolation_window: Duration
    probe_interval: Duration
    approval_validity: Duration
    switchover_deadline: Duration
    promotion_deadline: Duration
    readiness_deadline: Duration
    cutover_deadline: Duration
