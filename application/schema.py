"""The tables and columns that this version's code reads and writes; the rules on them are the migrations' matter.

Times are written by the database (SYSTIMESTAMP): Autonomous Database keeps its clock in UTC, and the driver hands them
over without a zone. Generated ids begin where seed data's end.
"""

from __future__ import annotations

from sqlalchemy import TIMESTAMP, Column, Identity, Integer, MetaData, String, Table, literal_column, text

HEAD_REVISION = "0001"
"""The newest migration; readiness compares it with the database's. Held equal to Alembic's head by a test."""

FIRST_GENERATED_ID = 1_000_001

_MOMENT = TIMESTAMP(timezone=True)
_NOW = text("SYSTIMESTAMP")

DATABASE_NOW = literal_column("SYSTIMESTAMP", _MOMENT)
"""The database's own time. A text, because the function takes no parentheses in Oracle."""

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Integer, Identity(start=FIRST_GENERATED_ID), primary_key=True),
    Column("email", String(254)),
    Column("display_name", String(80)),
    Column("status", String(16)),
    Column("points_balance", Integer),
    Column("created_at", _MOMENT, server_default=_NOW),
)

activities = Table(
    "activities",
    metadata,
    # The client's own key: being the primary key, it makes a repeated request harmless.
    Column("id", String(36), primary_key=True),
    Column("user_id", Integer),
    Column("kind", String(16)),
    Column("minutes", Integer),
    Column("detail", String(2000)),
    Column("recorded_at", _MOMENT, server_default=_NOW),
)

drawings = Table(
    "drawings",
    metadata,
    Column("id", Integer, Identity(start=FIRST_GENERATED_ID), primary_key=True),
    Column("name", String(80)),
    Column("prize", String(80)),
    Column("ticket_price", Integer),
    Column("tickets_sold", Integer),
    Column("status", String(16)),
    Column("closes_at", _MOMENT),
    Column("completed_at", _MOMENT),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("drawing_id", Integer),
    Column("user_id", Integer),
    Column("price", Integer),
    Column("bought_at", _MOMENT, server_default=_NOW),
)

point_transactions = Table(
    "point_transactions",
    metadata,
    Column("id", Integer, Identity(start=FIRST_GENERATED_ID), primary_key=True),
    Column("user_id", Integer),
    Column("type", String(8)),
    Column("points", Integer),
    Column("activity_id", String(36)),
    Column("ticket_id", String(36)),
    Column("created_at", _MOMENT, server_default=_NOW),
)

prize_fulfillments = Table(
    "prize_fulfillments",
    metadata,
    Column("id", Integer, Identity(start=FIRST_GENERATED_ID), primary_key=True),
    Column("drawing_id", Integer),
    Column("ticket_id", String(36)),
    Column("status", String(16)),
    Column("created_at", _MOMENT, server_default=_NOW),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("region", String(32), primary_key=True),
    Column("beat_at", _MOMENT, primary_key=True),
)
