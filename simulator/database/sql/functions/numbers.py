"""SQL functions on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from simulator.database.interface import OracleError
from simulator.database.sql.types import Cell, number_cell, parse_number

_Number = int | float


def scalar_functions() -> dict[str, tuple[Callable[..., Cell], int]]:
    """Name → (function, number of arguments; -1 any)."""
    return {
        "ora_div": (_divide, 2),
        "ora_mod": (_mod, 2),
        "ora_round": (_round, -1),
        "ora_trunc": (_trunc, -1),
        "ora_power": (_power, 2),
        "ora_to_number": (_to_number, -1),
        "ora_bitand": (_bitand, 2),
    }


def as_number(cell: Cell) -> _Number:
    """A cell used as a number. Raises OracleError 1722 or 932."""
    if isinstance(cell, (int, float)):
        return cell
    if isinstance(cell, str):
        return parse_number(cell)
    raise OracleError(932, "inconsistent datatypes: expected NUMBER")


def _decimal(value: _Number) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")


def _divide(left: Cell, right: Cell) -> Cell:
    if left is None or right is None:
        return None
    dividend, divisor = as_number(left), as_number(right)
    if divisor == 0:
        raise OracleError(1476, "divisor is equal to zero")
    if isinstance(dividend, int) and isinstance(divisor, int) and dividend % divisor == 0:
        return dividend // divisor
    return dividend / divisor


def _mod(left: Cell, right: Cell) -> Cell:
    if left is None or right is None:
        return None
    dividend, divisor = as_number(left), as_number(right)
    if divisor == 0:
        return dividend
    if isinstance(dividend, int) and isinstance(divisor, int):
        return int(math.copysign(abs(dividend) % abs(divisor), dividend))
    return math.fmod(dividend, divisor)


def _round(value: Cell, *rest: Cell) -> Cell:
    return _quantize(value, rest, ROUND_HALF_UP)


def _trunc(value: Cell, *rest: Cell) -> Cell:
    return _quantize(value, rest, ROUND_DOWN)


def _quantize(value: Cell, rest: tuple[Cell, ...], rounding: str) -> Cell:
    if value is None or (rest and rest[0] is None):
        return None
    digits = int(as_number(rest[0])) if rest else 0
    exact = _decimal(as_number(value))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=rounding)
    return number_cell(rounded)


def _power(base: Cell, exponent: Cell) -> Cell:
    if base is None or exponent is None:
        return None
    result = as_number(base) ** as_number(exponent)
    if isinstance(result, complex):
        raise OracleError(1428, "argument is out of range")
    return number_cell(Decimal(result)) if isinstance(result, int) else float(result)


def _bitand(left: Cell, right: Cell) -> Cell:
    return None if left is None or right is None else int(as_number(left)) & int(as_number(right))


def _to_number(value: Cell, *rest: Cell) -> Cell:
    if value is None:
        return None
    if isinstance(value, str) and rest and rest[0] is not None:
        value = value.replace(",", "").replace("$", "")
    number = as_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else number


def format_number(value: _Number, mask: str) -> str:
    """TO_CHAR(number, mask) for 9, 0, comma, point, $, FM, MI, S, and D, G. Raises OracleError 1481."""
    picture = mask.upper()
    fill = not picture.startswith("FM")
    picture = picture.removeprefix("FM").replace("D", ".").replace("G", ",")
    signed = picture.startswith("S")
    trailing_minus = picture.endswith("MI")
    dollar = "$" in picture
    picture = picture.removeprefix("S").removesuffix("MI").replace("$", "")
    if picture == "TM9" or picture.strip("90,.") or picture.count(".") > 1:
        raise OracleError(1481, "invalid number format model")
    whole, _, fraction = picture.partition(".")
    exact = _decimal(value).quantize(Decimal(1).scaleb(-len(fraction)), rounding=ROUND_HALF_UP)
    digits, _, decimals = f"{abs(exact):f}".partition(".")
    places = sum(c in "90" for c in whole)
    if digits == "0" and "0" not in whole and fraction:
        digits = ""
    if len(digits) > places:
        return "#" * (len(mask) + 1)
    body = _into_picture(digits, whole)
    text = ("$" if dollar else "") + body.lstrip() + (("." + decimals) if fraction else "")
    negative = exact < 0
    if trailing_minus:
        text += "-" if negative else " " if fill else ""
    elif signed or negative:
        text = ("-" if negative else "+") + text
    width = len(picture) + 1 + (1 if dollar else 0)
    return text.rjust(width) if fill else text


def _into_picture(digits: str, whole: str) -> str:
    """The integer digits laid into the picture from the right, with its commas and leading zeros."""
    first_zero = whole.find("0")
    out: list[str] = []
    rest = list(digits)
    for index in range(len(whole) - 1, -1, -1):
        mark = whole[index]
        if mark == ",":
            out.append("," if rest or (0 <= first_zero < index) else " ")
        elif rest:
            out.append(rest.pop())
        else:
            out.append("0" if 0 <= first_zero <= index else " ")
    return "".join(reversed(out))
