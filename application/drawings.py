"""Drawings: shown to users, and completed by the worker when the database's clock says that they close.

A completed drawing with tickets has exactly one prize fulfilment; a new drawing of the same name opens in the same
transaction, so there is always one to buy a ticket for.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.engine import Connection

from application.database import as_utc
from application.schema import drawings, prize_fulfillments, tickets

NEXT_CLOSES_AFTER = timedelta(days=1)
LISTED_AT_MOST = 100

_SHOWN = (
    drawings.c.id,
    drawings.c.name,
    drawings.c.prize,
    drawings.c.ticket_price,
    drawings.c.tickets_sold,
    drawings.c.status,
    drawings.c.closes_at,
    drawings.c.completed_at,
)


def list_drawings(connection: Connection, status: str | None) -> list[dict[str, Any]]:
    """The newest drawings as JSON members, all or those with this status."""
    query = select(*_SHOWN).order_by(drawings.c.id.desc()).limit(LISTED_AT_MOST)
    if status is not None:
        query = query.where(drawings.c.status == status)
    return [_shown(row) for row in connection.execute(query)]


def find_drawing(connection: Connection, drawing_id: int) -> dict[str, Any] | None:
    """One drawing as JSON members, None when there is none of this id."""
    row = connection.execute(select(*_SHOWN).where(drawings.c.id == drawing_id)).one_or_none()
    return None if row is None else _shown(row)


def complete_due(engine: Engine, now: datetime) -> int:
    """Complete every open drawing that closed by ``now`` (the database's time); how many there were."""
    with engine.connect() as connection:
        due = connection.execute(
            select(drawings.c.id).where(drawings.c.status == "open", drawings.c.closes_at <= now)
        ).scalars()
        ids = [int(drawing_id) for drawing_id in due]
    return sum(_complete(engine, drawing_id, now) for drawing_id in ids)


def _complete(engine: Engine, drawing_id: int, now: datetime) -> bool:
    """Complete one drawing in one transaction; False when another worker was faster."""
    with engine.begin() as connection:
        changed = connection.execute(
            update(drawings)
            .where(drawings.c.id == drawing_id, drawings.c.status == "open")
            .values(status="completed", completed_at=now)
        )
        if changed.rowcount != 1:
            return False
        sold = connection.execute(select(tickets.c.id).where(tickets.c.drawing_id == drawing_id)).scalars().all()
        if sold:
            connection.execute(
                insert(prize_fulfillments).inline(),
                {"drawing_id": drawing_id, "ticket_id": secrets.choice(sold), "status": "pending"},
            )
        _open_next(connection, drawing_id, now)
    return True


def _open_next(connection: Connection, drawing_id: int, now: datetime) -> None:
    name, prize, price = connection.execute(
        select(drawings.c.name, drawings.c.prize, drawings.c.ticket_price).where(drawings.c.id == drawing_id)
    ).one()
    connection.execute(
        insert(drawings).inline(),
        {
            "name": name,
            "prize": prize,
            "ticket_price": price,
            "tickets_sold": 0,
            "status": "open",
            "closes_at": now + NEXT_CLOSES_AFTER,
        },
    )


def _shown(row: Any) -> dict[str, Any]:
    shown = dict(row._mapping)
    for name in ("closes_at", "completed_at"):
        if shown[name] is not None:
            shown[name] = as_utc(shown[name]).isoformat()
    return shown
