"""The judge's arithmetic: what counts as an outage, and which writes count as lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drills.judge import Attempt, availability, judge, read_attempts

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW = "127.0.0.10", "127.0.0.20"


def attempt(user: int, key: str, at: float, *, address: str = OLD, problem: str = "") -> Attempt:
    moment = START + timedelta(seconds=at)
    return Attempt(user, key, moment - timedelta(seconds=1), moment, address, problem)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_outage_ends_when_the_last_user_is_served() -> None:
    seen = [
        attempt(0, "a", 1),
        attempt(1, "b", 2),
        attempt(0, "c", 12, problem="http ReadTimeout"),
        attempt(0, "c", 50, address=NEW),
        attempt(1, "d", 70, address=NEW),
    ]
    loss = judge(seen, {"a", "b", "c", "d"}, lost_at=at(10), lost_address=OLD)
    assert loss.first_served_after == at(50)
    assert loss.outage == timedelta(seconds=60)
    assert loss.data_loss == timedelta(0)


def test_there_is_no_end_while_one_user_is_not_served() -> None:
    seen = [attempt(0, "a", 1), attempt(1, "b", 2), attempt(0, "c", 50, address=NEW)]
    assert judge(seen, {"a", "b", "c"}, lost_at=at(10), lost_address=OLD).outage is None


def test_the_data_loss_reaches_back_to_the_oldest_missing_write() -> None:
    seen = [attempt(0, "a", 1), attempt(1, "b", 6), attempt(0, "c", 9), attempt(0, "d", 50, address=NEW)]
    loss = judge(seen, {"a", "d"}, lost_at=at(10), lost_address=OLD)
    assert [a.key for a in loss.missing] == ["b", "c"]
    assert loss.data_loss == timedelta(seconds=4)
    assert loss.acknowledged_before == 3


def test_a_write_acknowledged_by_the_old_side_after_the_loss_is_missing_and_ends_no_outage() -> None:
    seen = [attempt(0, "a", 1), attempt(0, "b", 30)]
    loss = judge(seen, {"a"}, lost_at=at(10), lost_address=OLD)
    assert loss.outage is None
    assert [a.key for a in loss.missing] == ["b"]


def test_a_write_that_the_recovered_side_acknowledged_and_lost_is_named() -> None:
    seen = [attempt(0, "a", 1), attempt(0, "b", 30, address=NEW)]
    assert [a.key for a in judge(seen, {"a"}, lost_at=at(10), lost_address=OLD).missing_after] == ["b"]


def test_availability_counts_gaps() -> None:
    slices = availability([attempt(0, "a", 0), attempt(0, "b", 25, problem="x")], width=timedelta(seconds=10))
    assert [(s.attempted, s.served) for s in slices] == [(1, 1), (0, 0), (1, 0)]


def test_a_line_cut_short_by_the_end_is_left_out_and_damage_is_named(tmp_path: Path) -> None:
    memory = tmp_path / "users.jsonl"
    line = f'{{"user":0,"key":"a","started":"{START.isoformat()}","ended":"{START.isoformat()}","address":"x"}}\n'
    memory.write_text(line + '{"user":0,"ke')
    assert [a.key for a in read_attempts(memory)] == ["a"]
    memory.write_text('{"user":0,"ke\n' + line)
    with pytest.raises(ValueError, match=r"users\.jsonl:1"):
        read_attempts(memory)
