"""What is known before a region failover is decided, and what the gates make of it. Pure: nothing here looks itself.

A region counts as lost only when every way into it fails, from here and from the health checks' vantage points, while
the other region and a neutral target answer: otherwise it may be we who are cut off. What could not be told (``None``)
never speaks for a failover.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.recovery import RecoveryPolicy


@dataclass(frozen=True)
class Probe:
    """One attempt to reach something: ``answered`` is None when the attempt itself could not be made."""

    way: str
    target: str
    answered: bool | None
    detail: str

    def __str__(self) -> str:
        verdict = {True: "answers", False: "does not answer", None: "could not be asked"}[self.answered]
        return f"{self.way} {verdict} ({self.detail})"


@dataclass(frozen=True)
class OldPrimary:
    """The old primary's database as its own endpoints show it; each part None when nothing answered.

    ``accepts_writes`` is what Oracle Net says (role PRIMARY and open read-write); ``role`` and ``state`` are the API's.
    """

    accepts_writes: bool | None
    role: str | None
    state: str | None
    detail: str

    @property
    def fenced(self) -> bool:
        """Proven at its own endpoint: it takes no writes, and the control plane says for a lasting reason."""
        if self.accepts_writes:
            return False
        return self.role in {"STANDBY", "DISABLED_STANDBY"} or self.state in {"STOPPED", "TERMINATED"}


@dataclass(frozen=True)
class Lag:
    """One measurement of how far the standby was behind: ``seconds`` of redo not applied at ``at``."""

    seconds: float
    at: datetime


@dataclass(frozen=True)
class Situation:
    """One look around, from the operator's place, at ``seen_at``.

    ``ways`` are the probes of the lost region from here, ``vantage_points`` the newest result of each health-check
    vantage point for it, ``elsewhere`` the other region and the neutral target. ``lost_since`` is when the vantage
    points' present run of failures began.
    """

    lost: str
    target: str
    seen_at: datetime
    ways: tuple[Probe, ...]
    vantage_points: tuple[Probe, ...]
    elsewhere: tuple[Probe, ...]
    primary: OldPrimary
    lost_since: datetime | None
    lag: Lag | None

    @property
    def alive(self) -> bool:
        """Whether the old primary's database answered and takes writes: then a failover would make two primaries."""
        return self.primary.accepts_writes is True


def gates(situation: Situation, policy: RecoveryPolicy) -> tuple[GateReading, ...]:
    """The gates that stand before a failover, in the order in which a person asks the questions."""
    return (
        _region_lost(situation, policy),
        _counted("vantage-points", policy, situation.vantage_points, answered=False),
        _counted("own-network", policy, situation.elsewhere, answered=True),
        *_lag_gates(situation, policy),
    )


def reading(policy: RecoveryPolicy, name: str, value: float | None, detail: str) -> GateReading:
    """A gate of the policy with a measured value; None is unknown and never passes."""
    gate = policy.gates[name]
    return GateReading(name, value, gate.limit, gate.unit, passed=gate.passes(value), detail=detail)


def _region_lost(situation: Situation, policy: RecoveryPolicy) -> GateReading:
    everything = (*situation.ways, *situation.vantage_points)
    unasked = [probe for probe in situation.ways if probe.answered is None]
    answering = [probe for probe in everything if probe.answered]
    value = None if unasked else float(len(answering))
    detail = _list(unasked or answering or situation.ways)
    return reading(policy, "region-lost", value, detail)


def _counted(name: str, policy: RecoveryPolicy, probes: Iterable[Probe], *, answered: bool) -> GateReading:
    probes = tuple(probes)
    count = sum(probe.answered is answered for probe in probes)
    return reading(policy, name, float(count) if probes else None, _list(probes))


def _lag_gates(situation: Situation, policy: RecoveryPolicy) -> tuple[GateReading, GateReading]:
    lag = situation.lag
    if lag is None:
        missing = "no PeerLag measurement from before the loss; the loss of data cannot be bounded"
        return (reading(policy, "peer-lag", None, missing), reading(policy, "peer-lag-age", None, missing))
    reference = situation.lost_since or situation.seen_at
    age = max((reference - lag.at).total_seconds(), 0.0)
    since = "the loss" if situation.lost_since else "now (the vantage points name no time of loss)"
    return (
        reading(policy, "peer-lag", lag.seconds, f"PeerLag measured at {lag.at:%H:%M:%S}Z"),
        reading(policy, "peer-lag-age", age, f"from that measurement to {since}"),
    )


def _list(probes: Iterable[Probe]) -> str:
    return "; ".join(str(probe) for probe in probes) or "nothing was asked"
