"""JSON values: one canonical form for digests and signatures, and a typed reader for what comes back from a store.

Two programs that hold the same value must compute the same digest, so the canonical form is sorted, compact UTF-8
JSON in which NaN does not exist. What is read back is judged field by field: a journal is evidence, and a damaged one
has to be named, never guessed at.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar, cast

from fittrack_dr.errors import PermanentError

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
E = TypeVar("E", bound=enum.StrEnum)


class MalformedError(PermanentError):
    """A stored document is not what its kind must be; the message names the document and the field."""


def canonical(value: JSON) -> bytes:
    """The one byte string that stands for ``value``. Raises ValueError for NaN and infinities."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def timestamp(moment: datetime) -> str:
    """ISO-8601 in UTC, to the microsecond, so that equal moments are equal texts."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Document:
    """A JSON object under judgement: every getter returns the asked type or raises ``MalformedError``."""

    def __init__(self, fields: Mapping[str, JSON], where: str) -> None:
        self._fields = fields
        self.where = where

    @classmethod
    def parse(cls, data: bytes, where: str) -> Document:
        try:
            value = cast("JSON", json.loads(data))
        except ValueError as error:
            raise MalformedError(f"{where} is not JSON: {error}") from error
        return cls.of(value, where)

    @classmethod
    def of(cls, value: JSON, where: str) -> Document:
        if not isinstance(value, Mapping):
            raise MalformedError(f"{where} is not a JSON object")
        return cls(value, where)

    def value(self, name: str) -> JSON:
        if name not in self._fields:
            raise MalformedError(f"{self.where}: '{name}' is missing")
        return self._fields[name]

    def text(self, name: str) -> str:
        value = self.value(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.value(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def integer(self, name: str) -> int:
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "an integer")
        return value

    def number(self, name: str) -> float:
        value = self.value(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        return None if self.value(name) is None else self.number(name)

    def duration(self, name: str) -> timedelta:
        """A number of seconds."""
        return timedelta(seconds=self.number(name))

    def moment(self, name: str) -> datetime:
        """An ISO-8601 moment with its offset."""
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "an ISO-8601 moment") from error
        if moment.tzinfo is None:
            raise self._wrong(name, "a moment with its offset from UTC")
        return moment

    def member(self, name: str, kind: type[E]) -> E:
        """One of an enumeration's values."""
        try:
            return kind(self.text(name))
        except ValueError as error:
            raise self._wrong(name, f"one of {', '.join(item.value for item in kind)}") from error

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts")
        return tuple(str(value) for value in values)

    def mapping(self, name: str) -> Mapping[str, JSON]:
        value = self.value(name)
        if not isinstance(value, Mapping):
            raise self._wrong(name, "an object")
        return value

    def document(self, name: str) -> Document:
        return Document(self.mapping(name), f"{self.where}.{name}")

    def documents(self, name: str) -> tuple[Document, ...]:
        values = self._list(name)
        return tuple(Document.of(value, f"{self.where}.{name}[{index}]") for index, value in enumerate(values))

    def _list(self, name: str) -> Sequence[JSON]:
        value = self.value(name)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._wrong(name, "a list")
        return value

    def _wrong(self, name: str, wanted: str) -> MalformedError:
        return MalformedError(f"{self.where}: '{name}' is not {wanted}")
