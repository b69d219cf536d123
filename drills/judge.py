"""The judge: what the users' memories, the recovered database and the world's clock say of a disaster.

Pure arithmetic over what was observed. RTO is counted by users, not by components: from the instant the region was lost
until every user had a write acknowledged again. RPO is counted in acknowledged writes that the recovered database does
not hold, and in seconds from the oldest of them to the loss.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """One try of one user to write: when, through which address, and what came of it."""

    user: int
    key: str
    started: datetime
    ended: datetime
    address: str
    problem: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether the user was told that the write is kept."""
        return not self.problem


@dataclass(frozen=True)
class Slice:
    """Availability over a stretch of world time."""

    start: datetime
    attempted: int
    served: int


@dataclass(frozen=True)
class Loss:
    """What the users lost: every figure in world time, every write by its idempotency key."""

    lost_at: datetime
    last_served_before: datetime | None
    first_served_after: datetime | None
    all_served_after: datetime | None
    acknowledged_before: int
    missing: tuple[Attempt, ...]
    missing_after: tuple[Attempt, ...]

    @property
    def outage(self) -> timedelta | None:
        """RTO as users had it; None while somebody is still not served."""
        return None if self.all_served_after is None else self.all_served_after - self.lost_at

    @property
    def data_loss(self) -> timedelta:
        """RPO in time: from the oldest missing acknowledged write to the loss; zero when none is missing."""
        if not self.missing:
            return timedelta(0)
        return max(self.lost_at - min(attempt.ended for attempt in self.missing), timedelta(0))


def read_attempts(path: Path) -> list[Attempt]:
    """The users' memory; a last line cut short by the users' end is left out, any other damage raises ValueError."""
    attempts: list[Attempt] = []
    lines = path.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise ValueError(f"{path.name}:{number}: not a line of JSON") from error
        attempts.append(
            Attempt(
                user=record["user"],
                key=record["key"],
                started=datetime.fromisoformat(record["started"]),
                ended=datetime.fromisoformat(record["ended"]),
                address=record["address"],
                problem=record.get("problem", ""),
            )
        )
    return attempts


def judge(attempts: Sequence[Attempt], kept: Collection[str], *, lost_at: datetime, lost_address: str) -> Loss:
    """What was lost when the region behind ``lost_address`` went at ``lost_at``.

    ``kept`` are the keys that the recovered database holds. ``missing`` are writes acknowledged by the lost region,
    ``missing_after`` writes acknowledged by the recovered one: there must be none of these.
    """
    before = [a for a in attempts if a.acknowledged and a.address == lost_address]
    after = [a for a in attempts if a.acknowledged and a.address != lost_address and a.ended > lost_at]
    first_by_user: dict[int, datetime] = {}
    for attempt in sorted(after, key=lambda a: a.ended):
        first_by_user.setdefault(attempt.user, attempt.ended)
    everybody = {a.user for a in attempts}
    return Loss(
        lost_at=lost_at,
        last_served_before=max((a.ended for a in before), default=None),
        first_served_after=min(first_by_user.values(), default=None),
        all_served_after=max(first_by_user.values()) if everybody and everybody == set(first_by_user) else None,
        acknowledged_before=len(before),
        missing=tuple(a for a in before if a.key not in kept),
        missing_after=tuple(a for a in after if a.key not in kept),
    )


def availability(attempts: Iterable[Attempt], *, width: timedelta) -> list[Slice]:
    """Attempts and served attempts per stretch of ``width``, by the time they ended, gaps included."""
    ended = sorted(attempts, key=lambda a: a.ended)
    if not ended:
        return []
    slices: list[Slice] = []
    start, index = ended[0].ended, 0
    while index < len(ended):
        stop, attempted, served = start + width, 0, 0
        while index < len(ended) and ended[index].ended < stop:
            attempted += 1
            served += ended[index].acknowledged
            index += 1
        slices.append(Slice(start, attempted, served))
        start = stop
    return slices
