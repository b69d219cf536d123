"""Aggregates that SQLite lacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from simulator.database.sql.functions.numbers import as_number
from simulator.database.sql.types import Cell


class _Values:
    """Collects the numbers of a group or window frame."""

    def __init__(self, result: Callable[[list[float]], Cell]) -> None:
        self._values: Counter[float] = Counter()
        self._result = result

    def step(self, value: Cell, *_: Cell) -> None:
        if value is not None:
            self._values[as_number(value)] += 1

    def inverse(self, value: Cell, *_: Cell) -> None:
        if value is not None:
            self._values[as_number(value)] -= 1

    def value(self) -> Cell:
        return self._result(sorted(self._values.elements()))

    final = value


def _median(values: list[float]) -> Cell:
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _variance(values: list[float], *, population: bool) -> float | None:
    count = len(values)
    if count == 0 or (count == 1 and not population):
        return 0.0 if count == 1 else None
    mean = math.fsum(values) / count
    return math.fsum((v - mean) ** 2 for v in values) / (count if population else count - 1)


def _deviation(values: list[float], *, population: bool) -> Cell:
    variance = _variance(values, population=population)
    return None if variance is None else math.sqrt(variance)


def _window(result: Callable[[list[float]], Cell]) -> Callable[[], _Values]:
    return lambda: _Values(result)


AGGREGATES: dict[str, Callable[[], _Values]] = {
    "ora_median": _window(_median),
    "stddev": _window(lambda v: _deviation(v, population=False)),
    "stddev_samp": _window(lambda v: _deviation(v, population=False)),
    "stddev_pop": _window(lambda v: _deviation(v, population=True)),
    "variance": _window(lambda v: _variance(v, population=False)),
    "var_pop": _window(lambda v: _variance(v, population=True)),
}
