"""The page of a run: complete in itself, honest about what is missing, safe against what it quotes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from fittrack_dr.report.html import quantity, render
from tests.fittrack_dr.report.samples import sample


def test_the_page_says_it_was_a_rehearsal_and_what_was_measured() -> None:
    page = render(sample())
    assert "REHEARSAL" in page
    assert "10:12" in page
    assert "objective 4:00:00: met" in page
    assert "not measured" in page
    assert "Waived: the worker was stopped for the release" in page


def test_the_page_asks_nothing_of_anybody_and_quotes_safely() -> None:
    page = render(sample())
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "<script>" not in page


def test_a_run_with_nothing_in_it_still_renders() -> None:
    bare = replace(
        sample(),
        steps=(),
        gates=(),
        approvals=(),
        availability=(),
        moments=(),
        objectives=(),
        critical_path=(),
        figures={},
    )
    page = render(replace(bare, rehearsal=False, closed=None, succeeded=False, result="FAILED", chain_verified=False))
    assert "REHEARSAL" not in page
    assert "still open" in page
    assert "broken" in page


def test_the_json_holds_the_same_and_round_trips() -> None:
    document = json.loads(json.dumps(sample().as_json()))
    assert document["objectives"][1]["verdict"] == "not measured"
    assert document["steps"][0]["started"].endswith("+00:00")


def test_a_quantity_that_nobody_measured_is_not_zero() -> None:
    assert quantity(None, "s") == "not measured"
    assert quantity(0, "s") == "0:00"
    assert quantity(4, "writes") == "4 writes"
