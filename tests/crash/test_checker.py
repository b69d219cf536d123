"""The crash tests' checker is itself shown to catch what it is there for, in the journal and in the world."""

from __future__ import annotations

import pytest

from tests.crash.checker import Facts, problems
from tests.fittrack_dr.domain.journals import NEW, VALID, chain, index, upto, without


def facts(*, dark: bool = True, promotions: int = 1, serving: bool = True) -> Facts:
    """What the world of the valid journal did, or nearly."""
    seen = Facts()
    seen.fence_read(dark=dark)
    for _ in range(promotions):
        seen.destroyed(f"promote {NEW}")
    seen.pointed(NEW, serving=serving)
    return seen


def test_a_valid_run_has_no_problems() -> None:
    assert problems(chain(VALID), facts()) == ()


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (facts(dark=False), "second-primary"),
        (facts(promotions=2), "twice"),
        (facts(serving=False), "name-at-nothing"),
        (facts(promotions=0), "untrue"),
    ],
)
def test_what_the_world_did_against_the_rules_is_caught(seen: Facts, problem: str) -> None:
    assert [found.split(":")[0] for found in problems(chain(VALID), seen)] == [problem]


def test_what_no_intent_announced_is_caught() -> None:
    found = problems(chain(upto("intent", "promote")), facts())
    assert any(problem.startswith("unannounced") for problem in found)


def test_a_run_that_just_stops_is_caught() -> None:
    found = problems(chain(VALID[: index("closed")]), facts())
    assert [problem.split(":")[0] for problem in found] == ["silent"]


def test_a_broken_invariant_is_caught() -> None:
    assert any(problem.startswith("one-primary") for problem in problems(chain(without("result", "fence")), facts()))
