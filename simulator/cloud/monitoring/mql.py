"""The Monitoring Query Language: the part of it that this world's metrics need, read properly.

``metric[interval]{dimension = "value", …}.grouping().statistic()``. What the language has and this reader has not
(alarm comparisons, joins, ``percentile``, ``rate``, ``absent`` …) is refused by name: a query that is answered is
answered as it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from statistics import fmean
from typing import Final

STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "max": max,
    "min": min,
    "mean": fmean,
    "avg": fmean,
    "sum": sum,
    "count": lambda values: float(len(values)),
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_$-]*|[0-9]+(?:\.[0-9]+)?[A-Za-z]*)"""
    r"""|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<mark>=~|!=|==|<=|>=|&&|\|\||[\[\]{}().,=<>*/+-]))"""
)
_INTERVAL = re.compile(r"([1-9][0-9]*)([mhd])\Z")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_UNIT_LARGEST = {"m": 60, "h": 24, "d": 1}


class QueryError(ValueError):
    """The query is malformed or uses what is not supported; the message says which part."""


@dataclass(frozen=True)
class DimensionFilter:
    """One condition on a dimension; ``pattern`` with ``fuzzy`` is a glob in which ``*`` stands for anything."""

    name: str
    pattern: str
    fuzzy: bool = False

    def accepts(self, dimensions: Mapping[str, str]) -> bool:
        value = dimensions.get(self.name)
        if value is None:
            return False
        return fnmatchcase(value, self.pattern) if self.fuzzy else value == self.pattern


@dataclass(frozen=True)
class Query:
    """A parsed query. ``group_by`` is None when each stream stays apart, () for one stream of all."""

    metric: str
    interval: timedelta
    statistic: str
    filters: tuple[DimensionFilter, ...] = ()
    group_by: tuple[str, ...] | None = None

    def accepts(self, dimensions: Mapping[str, str]) -> bool:
        return all(condition.accepts(dimensions) for condition in self.filters)

    def aggregate(self, values: Sequence[float]) -> float:
        return float(STATISTICS[self.statistic](values))


def parse_interval(text: str) -> timedelta:
    """``1m``-``60m``, ``1h``-``24h`` or ``1d``. Raises QueryError."""
    match = _INTERVAL.match(text)
    if match is None or int(match[1]) > _UNIT_LARGEST[match[2]]:
        raise QueryError(f"interval {text!r} is not one of 1m-60m, 1h-24h, 1d")
    return timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])


def parse(text: str) -> Query:
    """Read one query. Raises QueryError with the offending part and its column."""
    return _Parser(text).query()


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str
    column: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()
            raise QueryError(f"unexpected {rest[0]!r} at column {len(text) - len(rest) + 1}")
        kind = match.lastgroup or "mark"
        value = match[kind]
        if kind == "text":
            value = re.sub(r"\\(.)", r"\1", value)
        tokens.append(_Token(kind, value, match.start(kind) + 1))
        position = match.end()
    return [*tokens, _Token("end", "the end of the query", end + 1)]


class _Parser:
    """Recursive descent over the tokens; every refusal names the token and its column."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0

    def query(self) -> Query:
        metric = self._take("word", "a metric name").value
        interval = self._interval()
        filters = self._filters() if self._peek("{") else ()
        group_by = None
        while True:
            name = self._call_name()
            if name.value in ("grouping", "groupBy"):
                group_by = self._group(name)
                continue
            self._expect(")")
            self._end_of_query()
            return Query(metric, interval, self._statistic(name), filters, group_by)

    def _interval(self) -> timedelta:
        self._expect("[")
        interval = parse_interval(self._take("word", "an interval such as 1m").value)
        self._expect("]")
        return interval

    def _filters(self) -> tuple[DimensionFilter, ...]:
        self._expect("{")
        found: list[DimensionFilter] = []
        while True:
            name = self._take("word", "a dimension name").value
            operator = self._take("mark", "= or =~")
            if operator.value not in ("=", "=~"):
                raise QueryError(f"operator {operator.value!r} at column {operator.column} is not supported in {{}}")
            value = self._take("text", "a value in double quotes").value
            found.append(DimensionFilter(name, value, operator.value == "=~"))
            if not self._peek(","):
                break
            self._next += 1
        self._expect("}")
        return tuple(found)

    def _call_name(self) -> _Token:
        self._expect(".")
        name = self._take("word", "a statistic such as max()")
        self._expect("(")
        return name

    def _group(self, name: _Token) -> tuple[str, ...]:
        names: list[str] = []
        if name.value == "groupBy":
            names.append(self._take("word", "a dimension name").value)
            while self._peek(","):
                self._next += 1
                names.append(self._take("word", "a dimension name").value)
        self._expect(")")
        return tuple(names)

    def _statistic(self, name: _Token) -> str:
        if name.value not in STATISTICS:
            known = ", ".join(f"{each}()" for each in STATISTICS)
            raise QueryError(f"statistic {name.value}() at column {name.column} is not supported; these are: {known}")
        return name.value

    def _end_of_query(self) -> None:
        token = self._tokens[self._next]
        if token.kind != "end":
            raise QueryError(f"{token.value!r} at column {token.column}: nothing after the statistic is supported")

    def _peek(self, mark: str) -> bool:
        token = self._tokens[self._next]
        return token.kind == "mark" and token.value == mark

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            token = self._tokens[self._next]
            raise QueryError(f"expected {mark!r} at column {token.column}, found {token.value!r}")
        self._next += 1

    def _take(self, kind: str, what: str) -> _Token:
        token = self._tokens[self._next]
        if token.kind != kind:
            raise QueryError(f"expected {what} at column {token.column}, found {token.value!r}")
        self._next += 1
        return token
