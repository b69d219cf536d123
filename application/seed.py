"""``python -m application.seed``: tens of thousands of plausible rows, the same for the same seed.

Times are laid back from the database's own hour; everything else follows from ``--seed`` and the sizes alone. A
database that already has users is left as it is (exit code 1). Needs a migrated schema and the DATABASE_* settings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Table, func, insert, select

from application import log
from application.database import UNAVAILABLE, explain, open_engine, posture
from application.ledger import POINTS_PER_MINUTE
from application.schema import activities, drawings, point_transactions, prize_fulfillments, tickets, users
from application.settings import database_settings, read_or_exit

BATCH = 5000
ROWS = 60_000
MOST_ROWS = 2_000_000
ALWAYS_ACTIVE = 500
"""The oldest members are all active, so that whoever writes in a rehearsal can count on them."""

_BATCH_SECONDS = 120.0
_HISTORY = timedelta(days=60)
_GIVEN = ("Ada", "Amir", "Bea", "Chen", "Dara", "Elif", "Femi", "Gita", "Hugo", "Ines", "Juno", "Kofi", "Lena", "Milo")
_FAMILY = ("Abara", "Brandt", "Costa", "Dubois", "Eriksen", "Fuchs", "Garcia", "Hayashi", "Ivanov", "Jansen", "Khan")
_PRIZES = (
    "Running shoes",
    "Heart-rate strap",
    "Weekend by the lake",
    "Road bike",
    "Yoga mat",
    "Trail pack",
    "Swim year",
)
_STATUSES = ("active",) * 46 + ("suspended", "closed", "closed", "suspended")

Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How many of each; tickets are as many as the users' points allow, up to the figure."""

    users: int
    activities: int
    drawings: int
    tickets: int

    @classmethod
    def of(cls, rows: int) -> Size:
        """A small town with about that many rows in all: every activity and every ticket books points as well."""
        return cls(max(rows // 15, 10), max(rows * 2 // 5, 10), max(rows // 1500, 10), max(rows // 15, 10))


class Generator:
    """Makes the rows table by table, each consistent with those before it."""

    def __init__(self, seed: int, now: datetime, size: Size) -> None:
        self._random = random.Random(seed)
        self._now = now.replace(minute=0, second=0, microsecond=0)
        self._size = size
        self.users: list[Row] = []
        self.activities: list[Row] = []
        self.drawings: list[Row] = []
        self.tickets: list[Row] = []
        self.points: list[Row] = []
        self.prizes: list[Row] = []

    def make(self) -> list[tuple[Table, list[Row]]]:
        """Every table with its rows, in the order in which they can be inserted."""
        self._make_users()
        self._make_activities()
        self._make_drawings()
        self._make_tickets()
        self._make_prizes()
        return [
            (users, self.users),
            (activities, self.activities),
            (drawings, self.drawings),
            (tickets, self.tickets),
            (point_transactions, self.points),
            (prize_fulfillments, self.prizes),
        ]

    def _make_users(self) -> None:
        for number in range(1, self._size.users + 1):
            given, family = self._random.choice(_GIVEN), self._random.choice(_FAMILY)
            self.users.append(
                {
                    "id": number,
                    "email": f"{given}.{family}.{number}@mail.example".lower(),
                    "display_name": f"{given} {family}",
                    "status": "active" if number <= ALWAYS_ACTIVE else self._random.choice(_STATUSES),
                    "points_balance": 0,
                    "created_at": self._now - _HISTORY - self._any_time(timedelta(days=600)),
                }
            )

    def _make_activities(self) -> None:
        kinds = tuple(POINTS_PER_MINUTE)
        for _ in range(self._size.activities):
            user = self._random.choice(self.users)
            kind, minutes = self._random.choice(kinds), self._random.randint(10, 120)
            moment = self._now - self._any_time(_HISTORY)
            detail = {"heart_rate": self._random.randint(90, 175), "source": self._random.choice(("phone", "watch"))}
            key = self._key()
            self.activities.append(
                {
                    "id": key,
                    "user_id": user["id"],
                    "kind": kind,
                    "minutes": minutes,
                    "detail": json.dumps(detail),
                    "recorded_at": moment,
                }
            )
            self._book(user, "earn", POINTS_PER_MINUTE[kind] * minutes, moment, activity=key)

    def _make_drawings(self) -> None:
        """Most are over; the last few are open and close within the coming days."""
        still_open = max(1, self._size.drawings // 10)
        for number in range(1, self._size.drawings + 1):
            is_open = number > self._size.drawings - still_open
            closes = self._now + timedelta(days=number if is_open else number - self._size.drawings - 1)
            prize = _PRIZES[number % len(_PRIZES)]
            self.drawings.append(
                {
                    "id": number,
                    "name": f"{prize} of the week",
                    "prize": prize,
                    "ticket_price": self._random.choice((50, 100, 200)),
                    "tickets_sold": 0,
                    "status": "open" if is_open else "completed",
                    "closes_at": closes,
                    "completed_at": None if is_open else closes,
                }
            )

    def _make_tickets(self) -> None:
        for _ in range(self._size.tickets):
            user, drawing = self._random.choice(self.users), self._random.choice(self.drawings)
            price = drawing["ticket_price"]
            if user["points_balance"] < price:
                continue
            key = self._key()
            moment = min(drawing["closes_at"], self._now) - self._any_time(timedelta(days=5))
            self.tickets.append(
                {"id": key, "drawing_id": drawing["id"], "user_id": user["id"], "price": price, "bought_at": moment}
            )
            drawing["tickets_sold"] += 1
            self._book(user, "spend", -price, moment, ticket=key)

    def _make_prizes(self) -> None:
        sold: dict[int, list[str]] = {}
        for ticket in self.tickets:
            sold.setdefault(ticket["drawing_id"], []).append(ticket["id"])
        for drawing in self.drawings:
            if drawing["status"] == "completed" and drawing["id"] in sold:
                self.prizes.append(
                    {
                        "drawing_id": drawing["id"],
                        "ticket_id": self._random.choice(sold[drawing["id"]]),
                        "status": self._random.choice(("pending", "shipped", "delivered", "delivered")),
                        "created_at": drawing["completed_at"],
                    }
                )

    def _book(
        self,
        user: Row,
        kind: str,
        points: int,
        moment: datetime,
        *,
        activity: str | None = None,
        ticket: str | None = None,
    ) -> None:
        user["points_balance"] += points
        self.points.append(
            {
                "user_id": user["id"],
                "type": kind,
                "points": points,
                "activity_id": activity,
                "ticket_id": ticket,
                "created_at": moment,
            }
        )

    def _any_time(self, within: timedelta) -> timedelta:
        return timedelta(seconds=self._random.randrange(int(within.total_seconds())))

    def _key(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def fill(engine: Engine, seed: int, size: Size) -> dict[str, int] | None:
    """Insert everything, a transaction per batch; rows per table, or None when there are users already."""
    with engine.connect() as connection:
        if connection.execute(select(func.count()).select_from(users)).scalar_one():
            return None
        now = posture(connection).now
    made = Generator(seed, now, size).make()
    for table, rows in made:
        for batch in _batches(rows):
            with engine.begin() as connection:
                connection.execute(insert(table).inline(), list(batch))
    return {table.name: len(rows) for table, rows in made}


def main(arguments: list[str] | None = None) -> int:
    """Seed the database; the exit code. The rows per table go to standard output as JSON."""
    parser = argparse.ArgumentParser(prog="python -m application.seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=ROWS, help="about how many rows in all (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.rows <= MOST_ROWS:
        parser.error(f"--rows: {chosen.rows} is not between 1 and {MOST_ROWS}")
    settings = read_or_exit("application.seed", database_settings, os.environ)
    log.configure()
    engine = open_engine(settings, call_seconds=_BATCH_SECONDS)
    try:
        rows = fill(engine, chosen.seed, Size.of(chosen.rows))
    except UNAVAILABLE as error:
        sys.stderr.write(f"application.seed: failed: {explain(error)}\n")
        return 1
    finally:
        engine.dispose()
    if rows is None:
        sys.stderr.write("application.seed: the database already has users; nothing was changed\n")
        return 1
    sys.stdout.write(f"{json.dumps(rows)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
