"""What must never be lost or counted twice: points earned and points spent.

Each entry is one transaction, and the caller acknowledges it only after these functions returned: after COMMIT. The
client's own key is the primary key of what it creates, so a repeated request finds the first one's row instead of
counting again. Every transaction updates the user's row first, hence never waits in a circle with another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Table, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from application.schema import activities, drawings, point_transactions, tickets, users

POINTS_PER_MINUTE: Mapping[str, int] = {"walk": 1, "ride": 2, "run": 3, "swim": 4}
LONGEST_ACTIVITY_MINUTES = 24 * 60


class RuleError(Exception):
    """The request is well-formed and FitTrack's rules forbid it; ``missing`` when what it names does not exist."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True)
class Activity:
    """A user's activity as the client reports it; ``key`` is the client's own, up to 36 characters."""

    key: str
    user_id: int
    kind: str
    minutes: int
    detail: Mapping[str, Any]

    @property
    def points(self) -> int:
        """What it earns."""
        return POINTS_PER_MINUTE[self.kind] * self.minutes


@dataclass(frozen=True)
class Receipt:
    """What is in the database now; ``repeated`` when an earlier request with the same key put it there."""

    key: str
    user_id: int
    points: int
    repeated: bool


def record_activity(engine: Engine, activity: Activity) -> Receipt:
    """Earn points. Raises RuleError, or one of ``database.UNAVAILABLE`` (then the outcome may be unknown: repeat)."""

    def earn(connection: Connection) -> Receipt:
        _change_balance(connection, activity.user_id, activity.points)
        connection.execute(
            insert(activities),
            {
                "id": activity.key,
                "user_id": activity.user_id,
                "kind": activity.kind,
                "minutes": activity.minutes,
                "detail": json.dumps(dict(activity.detail)),
            },
        )
        _book(connection, activity.user_id, "earn", activity.points, activity_id=activity.key)
        return Receipt(activity.key, activity.user_id, activity.points, repeated=False)

    return _once(engine, activity.key, activity.user_id, earn, find_activity)


def buy_ticket(engine: Engine, key: str, user_id: int, drawing_id: int) -> Receipt:
    """Spend points on a ticket of an open drawing; the receipt's points are negative. Raises as ``record_activity``."""

    def buy(connection: Connection) -> Receipt:
        price = _open_drawing_price(connection, drawing_id)
        _change_balance(connection, user_id, -price)
        _count_sale(connection, drawing_id)
        connection.execute(
            insert(tickets),
            {"id": key, "drawing_id": drawing_id, "user_id": user_id, "price": price},
        )
        _book(connection, user_id, "spend", -price, ticket_id=key)
        return Receipt(key, user_id, -price, repeated=False)

    return _once(engine, key, user_id, buy, find_ticket)


def _once(
    engine: Engine,
    key: str,
    user_id: int,
    work: Callable[[Connection], Receipt],
    find: Callable[[Connection, str], Receipt | None],
) -> Receipt:
    """Do the work in one transaction, unless a request with the same key already did: then give its receipt.

    The work comes first and the look only when a constraint or a rule said no, for the rule may say no just because the
    first request succeeded (its points are spent, its drawing is over).
    """
    try:
        with engine.begin() as connection:
            return work(connection)
    except (IntegrityError, RuleError):
        with engine.connect() as connection:
            earlier = find(connection, key)
        if earlier is None:
            raise
    if earlier.user_id != user_id:
        raise RuleError(f"key {key} was already used for another user")
    return earlier


def find_activity(connection: Connection, key: str) -> Receipt | None:
    """The activity with this key, if it is in the database."""
    return _find(connection, key, activities, "activity_id")


def find_ticket(connection: Connection, key: str) -> Receipt | None:
    """The ticket with this key, if it is in the database."""
    return _find(connection, key, tickets, "ticket_id")


def _find(connection: Connection, key: str, table: Table, reference: str) -> Receipt | None:
    query = (
        select(table.c.user_id, point_transactions.c.points)
        .join(point_transactions, point_transactions.c[reference] == table.c.id)
        .where(table.c.id == key)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Receipt(key, int(row[0]), int(row[1]), repeated=True)


def _book(connection: Connection, user_id: int, kind: str, points: int, **reference: str) -> None:
    entry = {"user_id": user_id, "type": kind, "points": points, **reference}
    connection.execute(insert(point_transactions).inline(), entry)


def _change_balance(connection: Connection, user_id: int, points: int) -> None:
    changed = connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.status == "active", users.c.points_balance >= -points)
        .values(points_balance=users.c.points_balance + points)
    )
    if changed.rowcount == 1:
        return
    row = connection.execute(select(users.c.status, users.c.points_balance).where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise RuleError(f"no user {user_id}", missing=True)
    if row[0] != "active":
        raise RuleError(f"user {user_id} is {row[0]}")
    raise RuleError(f"user {user_id} has {row[1]} points and needs {-points}")


def _open_drawing_price(connection: Connection, drawing_id: int) -> int:
    row = connection.execute(
        select(drawings.c.ticket_price, drawings.c.status).where(drawings.c.id == drawing_id)
    ).one_or_none()
    if row is None:
        raise RuleError(f"no drawing {drawing_id}", missing=True)
    if row[1] != "open":
        raise RuleError(f"drawing {drawing_id} is {row[1]}")
    return int(row[0])


def _count_sale(connection: Connection, drawing_id: int) -> None:
    """Holds the drawing's row until COMMIT, so that no ticket is sold into a drawing while it is drawn."""
    changed = connection.execute(
        update(drawings)
        .where(drawings.c.id == drawing_id, drawings.c.status == "open")
        .values(tickets_sold=drawings.c.tickets_sold + 1)
    )
    if changed.rowcount != 1:
        raise RuleError(f"drawing {drawing_id} is not open any more")
