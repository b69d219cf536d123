"""Oracle's NUMBER: a sign-and-exponent byte and up to twenty digits in base 100."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from simulator.database.interface import OracleError

ZERO = b"\x80"
MAX_PAIRS = 20
_NEGATIVE_END = 102
_MAX_POINT = 126  # a value is below 1e126
_MIN_POINT = -129


def encode_number(value: Decimal | float) -> bytes:
    """The bytes of a NUMBER without their length; more than 38 digits or so are rounded half up.

    Raises OracleError 1426 for what a NUMBER cannot hold: infinities, NaN, 1e126 and above.
    """
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 63:
            return _encode_integer(int(value))
        value = Decimal(value)
    elif isinstance(value, float):
        value = Decimal(repr(value))  # the shortest text that means this float, as the driver writes it
    if not value.is_finite():
        raise OracleError(1426, "numeric overflow")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return _encode_digits(sign == 1, "".join(map(str, digits)), len(digits) + exponent)


@lru_cache(maxsize=8192)
def _encode_integer(value: int) -> bytes:
    text = str(abs(value))
    return _encode_digits(value < 0, text, len(text))


def _encode_digits(negative: bool, digits: str, point: int) -> bytes:
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
    pairs = [int(significant[i : i + 2]) for i in range(0, len(significant), 2)]
    exponent = point // 2 + 192
    if not negative:
        return bytes((exponent & 255, *(pair + 1 for pair in pairs)))
    mantissa = bytes((~exponent & 255, *(101 - pair for pair in pairs)))
    return mantissa if len(pairs) == MAX_PAIRS else mantissa + bytes((_NEGATIVE_END,))


def _fit(significant: str, point: int) -> tuple[str, int]:
    """Round to what twenty pairs hold: 40 digits, or 39 when the first pair has one."""
    room = 2 * MAX_PAIRS - point % 2
    if len(significant) <= room:
        return significant, point
    kept = int(significant[:room]) + (significant[room] >= "5")
    rounded = str(kept)
    return rounded.rstrip("0"), point + len(rounded) - room


def decode_number(data: bytes) -> int | Decimal:
    """An int where the value is whole, else a Decimal: exact both ways."""
    positive = data[0] & 0x80
    if len(data) == 1:
        return 0 if positive else -(10**126)
    exponent = (data[0] if positive else ~data[0] & 255) - 193
    if positive:
        pairs = [byte - 1 for byte in data[1:]]
    else:
        end = len(data) - 1 if data[-1] == _NEGATIVE_END else len(data)
        pairs = [101 - byte for byte in data[1:end]]
    mantissa = int("".join(f"{pair:02d}" for pair in pairs))
    shift = 2 * (exponent - len(pairs) + 1)
    if not positive:
        mantissa = -mantissa
    if shift >= 0:
        return mantissa * 10**shift
    if mantissa % 10**-shift == 0:
        return mantissa // 10**-shift
    while mantissa % 10 == 0:
        mantissa //= 10
        shift += 1
    return Decimal(f"{mantissa}E{shift}")  # from text: exact whatever the ambient decimal context
