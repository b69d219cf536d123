"""The export file gives back what was read, and the import leaves generated keys to the database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.export import Part, insertion, pack, unpack

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
USERS = Part("users", ("id", "email", "created_at"), [[1, "ada@mail.example", MOMENT], [2, None, MOMENT]])
POINTS = Part("point_transactions", ("id", "user_id", "points"), [[1_000_001, 1, 70]])


def test_an_export_holds_every_part_row_and_time() -> None:
    assert list(unpack(pack([USERS, POINTS]))) == [USERS, POINTS]


def test_a_document_goes_in_as_the_text_of_its_column() -> None:
    part = Part("activities", ("id", "detail"), [["k", {"heart_rate": 90}]])
    (back,) = unpack(pack([part]))
    assert back.rows == [["k", '{"heart_rate": 90}']]


def test_an_export_that_was_cut_short_is_refused() -> None:
    with pytest.raises((EOFError, ValueError)):
        list(unpack(pack([USERS, POINTS])[:-20]))


def test_a_value_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="type object"):
        pack([Part("users", ("id",), [[object()]])])


def test_generated_keys_are_left_out_and_others_kept() -> None:
    assert insertion(USERS) == ("INSERT INTO users (id, email, created_at) VALUES (:1, :2, :3)", USERS.rows)
    assert insertion(POINTS) == ("INSERT INTO point_transactions (user_id, points) VALUES (:1, :2)", [[1, 70]])
