"""Users, activities, points, drawings, tickets, prizes and heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.TIMESTAMP(timezone=True)
_NOW = sa.text("SYSTIMESTAMP")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, sa.Identity(start=1_000_001), nullable=False)


def upgrade() -> None:
    """Create every table; each one's constraints carry names, so that a violation tells which rule it broke."""
    _people()
    _drawings()
    _points()
    op.create_table(
        "heartbeats",
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("beat_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("region", "beat_at", name="heartbeats_pk"),
    )


def downgrade() -> None:
    """Drop every table, those that refer to others first."""
    for table in (
        "heartbeats",
        "prize_fulfillments",
        "point_transactions",
        "tickets",
        "drawings",
        "activities",
        "users",
    ):
        op.drop_table(table)


def _people() -> None:
    op.create_table(
        "users",
        _id(),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("display_name", sa.String(80), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("points_balance", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pk"),
        sa.UniqueConstraint("email", name="users_email"),
        sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name="users_status"),
        sa.CheckConstraint("points_balance >= 0", name="users_balance"),
    )
    op.create_table(
        "activities",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("detail", sa.String(2000), nullable=False),
        sa.Column("recorded_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="activities_pk"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="activities_user"),
        sa.CheckConstraint("minutes > 0", name="activities_minutes"),
        sa.CheckConstraint("detail IS JSON", name="activities_detail"),
    )
    op.create_index("activities_by_user", "activities", ["user_id"])


def _drawings() -> None:
    op.create_table(
        "drawings",
        _id(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("prize", sa.String(80), nullable=False),
        sa.Column("ticket_price", sa.Integer, nullable=False),
        sa.Column("tickets_sold", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("closes_at", _MOMENT, nullable=False),
        sa.Column("completed_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="drawings_pk"),
        sa.CheckConstraint("status IN ('open', 'completed', 'cancelled')", name="drawings_status"),
        sa.CheckConstraint("ticket_price > 0", name="drawings_price"),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("drawing_id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("price", sa.Integer, nullable=False),
        sa.Column("bought_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="tickets_pk"),
        sa.ForeignKeyConstraint(["drawing_id"], ["drawings.id"], name="tickets_drawing"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="tickets_user"),
    )
    op.create_index("tickets_by_drawing", "tickets", ["drawing_id"])
    op.create_index("tickets_by_user", "tickets", ["user_id"])
    op.create_table(
        "prize_fulfillments",
        _id(),
        sa.Column("drawing_id", sa.Integer, nullable=False),
        sa.Column("ticket_id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="prize_fulfillments_pk"),
        sa.UniqueConstraint("drawing_id", name="prize_fulfillments_once"),
        sa.ForeignKeyConstraint(["drawing_id"], ["drawings.id"], name="prize_fulfillments_drawing"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="prize_fulfillments_ticket"),
        sa.CheckConstraint("status IN ('pending', 'shipped', 'delivered')", name="prize_fulfillments_status"),
    )


def _points() -> None:
    op.create_table(
        "point_transactions",
        _id(),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("activity_id", sa.String(36)),
        sa.Column("ticket_id", sa.String(36)),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="point_transactions_pk"),
        sa.UniqueConstraint("activity_id", name="point_transactions_activity"),
        sa.UniqueConstraint("ticket_id", name="point_transactions_ticket"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="point_transactions_user"),
        sa.ForeignKeyConstraint(["activity_id"], ["activities.id"], name="point_transactions_for_activity"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="point_transactions_for_ticket"),
        sa.CheckConstraint("type IN ('earn', 'spend')", name="point_transactions_type"),
        sa.CheckConstraint(
            "(type = 'earn' AND points > 0) OR (type = 'spend' AND points < 0)", name="point_transactions_points"
        ),
    )
    op.create_index("point_transactions_by_user", "point_transactions", ["user_id"])
