"""From what was observed to the measurements file that a report is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import oci
import oracledb

from drills.box import Box
from drills.disaster import Alarm
from drills.judge import Loss, Slice
from drills.provision import APPLICATION_USER, TTL, Estate

ROLE_CHANGES = re.compile(r"switch_?over|fail_?over", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One operation on the longest chain: world seconds, and how the figure is known."""

    name: str
    seconds: float
    source: str


@dataclass(frozen=True)
class Measured:
    """Everything that a drill measured."""

    loss: Loss
    alarm: Alarm
    path: Sequence[Part]
    slices: Sequence[Slice]
    width: timedelta
    rate: float
    users: int

    @property
    def critical_path_seconds(self) -> float:
        """The longest chain's length."""
        return sum(part.seconds for part in self.path)


def kept_keys(box: Box, estate: Estate, region: str) -> frozenset[str]:
    """The idempotency keys of all activities that the region's database holds."""
    tns = box.setting("fittrack_tns_admin")
    with (
        oracledb.connect(
            user=APPLICATION_USER,
            password=estate.passwords[APPLICATION_USER],
            dsn=box.setting(f"fittrack_tns_alias.{region}"),
            config_dir=tns,
            wallet_location=tns,
            wallet_password=Path(box.setting("fittrack_wallet_password_file")).read_text().strip(),
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.arraysize = 5000
        cursor.execute("SELECT id FROM activities")
        return frozenset(str(row[0]) for row in cursor.fetchall())


def critical_path(box: Box, estate: Estate, region: str, lost_at: datetime, alarm: Alarm) -> list[Part]:
    """The simulated operations that had to follow each other: detection, the role changes, the name's way to users.

    The role changes are the surviving region's own work requests since the loss, as its API reports them.
    """
    client = box.client(oci.work_requests.WorkRequestClient, region, "oncall")
    requests = client.list_work_requests(
        box.setting("fittrack_compartment"), resource_id=estate.databases[region], limit=100
    ).data
    noticed = (alarm.interval + alarm.patience).total_seconds()
    parts = [Part("detection", noticed, "the health checks' interval and time-out")]
    for request in sorted(requests, key=lambda each: each.time_accepted):
        changed_role = ROLE_CHANGES.search(request.operation_type)
        if changed_role and request.time_accepted >= lost_at and request.time_finished:
            lasted = (request.time_finished - request.time_accepted).total_seconds()
            parts.append(Part(request.operation_type, lasted, f"work request, {request.status.lower()}"))
    publish = json.loads(box.simulator("durations", "--json").out)["dns.publish"]["seconds"]
    parts.append(Part("DNS", publish + TTL, "publication at the zone's servers, then the record's TTL"))
    return parts


def write_measurements(measured: Measured, path: Path) -> None:
    """The file that ``fittrack-dr report --measurements`` reads."""
    loss = measured.loss
    outage = None if loss.outage is None else loss.outage.total_seconds()
    chain = measured.critical_path_seconds
    figures = {
        "clock": f"{measured.rate:g} world seconds per second while measured",
        "critical path": f"{chain:.0f} s of world time",
    }
    if outage is not None:
        figures["outage over critical path"] = f"{outage / chain:.3f}"
    document = {
        "schema": 1,
        "lost_at": loss.lost_at.isoformat(),
        "detected_at": measured.alarm.at.isoformat(),
        "first_served_at": _iso(loss.first_served_after),
        "all_served_at": _iso(loss.all_served_after),
        "outage_seconds": outage,
        "users": measured.users,
        "acknowledged": loss.acknowledged_before,
        "lost_writes": len(loss.missing),
        "lost_seconds": loss.data_loss.total_seconds(),
        "missing_after": len(loss.missing_after),
        "slice_seconds": measured.width.total_seconds(),
        "slices": [
            {"start": s.start.isoformat(), "attempted": s.attempted, "served": s.served} for s in measured.slices
        ],
        "critical_path": [{"name": p.name, "seconds": p.seconds, "source": p.source} for p in measured.path],
        "figures": figures,
        "not_measured": [
            "Detection and decision by people: a drill pages and approves at once, so their budgets are added",
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
