"""The engine met as it is met in production: SQLAlchemy, Alembic and the driver, over Oracle Net."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import oracledb
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tests.simulator.database.engine_server import SERVICE
from tests.simulator.database.engines import PASSWORD

pytestmark = pytest.mark.wire
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.simulator.database.engine_server", str(tmp_path_factory.mktemp("engine"))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        _, host, port = process.stdout.readline().split()
        yield host, int(port)
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.fixture
def engine(address: tuple[str, int]) -> Generator[sa.Engine]:
    host, port = address
    made = sa.create_engine(f"oracle+oracledb://ADMIN:{PASSWORD}@{host}:{port}/?service_name={SERVICE}")
    yield made
    made.dispose()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(50), unique=True)
    status: Mapped[str] = mapped_column(sa.String(10), server_default="active")
    pay: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    at: Mapped[datetime] = mapped_column(sa.DateTime, server_default=sa.text("SYSTIMESTAMP"))
    about: Mapped[str | None] = mapped_column(sa.Text)
    __table_args__ = (
        sa.CheckConstraint("status in ('active', 'gone')", name="ck_users_status"),
        sa.Index("ix_users_status", "status", "at"),
        {"comment": "people"},
    )


class Points(Base):
    __tablename__ = "points"
    id: Mapped[int] = mapped_column(sa.Sequence("points_seq"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    amount: Mapped[int]
    user: Mapped[User] = relationship()


@pytest.fixture
def schema(engine: sa.Engine) -> Generator[sa.Engine]:
    Base.metadata.create_all(engine)
    yield engine
    Base.metadata.drop_all(engine)


def test_objects_come_and_go(schema: sa.Engine) -> None:
    with Session(schema) as session:
        session.add_all(
            User(email=f"u{n}@x", pay=Decimal(n) / 3, about="x" * 40000 if n == 1 else None) for n in range(4)
        )
        session.commit()
        users = session.scalars(sa.select(User).order_by(User.id)).all()
        assert [(u.id, u.pay, u.status) for u in users[:2]] == [
            (1, Decimal(0), "active"),
            (2, Decimal("0.33"), "active"),
        ]
        assert users[1].about == "x" * 40000
        session.add_all([Points(user=users[0], amount=7), *(Points(user=users[1], amount=n) for n in range(3))])
        session.commit()
        total = sa.func.sum(Points.amount)
        query = sa.select(User.email, total).join(Points).group_by(User.email).order_by(total.desc()).limit(1)
        assert session.execute(query).all() == [("u0@x", 7)]
        raised = sa.update(User).where(User.id == 1).values(pay=User.pay + Decimal("1.5")).returning(User.pay)
        assert session.execute(raised).scalar_one() == Decimal("1.5")
        session.execute(sa.insert(Points), [{"user_id": 1, "amount": n} for n in range(100)])
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(Points)) == 4
        session.add(User(email="u1@x"))
        with pytest.raises(IntegrityError, match="ORA-00001"):
            session.flush()
        session.rollback()
        session.delete(users[1])
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Points)) == 1


def test_the_schema_is_reflected_as_it_was_declared(schema: sa.Engine) -> None:
    with schema.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    inspector = sa.inspect(schema)
    assert inspector.get_check_constraints("users")[0]["name"] == "ck_users_status"
    assert inspector.get_table_comment("users") == {"text": "people"}
    assert inspector.get_foreign_keys("points")[0].get("options") == {"ondelete": "CASCADE"}
    assert inspector.get_sequence_names() == ["points_seq"]
    reflected = sa.MetaData()
    reflected.reflect(schema)
    assert set(reflected.tables) == {"users", "points"}


def test_migrations_up_and_down(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.create_table(
            "drawings",
            sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
            sa.Column("status", sa.String(20), nullable=False),
        )
        operations.create_index("ix_drawings_status", "drawings", ["status"])
        connection.execute(sa.text("INSERT INTO drawings (status) VALUES ('open')"))
        operations.add_column("drawings", sa.Column("held_at", sa.TIMESTAMP, server_default=sa.text("SYSTIMESTAMP")))
        operations.alter_column("drawings", "status", existing_type=sa.String(20), type_=sa.String(40), nullable=False)
        operations.create_check_constraint("ck_drawings", "drawings", "status <> 'bad'")
        assert connection.execute(sa.text("SELECT status, held_at FROM drawings")).one()[0] == "open"
        operations.drop_constraint("ck_drawings", "drawings")
        operations.drop_column("drawings", "held_at")
        operations.drop_index("ix_drawings_status", "drawings")
        operations.drop_table("drawings")
        assert not sa.inspect(connection).has_table("drawings")


def one(cursor: oracledb.Cursor, text: str, *binds: object) -> tuple[object, ...]:
    """The only row of a query."""
    cursor.execute(text, list(binds))
    (row,) = cursor.fetchall()
    return row


def test_a_driver_sees_rows_types_and_the_past(address: tuple[str, int]) -> None:
    host, port = address
    dsn = f"{host}:{port}/{SERVICE}"
    with oracledb.connect(user="ADMIN", password=PASSWORD, dsn=dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE pets (id NUMBER PRIMARY KEY, name VARCHAR2(20), doc JSON, at TIMESTAMP, born DATE)"
        )
        cursor.execute("SELECT id, name, at, born FROM pets")
        types = [description.type_code.name for description in cursor.description or ()]
        assert types == ["DB_TYPE_NUMBER", "DB_TYPE_VARCHAR", "DB_TYPE_TIMESTAMP", "DB_TYPE_DATE"]
        moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        rows = [(n, f"pet {n}", json.dumps({"n": n}), moment, moment) for n in range(20_000)]
        cursor.executemany("INSERT INTO pets VALUES (:1, :2, :3, :4, :5)", rows)
        connection.commit()
        (scn,) = one(cursor, "SELECT current_scn FROM v$database")
        cursor.execute("DELETE FROM pets WHERE MOD(id, 2) = 0")
        connection.commit()
        assert one(cursor, "SELECT COUNT(*) FROM pets AS OF SCN :1", scn) == (20_000,)
        assert one(cursor, "SELECT doc, at, born FROM pets WHERE id = 1") == ({"n": 1}, moment, moment)
        assert one(cursor, "SELECT COUNT(*) FROM pets WHERE at < :1", moment + timedelta(days=1)) == (10_000,)
        cursor.execute("DROP TABLE pets")
        cursor.execute("FLASHBACK TABLE pets TO BEFORE DROP")
        cursor.execute("DROP TABLE pets PURGE")
