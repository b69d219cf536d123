"""The whole recovery policy, and the digest that a plan is bound to."""

from __future__ import annotations

import hashlib
import json
from datetime import time, timedelta
from functools import cached_property

from fittrack_dr.errors import ConfigError
from fittrack_dr.recovery.fields import RegionName, Section, Table
from fittrack_dr.recovery.gates import Gate
from fittrack_dr.recovery.types import (
    Application,
    Backup,
    Budgets,
    Control,
    CriticalTable,
    Dns,
    Export,
    Failover,
    Objectives,
    RetentionClass,
    Role,
    Stack,
    Verification,
    Watch,
)


class RecoveryPolicy(Section):
    """recovery.yaml, read once; every value in it has been checked against every other."""

    objectives: Objectives
    home_region: RegionName
    stacks: Table[Stack]
    control: Control
    retention: tuple[RetentionClass, ...]
    backup: Backup
    export: Export
    verification: Verification
    critical_tables: tuple[CriticalTable, ...]
    roles: Table[Role]
    dns: Dns
    application: Application
    gates: Table[Gate]
    budgets: Budgets
    watch: Watch
    failover: Failover

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content: the same for the same policy however it is laid out and commented."""
        content = self.model_dump(mode="python", exclude={"digest"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_canonical)
        return hashlib.sha256(text.encode()).hexdigest()

    def region_of_peer(self, region: str) -> str:
        """The other stack's region. Raises ConfigError for a region that is no stack's."""
        regions = [stack.region for stack in self.stacks.values()]
        if region not in regions:
            raise ConfigError(f"{region} is no region of recovery.yaml; name one of {', '.join(regions)}")
        return next(other for other in regions if other != region)


def _canonical(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
