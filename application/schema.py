"""The tables as the code of this version expects them.

Identity columns start above the ids that seed data may use, so that a generated id never meets a seeded one. Times
are written by the database (SYSTIMESTAMP): Autonomous Database keeps its clock in UTC, and the driver hands them over
without a zone.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    literal_column,
    text,
)

HEAD_REVISION = "0001"
"""The newest migration; readiness compares it with the database's. Held equal to Alembic's head by a test."""

FIRST_GENERATED_ID = 1_000_001

_TIMESTAMP = TIMESTAMP(timezone=True)

DATABASE_NOW = literal_column("SYSTIMESTAMP", _TIMESTAMP)
"""The database's own time. A text, because the function takes no parentheses in Oracle."""

metadata = MetaData()


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    default = None if nullable else text("SYSTIMESTAMP")
    return Column(name, _TIMESTAMP, nullable=nullable, server_default=default)


def _generated_id() -> Column[int]:
    return Column("id", Integer, Identity(start=FIRST_GENERATED_ID), primary_key=True)


users = Table(
    "users",
    metadata,
    _generated_id(),
    Column("email", String(254), nullable=False, unique=True),
    Column("display_name", String(80), nullable=False),
    Column("status", String(16), nullable=False),
    Column("points_balance", Integer, nullable=False),
    _moment("created_at"),
    CheckConstraint("status IN ('active', 'suspended', 'closed')", name="users_status"),
    CheckConstraint("points_balance >= 0", name="users_balance"),
)

activities = Table(
    "activities",
    metadata,
    # The client's own key: the primary key is what makes a repeated request harmless.
    Column("id", String(36), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("detail", String(2000), nullable=False),
    _moment("recorded_at"),
    CheckConstraint("minutes > 0", name="activities_minutes"),
    CheckConstraint("detail IS JSON", name="activities_detail"),
)

drawings = Table(
    "drawings",
    metadata,
    _generated_id(),
    Column("name", String(80), nullable=False),
    Column("prize", String(80), nullable=False),
    Column("ticket_price", Integer, nullable=False),
    Column("tickets_sold", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    _moment("closes_at", nullable=True),
    _moment("completed_at", nullable=True),
    CheckConstraint("status IN ('open', 'completed', 'cancelled')", name="drawings_status"),
    CheckConstraint("ticket_price > 0", name="drawings_price"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("drawing_id", Integer, ForeignKey("drawings.id"), nullable=False, index=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("price", Integer, nullable=False),
    _moment("bought_at"),
)

point_transactions = Table(
    "point_transactions",
    metadata,
    _generated_id(),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("type", String(8), nullable=False),
    Column("points", Integer, nullable=False),
    Column("activity_id", String(36), ForeignKey("activities.id"), unique=True),
    Column("ticket_id", String(36), ForeignKey("tickets.id"), unique=True),
    _moment("created_at"),
    CheckConstraint("type IN ('earn', 'spend')", name="point_transactions_type"),
    CheckConstraint("points <> 0", name="point_transactions_points"),
)

prize_fulfillments = Table(
    "prize_fulfillments",
    metadata,
    _generated_id(),
    Column("drawing_id", Integer, ForeignKey("drawings.id"), nullable=False, unique=True),
    Column("ticket_id", String(36), ForeignKey("tickets.id"), nullable=False),
    Column("status", String(16), nullable=False),
    _moment("created_at"),
    CheckConstraint("status IN ('pending', 'shipped', 'delivered')", name="prize_fulfillments_status"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("region", String(32), primary_key=True),
    Column("beat_at", _TIMESTAMP, primary_key=True),
)
