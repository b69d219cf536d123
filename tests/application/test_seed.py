"""Seed data: the same for the same seed, and consistent with itself."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from application.seed import ALWAYS_ACTIVE, ROWS, Generator, Size, main

NOW = datetime(2026, 3, 1, 8, 25, tzinfo=UTC)


def made(seed: int, rows: int) -> dict[str, list[dict[str, Any]]]:
    """The rows by table."""
    return {table.name: found for table, found in Generator(seed, NOW, Size.of(rows)).make()}


def test_the_same_seed_makes_the_same_rows() -> None:
    assert made(7, 2000) == made(7, 2000)
    assert made(7, 2000) != made(8, 2000)


def test_it_makes_about_as_many_rows_as_asked_for() -> None:
    assert sum(map(len, made(1, ROWS).values())) == pytest.approx(ROWS, rel=0.02)


def test_balances_are_what_the_ledger_says_and_nobody_owes() -> None:
    rows = made(1, 5000)
    ledger: Counter[int] = Counter()
    for entry in rows["point_transactions"]:
        ledger[entry["user_id"]] += entry["points"]
    for user in rows["users"]:
        assert user["points_balance"] == ledger[user["id"]] >= 0
    assert all(user["status"] == "active" for user in rows["users"][:ALWAYS_ACTIVE])


def test_drawings_are_over_or_open_by_the_time_of_seeding() -> None:
    rows = made(1, 5000)
    for drawing in rows["drawings"]:
        assert (drawing["closes_at"] > NOW) == (drawing["status"] == "open")
    sold = Counter(ticket["drawing_id"] for ticket in rows["tickets"])
    assert all(drawing["tickets_sold"] == sold[drawing["id"]] for drawing in rows["drawings"])
    prizes = {prize["drawing_id"]: prize["ticket_id"] for prize in rows["prize_fulfillments"]}
    assert prizes.keys() == {d["id"] for d in rows["drawings"] if d["status"] == "completed" and sold[d["id"]]}
    owners = {ticket["id"]: ticket["drawing_id"] for ticket in rows["tickets"]}
    assert all(owners[ticket] == drawing for drawing, ticket in prizes.items())


@pytest.mark.parametrize("rows", ["0", "-5", "3000000", "many"])
def test_an_impossible_number_of_rows_is_refused(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rows", rows])
    assert ended.value.code == 2
    assert "--rows" in capsys.readouterr().err
