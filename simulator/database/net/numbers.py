"""Oracle's NUMBER: a sign-and-exponent byte and up to twenty digits in base 100.

Digits are packed two to a byte as binary-coded decimals, then mapped byte by byte: the cheapest way in Python.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache

from simulator.database.interface import OracleError

ZERO = b"\x80"
MAX_PAIRS = 20
_NEGATIVE_END = 102
_MAX_POINT = 126  # a value is below 1e126
_MIN_POINT = -129

_PAIRS = range(100)
_NO_PAIR = 0xFF  # shows up as hexadecimal letters, which are no digits


def _table(pairs: dict[int, int]) -> bytes:
    return bytes(pairs.get(byte, _NO_PAIR) for byte in range(256))


def _bcd(pair: int) -> int:
    return pair // 10 << 4 | pair % 10


_TO_POSITIVE = _table({_bcd(pair): pair + 1 for pair in _PAIRS})
_TO_NEGATIVE = _table({_bcd(pair): 101 - pair for pair in _PAIRS})
_FROM_POSITIVE = _table({pair + 1: _bcd(pair) for pair in _PAIRS})
_FROM_NEGATIVE = _table({101 - pair: _bcd(pair) for pair in _PAIRS})


def encode_number(value: Decimal | float) -> bytes:
    """The bytes of a NUMBER without their length; more than 38 digits or so are rounded half up.

    A float is taken for the shortest text that means it, as the driver does. Raises OracleError 1426 for what a
    NUMBER cannot hold: infinities, NaN, 1e126 and above.
    """
    if isinstance(value, int):
        return _encode_integer(int(value))
    if not math.isfinite(value):
        raise OracleError(1426, "numeric overflow")
    text = repr(value) if isinstance(value, float) else str(value)
    negative = text[0] == "-"
    mantissa, _, exponent = text.lstrip("-").upper().partition("E")
    whole, _, fraction = mantissa.partition(".")
    return _encode_digits(whole + fraction, len(whole) + int(exponent or 0), negative=negative)


@lru_cache(maxsize=8192)
def _encode_integer(value: int) -> bytes:
    text = str(abs(value))
    return _encode_digits(text, len(text), negative=value < 0)


def _encode_digits(digits: str, point: int, *, negative: bool) -> bytes:
    """``digits`` with the decimal point after ``point`` of them."""
    significant = digits.lstrip("0")
    point -= len(digits) - len(significant)
    significant, point = _fit(significant.rstrip("0"), point)
    if not significant or point < _MIN_POINT:
        return ZERO
    if point > _MAX_POINT:
        raise OracleError(1426, "numeric overflow")
    if point % 2:
        significant = "0" + significant
        point += 1
    if len(significant) % 2:
        significant += "0"
    pairs = bytes.fromhex(significant)
    exponent = point // 2 + 192
    if not negative:
        return bytes((exponent & 255,)) + pairs.translate(_TO_POSITIVE)
    mantissa = bytes((~exponent & 255,)) + pairs.translate(_TO_NEGATIVE)
    return mantissa if len(pairs) == MAX_PAIRS else mantissa + bytes((_NEGATIVE_END,))


def _fit(significant: str, point: int) -> tuple[str, int]:
    """Round to what twenty pairs hold: 40 digits, or 39 when the first pair has one."""
    room = 2 * MAX_PAIRS - point % 2
    if len(significant) <= room:
        return significant, point
    rounded = str(int(significant[:room]) + (significant[room] >= "5"))
    return rounded.rstrip("0"), point + len(rounded) - room


def decode_number(data: bytes) -> int | Decimal:
    """An int where the value is whole, else a Decimal: exact both ways. Raises ValueError for bytes that are none."""
    positive = data[0] & 0x80
    if len(data) == 1:
        return 0 if positive else -(10**126)
    if positive:
        exponent = data[0] - 193
        pairs = data[1:].translate(_FROM_POSITIVE)
    else:
        exponent = (~data[0] & 255) - 193
        pairs = (data[1:-1] if data[-1] == _NEGATIVE_END else data[1:]).translate(_FROM_NEGATIVE)
    mantissa = int(pairs.hex()) if positive else -int(pairs.hex())
    shift = 2 * (exponent - len(pairs) + 1)
    if shift >= 0:
        return mantissa * 10**shift
    if mantissa % 10**-shift == 0:
        return mantissa // 10**-shift
    while mantissa % 10 == 0:
        mantissa //= 10
        shift += 1
    return Decimal(f"{mantissa}E{shift}")  # from text: exact whatever the ambient decimal context
