"""Retention arithmetic: how long is kept, in the units of each OCI service, and when it may go. Pure.

Two promises pull at each other: nothing is deleted before its retention ends, and nothing outlives a policy that says
delete. So whole days round up, never down, and the end of a retention is one instant, not a range.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fittrack_dr.recovery.quantities import YEAR

DAY = timedelta(days=1)


class Storage(enum.StrEnum):
    """Who keeps the data, and so which limits hold."""

    AUTOMATIC_BACKUP = "automatic-backup"
    LONG_TERM_BACKUP = "long-term-backup"
    OBJECT_STORAGE = "object-storage"
    LOGGING = "logging"


@dataclass(frozen=True)
class Limits:
    """What a service accepts, in days: ``shortest`` to ``longest`` in multiples of ``step``."""

    service: str
    shortest: int
    longest: int
    step: int = 1


#: Object Storage has no limits of its own: lifecycle and retention rules take any number of days or years.
LIMITS = {
    Storage.AUTOMATIC_BACKUP: Limits("automatic backups of an Autonomous Database", 1, 60),
    Storage.LONG_TERM_BACKUP: Limits("long-term backups of an Autonomous Database", 90, 3650),
    Storage.LOGGING: Limits("logs in OCI Logging", 30, 180, step=30),
}


def whole_days(keep: timedelta) -> int:
    """Days to ask of a service that counts in days: the fewest that are not shorter than ``keep``."""
    return math.ceil(keep / DAY)


def time_amount(keep: timedelta) -> tuple[int, str]:
    """(amount, ``DAYS`` or ``YEARS``) for an Object Storage retention rule; years where ``keep`` is whole years."""
    years = round(keep / YEAR)
    return (years, "YEARS") if years and years * YEAR == keep else (whole_days(keep), "DAYS")


def limit_problem(storage: Storage, keep: timedelta) -> str | None:
    """Why the service cannot keep for that long, and what it can; None when it can."""
    limits = LIMITS.get(storage)
    days = whole_days(keep)
    if limits is None or (limits.shortest <= days <= limits.longest and days % limits.step == 0):
        return None
    allowed = f"{limits.shortest} to {limits.longest} days" + (f" in steps of {limits.step}" if limits.step > 1 else "")
    return f"{limits.service} can be kept {allowed}, not {days}; choose such a time"


def kept_until(created: datetime, keep: timedelta) -> datetime:
    """The instant before which nothing may delete what was created at ``created`` (aware)."""
    return created.astimezone(UTC) + whole_days(keep) * DAY


def may_delete(created: datetime, keep: timedelta, now: datetime) -> bool:
    """Whether the retention has ended at ``now``; at the very instant of its end it has."""
    return now >= kept_until(created, keep)
