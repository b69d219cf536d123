"""How long cloud operations take, in world seconds: the one table, each row with its source and a slow case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_RTO_PAGE = "Oracle, Autonomous Data Guard RTO and RPO: cross-region failover under 10 minutes"
_OBSERVED = "estimate from practice; Oracle states no figure"


@dataclass(frozen=True)
class Duration:
    """World seconds: the usual case, and a bad day's."""

    typical: float
    slow: float
    source: str


DURATIONS: Mapping[str, Duration] = MappingProxyType(
    {
        "database.provision": Duration(180, 600, _OBSERVED),
        "database.standby": Duration(900, 2700, _OBSERVED),
        "database.terminate": Duration(120, 300, _OBSERVED),
        "database.start": Duration(60, 180, _OBSERVED),
        "database.stop": Duration(60, 180, _OBSERVED),
        "database.restart": Duration(120, 300, _OBSERVED),
        "database.update": Duration(60, 240, _OBSERVED),
        "database.switchover": Duration(300, 900, _RTO_PAGE),
        "database.switchover.outage": Duration(60, 180, "the part of it in which neither side accepts; " + _OBSERVED),
        "database.switchover.dark": Duration(90, 300, "a switchover to a dark primary ends in failure"),
        "database.failover": Duration(300, 600, _RTO_PAGE),
        "database.reinstate": Duration(600, 1800, _OBSERVED),
        "database.wallet": Duration(2, 10, _OBSERVED),
        "objectstorage.restore": Duration(3600, 3600, "Oracle, Archive Storage: at most an hour to the first byte"),
        "iam.replication": Duration(5, 60, "Oracle, IAM: changes reach all regions in seconds to minutes"),
        "dns.publish": Duration(10, 60, _OBSERVED),
        "healthchecks.create": Duration(5, 30, _OBSERVED),
        "workload.start": Duration(15, 60, "container start with its image in the region's own registry"),
    }
)
