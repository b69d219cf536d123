"""Figures, their goals and their verdicts. Pure: what was measured is handed in, nothing is measured here."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DONE, FAILED, MISSED = 0, 1, 5
"""Exit codes: every goal that was measured is met; a measurement did not come to its end; a goal was missed."""


class Verdict(enum.Enum):
    """What a figure is against its goal."""

    MET = "met"
    MISSED = "missed"
    SAID = "no goal"
    UNMEASURED = "not measured"
    BROKEN = "failed"


@dataclass(frozen=True)
class Goal:
    """A limit in the figure's own unit; reaching it exactly is enough."""

    limit: float
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        """Whether the value is on the right side of the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One number beside its goal.

    ``unit`` is empty for a ratio. ``rate`` says how fast the world's clock ran, or that the wall's time counts.
    Without a ``value``, ``why_not`` says why there is none; ``broken`` when it was tried and failed. ``parts`` are the
    numbers that the figure was made of.
    """

    key: str
    title: str
    goal: Goal | None
    unit: str = ""
    value: float | None = None
    rate: str = ""
    detail: str = ""
    why_not: str = ""
    broken: bool = False
    parts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def verdict(self) -> Verdict:
        """Met, missed, or why neither can be said."""
        if self.value is None:
            return Verdict.BROKEN if self.broken else Verdict.UNMEASURED
        if self.goal is None:
            return Verdict.SAID
        return Verdict.MET if self.goal.met_by(self.value) else Verdict.MISSED

    @property
    def of_goal(self) -> float | None:
        """The measured value over the goal's limit."""
        return None if self.value is None or self.goal is None else self.value / self.goal.limit

    def as_json(self) -> dict[str, Any]:
        """Everything that is known of it, for the file."""
        return {
            "key": self.key,
            "title": self.title,
            "value": self.value,
            "unit": self.unit,
            "goal": None if self.goal is None else {"limit": self.goal.limit, "at_least": self.goal.at_least},
            "of_goal": self.of_goal,
            "verdict": self.verdict.value,
            "rate": self.rate,
            "detail": self.detail,
            "why_not": self.why_not,
            "parts": dict(self.parts),
        }


def exit_code(figures: Iterable[Figure]) -> int:
    """What the whole run ends with; a measurement that failed outweighs a missed goal."""
    verdicts = {figure.verdict for figure in figures}
    if Verdict.BROKEN in verdicts:
        return FAILED
    return MISSED if Verdict.MISSED in verdicts else DONE
