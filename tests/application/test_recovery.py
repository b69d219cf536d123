"""The application while its database goes, moves and comes back: never restarted, never lying."""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.application.oracle import Oracle, running_oracle
from tests.application.processes import Api, eventually

pytestmark = pytest.mark.wire


def write(api: Api) -> int:
    """One write; its status."""
    return api.post("/activities", key=str(uuid.uuid4()), user_id=1, kind="walk", minutes=5).status_code


def test_it_turns_ready_by_itself_when_the_database_comes_back(oracle: Oracle, api: Api) -> None:
    assert write(api) == 201
    oracle.stop()
    api.await_reason("DPY-")
    assert write(api) == 503
    oracle.start()
    api.await_ready()
    assert write(api) == 201


def test_it_is_warm_beside_a_standby_and_ready_when_that_is_promoted(oracle: Oracle, api: Api) -> None:
    """A mounted standby takes no sessions: its listener refuses, and the application waits for the promotion."""
    oracle.tell("to-standby")
    api.await_reason("is not registered with the listener")
    assert write(api) == 503
    oracle.tell("to-primary")
    api.await_ready()
    assert write(api) == 201


def test_a_database_that_falls_silent_ends_readiness_within_seconds(oracle: Oracle, api: Api) -> None:
    oracle.freeze()
    try:
        begun = time.monotonic()
        api.await_reason("database: ")
        assert time.monotonic() - begun < 8
        begun = time.monotonic()
        assert api.get("/health/ready").status_code == 503
        assert write(api) == 503
        assert time.monotonic() - begun < 2
    finally:
        oracle.thaw()
    api.await_ready()
    assert write(api) == 201


def test_a_write_caught_by_silence_is_answered_as_unknown_and_safe_to_repeat(oracle: Oracle, api: Api) -> None:
    """Readiness still says yes when the write begins; the driver's call time-out and the key do the rest."""
    api.await_ready()
    oracle.freeze()
    mine = str(uuid.uuid4())
    try:
        begun = time.monotonic()
        answer = api.post("/activities", key=mine, user_id=2, kind="walk", minutes=7)
        assert answer.status_code == 503
        assert time.monotonic() - begun < 15
    finally:
        oracle.thaw()
    api.await_ready()
    assert api.post("/activities", key=mine, user_id=2, kind="walk", minutes=7).status_code in {200, 201}
    assert oracle.count("point_transactions", f"activity_id = '{mine}'") == 1


def test_another_schema_revision_is_not_served(oracle: Oracle, api: Api) -> None:
    oracle.sql("UPDATE alembic_version SET version_num = '0000'")
    api.await_reason("schema: revision is 0000, this version needs 0001")
    assert write(api) == 503
    oracle.sql("UPDATE alembic_version SET version_num = '0001'")
    api.await_ready()


@pytest.fixture
def empty(tmp_path: Path) -> Generator[Oracle]:
    """A database without a schema."""
    with running_oracle(tmp_path) as running:
        yield running


def test_a_database_without_schema_is_migrated_beside_the_running_application(empty: Oracle, tmp_path: Path) -> None:
    with Api(empty.environment(), tmp_path / "log") as api:
        api.await_reason("schema: revision is none, this version needs 0001")
        assert empty.run("migrate", "upgrade", "head").stdout == "0001\n"
        api.await_ready()
        empty.run("seed", "--rows", "100")
        rows = empty.count("point_transactions")
        assert "already has users" in empty.run("seed", code=1).stderr
        assert empty.count("point_transactions") == rows
        assert empty.run("migrate", "downgrade", "base").stdout == "base\n"
        api.await_reason("schema: revision is none")


def test_the_critical_queries_find_something(oracle: Oracle) -> None:
    for query in (
        "SELECT COUNT(*) FROM users WHERE status = 'active'",
        "SELECT SUM(points) FROM point_transactions WHERE type = 'earn'",
        "SELECT COUNT(*) FROM drawings WHERE status = 'completed'",
        "SELECT COUNT(*) FROM tickets",
        "SELECT COUNT(*) FROM prize_fulfillments WHERE status != 'delivered'",
    ):
        assert eventually(lambda query=query: int(oracle.sql(query)[0][0]) > 0, timeout=1, what=query)
