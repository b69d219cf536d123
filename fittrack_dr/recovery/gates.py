"""Gates: a measured value against a limit, where a value that nobody could measure never passes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from fittrack_dr.recovery.fields import Flag, Section, Text, refuse
from fittrack_dr.recovery.quantities import describe_duration, parse_duration


class Unit(enum.StrEnum):
    """Units of a gate's value and limit."""

    SECONDS = "s"
    COUNT = "count"


class Bound(enum.StrEnum):
    """Which side of the limit is safe."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"


@dataclass(frozen=True)
class Measure:
    """What a gate of that name measures in, which bound makes it safe, and whether anybody may insist against it."""

    unit: Unit
    bound: Bound
    waivable: bool


#: Every gate the procedures ask for. What cannot be waived holds up an invariant: one primary, and a name that
#: points only at what is ready.
GATES: Mapping[str, Measure] = MappingProxyType(
    {
        "region-lost": Measure(Unit.COUNT, Bound.AT_MOST, waivable=False),
        "own-network": Measure(Unit.COUNT, Bound.AT_LEAST, waivable=False),
        "vantage-points": Measure(Unit.COUNT, Bound.AT_LEAST, waivable=True),
        "peer-lag": Measure(Unit.SECONDS, Bound.AT_MOST, waivable=True),
        "peer-lag-age": Measure(Unit.SECONDS, Bound.AT_MOST, waivable=True),
        "application-ready": Measure(Unit.COUNT, Bound.AT_LEAST, waivable=False),
        "critical-tables": Measure(Unit.COUNT, Bound.AT_MOST, waivable=True),
        "last-heartbeat": Measure(Unit.SECONDS, Bound.AT_MOST, waivable=True),
    }
)


def _limit(value: object) -> object:
    if isinstance(value, timedelta) or value is None:
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise refuse(f"{error}, or a count like 2") from error
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refuse(f"{value!r} is no limit; write a duration like 15m, or a count like 2")
    return value


Limit = Annotated[timedelta | int | None, BeforeValidator(_limit)]


class Gate(Section):
    """One limit: ``at_most`` or ``at_least``. A gate that is not ``waivable`` stops whoever insists.

    A limit written as a duration measures seconds of world time, a bare number counts.
    """

    measures: Text
    at_most: Limit = None
    at_least: Limit = None
    waivable: Flag

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise refuse("needs one limit; give either at_most or at_least")
        return self

    @property
    def bound(self) -> Bound:
        """Which of the two limits was given."""
        return Bound.AT_MOST if self.at_least is None else Bound.AT_LEAST

    @property
    def _written(self) -> timedelta | int:
        written = self.at_most if self.at_least is None else self.at_least
        assert written is not None  # exactly one is given, see _one_bound
        return written

    @property
    def limit(self) -> float:
        """The limit in ``unit``."""
        return self._written.total_seconds() if isinstance(self._written, timedelta) else float(self._written)

    @property
    def unit(self) -> Unit:
        """Seconds for a duration, else a count."""
        return Unit.SECONDS if isinstance(self._written, timedelta) else Unit.COUNT

    def passes(self, value: float | None) -> bool:
        """Whether ``value`` (in ``unit``) is within the limit; None, which means unknown, never is."""
        if value is None:
            return False
        return value <= self.limit if self.bound is Bound.AT_MOST else value >= self.limit

    def describe(self) -> str:
        """The limit in words: ``at most 15m``, ``at least 2``."""
        written = self._written
        amount = describe_duration(written) if isinstance(written, timedelta) else str(written)
        return f"{self.bound.replace('_', ' ')} {amount}"
