"""Data points on disk: one per minute, read back by range, old ones forgotten."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.cloud.monitoring.metrics import KEPT, POINTS_KIND, Metrics, Stream
from simulator.kernel.store import Store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STREAM = Stream("oci_autonomous_database", "PeerLag", "ocid1.compartment.oc1..a", {"resourceId": "x"}, "seconds")


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    store = Store(tmp_path / "state.db")
    yield store
    store.close()


def test_points_come_back_by_minute_and_range(store: Store) -> None:
    metrics = Metrics(store)
    for minute in (58, 59, 60, 61):
        metrics.record(STREAM, NOON + timedelta(minutes=minute, seconds=20), float(minute))
    found = list(metrics.points(STREAM, NOON + timedelta(minutes=59), NOON + timedelta(minutes=61)))
    assert found == [(NOON + timedelta(minutes=59), 59.0), (NOON + timedelta(minutes=60), 60.0)]


def test_a_second_point_of_a_minute_replaces_the_first(store: Store) -> None:
    metrics = Metrics(store)
    metrics.record(STREAM, NOON, 1.0)
    metrics.record(STREAM, NOON + timedelta(seconds=59), 2.0)
    assert list(metrics.points(STREAM, NOON, NOON + timedelta(minutes=1))) == [(NOON, 2.0)]


def test_a_stream_is_found_by_what_it_is(store: Store) -> None:
    metrics = Metrics(store)
    metrics.record(STREAM, NOON, 1.0)
    metrics.record(Stream("other", "PeerLag", "c", {}), NOON, 1.0)
    assert metrics.streams(namespace="oci_autonomous_database", name="PeerLag") == [STREAM]


def test_points_are_forgotten_after_ninety_days(store: Store) -> None:
    metrics = Metrics(store)
    metrics.record(STREAM, NOON, 1.0)
    metrics.record(STREAM, NOON + timedelta(hours=5), 2.0)
    metrics.record(STREAM, NOON + KEPT + timedelta(days=1), 3.0)
    assert len(store.find(POINTS_KIND)) == 1
