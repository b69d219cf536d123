"""Reading and writing TTC's primitive fields.

A reader that runs out of bytes raises ``Incomplete``: a request has no end mark, so the way to know that it is
whole is that it parses.
"""

from __future__ import annotations

SHORT_LENGTH = 252  # bytes; longer values travel in chunks
CHUNK = 32767
LONG_MARK = 0xFE
ESCAPE = 0xFD


class Incomplete(Exception):  # noqa: N818 - not a failure: more bytes are on their way
    """The bytes so far end in the middle of a request."""


class ProtocolError(Exception):
    """The client sent what no client of this protocol sends; the connection is closed."""


class Reader:
    """A position in bytes received so far."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes | bytearray, position: int = 0) -> None:
        self.data = data
        self.position = position

    def u8(self) -> int:
        """One byte."""
        try:
            value = self.data[self.position]
        except IndexError:
            raise Incomplete from None
        self.position += 1
        return value

    def raw(self, count: int) -> bytes:
        """``count`` bytes as they are."""
        start = self.position
        end = start + count
        if end > len(self.data):
            raise Incomplete
        if count < 0:
            raise ProtocolError(f"a field of {count} bytes")
        self.position = end
        return bytes(self.data[start:end])

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes."""
        if self.position + count > len(self.data):
            raise Incomplete
        if count < 0:
            raise ProtocolError(f"a field of {count} bytes")
        self.position += count

    def u16(self) -> int:
        """Two bytes, big-endian."""
        return int.from_bytes(self.raw(2), "big")

    def ub(self) -> int:
        """An integer with its own length byte, whose top bit is the sign."""
        length = self.u8()
        if length == 0:
            return 0
        negative = bool(length & 0x80)
        length &= 0x7F
        if length > 8:
            raise ProtocolError(f"an integer of {length} bytes")
        value = int.from_bytes(self.raw(length), "big")
        return -value if negative else value

    def ubs(self, count: int) -> tuple[int, ...]:
        """``count`` integers."""
        return tuple(self.ub() for _ in range(count))

    def lb(self) -> bytes | None:
        """A byte string with its length, chunked when long; None for NULL."""
        length = self.u8()
        if length <= SHORT_LENGTH:
            return self.raw(length) if length else None
        if length == LONG_MARK:
            return self._chunks()
        if length == ESCAPE:  # a NULL BOOLEAN
            self.skip(1)
        return None

    def _chunks(self) -> bytes:
        spans: list[tuple[int, int]] = []  # cut only when the last chunk is there: a big value arrives in many reads
        while length := self.ub():
            spans.append((self.position, self.position + length))
            self.skip(length)
        return b"".join([bytes(self.data[start:end]) for start, end in spans])

    def lb2(self) -> bytes | None:
        """A byte string behind a second length, which says whether it is there."""
        return self.lb() if self.ub() else None

    def text2(self) -> str:
        """A UTF-8 string with two lengths; NULL is empty."""
        return decoded(self.lb2())


def decoded(data: bytes | None, encoding: str = "utf-8") -> str:
    """Text; NULL is empty. Raises ProtocolError for bytes that are none in this encoding."""
    try:
        return data.decode(encoding) if data else ""
    except UnicodeDecodeError as error:
        raise ProtocolError(f"not text: {error}") from error


_SMALL = tuple(bytes((1, value)) if value else b"\x00" for value in range(256))


def ub(value: int) -> bytes:
    """An unsigned integer with its length byte."""
    if value < 256:
        return _SMALL[value]
    length = 2 if value < 1 << 16 else 4 if value < 1 << 32 else 8
    return bytes((length,)) + value.to_bytes(length, "big")


def sb(value: int) -> bytes:
    """A signed integer with its length byte."""
    if value >= 0:
        return ub(value)
    positive = ub(-value)
    return bytes((positive[0] | 0x80,)) + positive[1:]


_LENGTHS = tuple(bytes((length,)) for length in range(SHORT_LENGTH + 1))


def lb(data: bytes) -> bytes:
    """A byte string with its length; empty is NULL, as Oracle has it."""
    length = len(data)
    if length <= SHORT_LENGTH:
        return _LENGTHS[length] + data
    parts = [b"\xfe"]
    for start in range(0, length, CHUNK):
        chunk = data[start : start + CHUNK]
        parts += (ub(len(chunk)), chunk)
    parts.append(b"\x00")
    return b"".join(parts)


def lb2(data: bytes) -> bytes:
    """A byte string behind a second length."""
    return ub(len(data)) + lb(data) if data else b"\x00"


def text2(text: str) -> bytes:
    """A UTF-8 string with two lengths."""
    return lb2(text.encode())
