"""What counts as met, what a run ends with, and what the table says of it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.__main__ import main, options
from benchmarks.bench import KEYS
from benchmarks.figures import DONE, FAILED, MISSED, Figure, Goal, Verdict, exit_code
from benchmarks.table import amount, table

MET = Figure("a", "met", Goal(1.05), value=1.05)
OVER = Figure("b", "missed", Goal(180), "s", value=181.0)
UNASKED = Figure("c", "left out", Goal(1.0), why_not="not asked for")
BROKEN = Figure("d", "tried", Goal(1.0), why_not="it ended with 1", broken=True)
SAID = Figure("e", "said", None, value=12.0)


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (MET, Verdict.MET),
        (OVER, Verdict.MISSED),
        (UNASKED, Verdict.UNMEASURED),
        (BROKEN, Verdict.BROKEN),
        (SAID, Verdict.SAID),
    ],
)
def test_a_verdict_is_only_given_for_what_was_measured(figure: Figure, verdict: Verdict) -> None:
    assert figure.verdict is verdict
    assert figure.as_json()["verdict"] == verdict.value


def test_a_goal_to_reach_and_one_not_to_exceed_look_the_other_way() -> None:
    assert Goal(3.0, at_least=True).met_by(3.0)
    assert not Goal(3.0, at_least=True).met_by(2.99)
    assert not Goal(0.4).met_by(0.41)


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        ([MET, SAID, UNASKED], DONE),
        ([MET, OVER], MISSED),
        ([OVER, BROKEN], FAILED),
        ([], DONE),
    ],
)
def test_the_exit_code_is_the_worst_that_happened(figures: list[Figure], code: int) -> None:
    assert exit_code(figures) == code


def test_a_value_is_set_beside_its_goal() -> None:
    assert OVER.of_goal == pytest.approx(1.0056, abs=1e-4)
    assert UNASKED.of_goal is None
    assert SAID.of_goal is None


def test_the_table_says_what_was_not_measured_and_why() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(table([MET, OVER, UNASKED, BROKEN]))
    text = out.getvalue()
    for words in ("not asked for", "not measured", "it ended with 1", "failed", "181 s", "≤ 180 s", "1.01"):
        assert words in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "s", "–"), (0.1774, "", "0.177"), (8.214, "", "8.21"), (112.4, "s", "112 s")],
)
def test_amounts_are_as_precise_as_they_mean_something(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_cold_is_only_measured_when_asked_for() -> None:
    assert options([]).wanted == set(KEYS) - {"cold"}
    assert options(["--cold"]).wanted == set(KEYS)
    assert options(["--only", "help, status"]).wanted == {"help", "status"}


def test_a_figure_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "help,speed"])
    assert ended.value.code == 2
    assert "no such figure: speed" in capsys.readouterr().err
