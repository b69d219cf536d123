"""What the API accepts: bodies checked into typed values, every problem of a body named at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from application.ledger import LONGEST_ACTIVITY_MINUTES, POINTS_PER_MINUTE, Activity

_LARGEST_BODY = 16 * 1024
_LONGEST_KEY = 36
_LONGEST_DETAIL = 2000


class RequestError(Exception):
    """The request cannot be understood; ``problems`` names each member at fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Purchase:
    """A ticket that a user wants to buy; ``key`` is the client's own."""

    key: str
    user_id: int
    drawing_id: int


class _Body:
    def __init__(self, raw: bytes) -> None:
        if len(raw) > _LARGEST_BODY:
            raise RequestError([f"body: larger than {_LARGEST_BODY} bytes"])
        try:
            document = json.loads(raw)
        except ValueError as error:
            raise RequestError(["body: not JSON"]) from error
        if not isinstance(document, dict):
            raise RequestError(["body: not a JSON object"])
        self._members = cast("dict[str, Any]", document)
        self.problems: list[str] = []

    def key(self) -> str:
        value = self._members.get("key")
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_KEY or not value.isascii():
            self.problems.append(f"key: give 1 to {_LONGEST_KEY} ASCII characters, the same in every repetition")
            return ""
        return value

    def whole(self, name: str, *, low: int, high: int) -> int:
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.problems.append(f"{name}: give a whole number from {low} to {high}")
            return low
        return value

    def choice(self, name: str, choices: Mapping[str, int]) -> str:
        value = self._members.get(name)
        if not isinstance(value, str) or value not in choices:
            self.problems.append(f"{name}: give one of {', '.join(choices)}")
            return next(iter(choices))
        return value

    def detail(self) -> Mapping[str, Any]:
        value = self._members.get("detail", {})
        if not isinstance(value, dict) or len(json.dumps(value)) > _LONGEST_DETAIL:
            self.problems.append(f"detail: give a JSON object of at most {_LONGEST_DETAIL} characters")
            return {}
        return cast("dict[str, Any]", value)

    def finish(self) -> None:
        if self.problems:
            raise RequestError(self.problems)


_LARGEST_ID = 10**12


def read_activity(raw: bytes) -> Activity:
    """Raises RequestError."""
    body = _Body(raw)
    activity = Activity(
        key=body.key(),
        user_id=body.whole("user_id", low=1, high=_LARGEST_ID),
        kind=body.choice("kind", POINTS_PER_MINUTE),
        minutes=body.whole("minutes", low=1, high=LONGEST_ACTIVITY_MINUTES),
        detail=body.detail(),
    )
    body.finish()
    return activity


def read_purchase(raw: bytes) -> Purchase:
    """Raises RequestError."""
    body = _Body(raw)
    purchase = Purchase(
        key=body.key(),
        user_id=body.whole("user_id", low=1, high=_LARGEST_ID),
        drawing_id=body.whole("drawing_id", low=1, high=_LARGEST_ID),
    )
    body.finish()
    return purchase
