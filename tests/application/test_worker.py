"""The worker over Oracle Net: beats, refreshes and completes by the database's clock, and only on a primary."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from application.cache import LEADERBOARD_KEY
from application.worker.jobs import Job
from tests.application.oracle import Oracle
from tests.application.processes import Program, eventually
from tests.application.test_cache import RedisPod, redis_pod
from tests.application.test_heartbeat_objects import Storage, storage

__all__ = ["redis_pod", "storage"]

pytestmark = pytest.mark.wire

BEATS = "region = 'us-ashburn-1'"


@contextmanager
def worker(oracle: Oracle, tmp_path: Path, **settings: str) -> Generator[Program]:
    """A worker that ticks twenty times a second and beats every ten seconds of the database's time."""
    environment = oracle.environment() | {"TICK_SECONDS": "0.05", "HEARTBEAT_SECONDS": "10"} | settings
    with Program("worker", environment, tmp_path / "worker.log") as running:
        yield running


def idle(program: Program) -> bool:
    """Whether its last word was that it does nothing."""
    turns = [line["message"] for line in program.messages() if line["message"] in {"idle", "working"}]
    return turns[-1:] == ["idle"]


def test_it_beats_by_the_databases_clock_and_leaves_the_time_outside(
    oracle: Oracle, storage: Storage, tmp_path: Path
) -> None:
    """Each beat is a committed row; the object says the same time, and never one that is not committed."""
    with worker(oracle, tmp_path, HEARTBEAT_URLS=storage.url) as running:
        eventually(lambda: len(storage.puts) == 1, what="the first beat")
        assert oracle.count("heartbeats", BEATS) == 1
        for beats in (2, 3):
            oracle.advance(10)
            eventually(lambda wanted=beats: len(storage.puts) == wanted, what="the next beat")
        assert oracle.count("heartbeats", BEATS) == 3
        assert running.end() == 0
    document = json.loads(storage.bodies()[-1])
    newest = oracle.sql(f"SELECT MAX(beat_at) FROM heartbeats WHERE {BEATS}")[0][0]
    assert document["region"] == "us-ashburn-1"
    assert datetime.fromisoformat(document["beat_at"]) == datetime.fromisoformat(newest).replace(tzinfo=UTC)


def test_it_keeps_beating_when_nobody_takes_the_objects(oracle: Oracle, tmp_path: Path) -> None:
    before = oracle.count("heartbeats", BEATS)
    with worker(oracle, tmp_path, HEARTBEAT_URLS="http://127.0.0.1:9/p/secret-token/o/a"):
        for beats in (1, 2):
            oracle.advance(10)
            eventually(lambda wanted=before + beats: oracle.count("heartbeats", BEATS) >= wanted, what="a beat")
        assert "secret-token" not in (tmp_path / "worker.log").read_text()


def test_it_writes_nothing_beside_a_standby_and_takes_up_work_on_promotion(oracle: Oracle, tmp_path: Path) -> None:
    oracle.tell("to-standby")
    with worker(oracle, tmp_path) as running:
        eventually(lambda: idle(running), what="the worker idle")
        oracle.advance(60)
        oracle.tell("to-primary")
        before = oracle.count("heartbeats", BEATS)
        eventually(lambda: oracle.count("heartbeats", BEATS) > before, what="a beat after the promotion")
        assert not idle(running)
        assert running.megabytes() < 75


def test_it_fills_the_cache_and_renews_it_every_five_minutes(
    oracle: Oracle, redis_pod: RedisPod, tmp_path: Path
) -> None:
    client = redis.Redis(port=redis_pod.port, decode_responses=True)
    try:
        with worker(oracle, tmp_path, REDIS_URL=redis_pod.url):
            first = eventually(lambda: client.get(LEADERBOARD_KEY), what="the leaderboard in the cache")
            oracle.advance(299)
            oracle.advance(2)
            second = eventually(
                lambda: (now := client.get(LEADERBOARD_KEY)) != first and now, what="a newer leaderboard"
            )
    finally:
        client.close()
    gap = datetime.fromisoformat(json.loads(second)["as_of"]) - datetime.fromisoformat(json.loads(first)["as_of"])
    assert gap >= timedelta(seconds=300)


def test_it_completes_drawings_that_close_and_opens_the_next(oracle: Oracle, tmp_path: Path) -> None:
    (number, name) = oracle.sql("SELECT id, name FROM drawings WHERE status = 'open' ORDER BY id")[0]
    oracle.advance(timedelta(days=11).total_seconds())
    with worker(oracle, tmp_path):
        eventually(lambda: oracle.count("drawings", f"id = {number} AND status = 'completed'"), what="completion")
        successors = f"name = '{name}' AND status = 'open' AND id > 1000000"
        assert oracle.count("drawings", successors) == 1
        sold = oracle.count("tickets", f"drawing_id = {number}")
        assert oracle.count("prize_fulfillments", f"drawing_id = {number}") == min(sold, 1)


def test_a_job_is_due_at_once_then_by_its_period_and_after_time_jumped_back() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    job = Job("any", timedelta(seconds=10), lambda _: None)
    assert job.due(start)
    job.last = start
    assert not job.due(start + timedelta(seconds=9))
    assert job.due(start + timedelta(seconds=10))
    assert job.due(start - timedelta(seconds=1))
