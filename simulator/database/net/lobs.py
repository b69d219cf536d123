"""The large objects that a session's client holds locators of."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from simulator.database.interface import OracleError
from simulator.database.net.buffers import decoded, lb, ub
from simulator.database.net.constants import CHARSET_UTF16

LOCATOR_LENGTH = 40
CHUNK_SIZE = 8132  # bytes; what a BASICFILE LOB reports
_HEAD = b"\x00\x26\x00\x04"
_FLAG_BLOB = 0x01
_FLAG_INITIALISED = 0x08
_FLAG_TEMPORARY = 0x01  # in the fourth flag byte: the client frees such a LOB itself


@dataclass
class Lob:
    """One value; ``encoding`` is how the client writes its text (a NCLOB: UTF-16)."""

    value: str | bytes
    encoding: str = "utf-8"
    open: bool = False


class LobTable:
    """Locators and their values, for one session.

    A LOB fetched by a query stays as it was fetched (Oracle's read consistency) and is kept as long as its rows,
    and a while longer. One that the client created, or that a PL/SQL block handed out, is temporary: the client
    frees it.
    """

    def __init__(self) -> None:
        self._lobs: dict[int, Lob] = {}
        self._ids = itertools.count(1)

    def add(self, lob: Lob, *, temporary: bool) -> bytes:
        """Keep a LOB and return its locator."""
        number = next(self._ids)
        self._lobs[number] = lob
        flags = _FLAG_BLOB if isinstance(lob.value, bytes) else 0
        # The third flag byte stays 0: text then travels as UTF-8.
        head = _HEAD + bytes((flags, _FLAG_INITIALISED, 0, _FLAG_TEMPORARY if temporary else 0))
        return (head + number.to_bytes(8, "big")).ljust(LOCATOR_LENGTH, b"\0")

    def find(self, locator: bytes) -> Lob:
        """The LOB of a locator. Raises OracleError 22275 for one that is unknown or freed."""
        lob = self._lobs.get(_number(locator))
        if lob is None:
            raise OracleError(22275, "invalid LOB locator specified")
        return lob

    def forget(self, locator: bytes) -> None:
        """Drop a LOB; nothing happens when it is gone already."""
        self._lobs.pop(_number(locator), None)

    def clear(self) -> None:
        """Drop them all."""
        self._lobs.clear()

    def column_value(self, value: str | bytes | None, held: list[bytes], *, temporary: bool = False) -> bytes:
        """A LOB as a column or an out bind carries it; ``held`` collects the locators it made."""
        if value is None or (not value and not temporary):
            return b"\0"
        locator = self.add(Lob(value), temporary=temporary)
        held.append(locator)
        return ub(LOCATOR_LENGTH) + ub(len(value)) + ub(CHUNK_SIZE) + lb(locator)


def _number(locator: bytes) -> int:
    return int.from_bytes(locator[8:16], "big")


def new_temporary(kind_is_text: bool, charset: int) -> Lob:
    """An empty LOB as the client's ``createlob`` asks for it."""
    if not kind_is_text:
        return Lob(b"")
    return Lob("", encoding="utf-16-be" if charset == CHARSET_UTF16 else "utf-8")


def read(lob: Lob, offset: int, amount: int) -> bytes:
    """``amount`` characters or bytes from a 1-based offset, as the wire has them."""
    part = lob.value[offset - 1 : offset - 1 + amount]
    return part.encode(lob.encoding) if isinstance(part, str) else part


def write(lob: Lob, offset: int, data: bytes) -> None:
    """Overwrite from a 1-based offset; a gap is filled with blanks or zeros, as Oracle does."""
    start = offset - 1
    if isinstance(lob.value, str):
        text = decoded(data, lob.encoding)
        lob.value = lob.value[:start].ljust(start) + text + lob.value[start + len(text) :]
    else:
        lob.value = lob.value[:start].ljust(start, b"\0") + data + lob.value[start + len(data) :]


def trim(lob: Lob, size: int) -> None:
    """Cut to ``size`` characters or bytes. Raises OracleError 22926 when it is shorter than that."""
    if size > len(lob.value):
        raise OracleError(22926, "specified trim length is greater than current LOB value's length")
    lob.value = lob.value[:size]
