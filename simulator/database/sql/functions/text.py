"""SQL functions on text."""

from __future__ import annotations

import re
from collections.abc import Callable

from simulator.database.interface import OracleError
from simulator.database.sql.functions.numbers import as_number
from simulator.database.sql.types import Cell, text_of


def scalar_functions() -> dict[str, tuple[Callable[..., Cell], int]]:
    """Name → (function, number of arguments; -1 any)."""
    return {
        "ora_concat": (_concat, -1),
        "ora_substr": (_substr, -1),
        "ora_instr": (_instr, -1),
        "ora_length": (_length, 1),
        "ora_upper": (lambda v: _map(v, str.upper), 1),
        "ora_lower": (lambda v: _map(v, str.lower), 1),
        "initcap": (lambda v: _map(v, str.title), 1),
        "lpad": (_lpad, -1),
        "rpad": (_rpad, -1),
        "ora_trim": (_trim, 3),
        "ora_replace": (_replace, -1),
        "ora_translate": (_translate, 3),
        "ora_ascii": (lambda v: None if v is None else ord(_text(v)[0]), 1),
        "ora_chr": (lambda v: None if v is None else chr(int(as_number(v))), 1),
        "regexp_like": (_regexp_like, -1),
        "regexp_substr": (_regexp_substr, -1),
        "regexp_replace": (_regexp_replace, -1),
        "regexp_count": (_regexp_count, -1),
        "regexp_instr": (_regexp_instr, -1),
        "ora_cast_text": (_cast, 2),
        "ora_lob_substr": (_lob_substr, -1),
        "hextoraw": (lambda v: None if v is None else bytes.fromhex(_text(v)), 1),
        "rawtohex": (lambda v: None if v is None else _raw(v).hex().upper(), 1),
    }


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (int, float, bytes)):
        return text_of(cell)
    return ""


def _raw(cell: Cell) -> bytes:
    return cell if isinstance(cell, bytes) else _text(cell).encode()


def _map(value: Cell, change: Callable[[str], str]) -> Cell:
    return None if value is None else change(_text(value))


def _concat(*parts: Cell) -> Cell:
    return "".join(map(_text, parts)) or None


def _substr(value: Cell, start: Cell, *rest: Cell) -> Cell:
    if value is None or start is None or (rest and rest[0] is None):
        return None
    text, first = _text(value), int(as_number(start))
    begin = first - 1 if first > 0 else len(text) + first if first < 0 else 0
    if begin < 0:
        return None
    end = begin + int(as_number(rest[0])) if rest else len(text)
    return text[begin : max(end, begin)] or None


def _instr(value: Cell, part: Cell, *rest: Cell) -> Cell:
    if value is None or part is None:
        return None
    text, wanted = _text(value), _text(part)
    start = int(as_number(rest[0])) if rest else 1
    nth = int(as_number(rest[1])) if len(rest) > 1 else 1
    at = start - 1 if start > 0 else len(text) + start
    found = -1
    for _ in range(max(nth, 1)):
        found = text.find(wanted, at) if start > 0 else text.rfind(wanted, 0, at + len(wanted))
        if found < 0:
            return 0
        at = found + 1 if start > 0 else found - 1
    return found + 1


def _length(value: Cell) -> Cell:
    return None if value is None else len(_text(value))


def _pad(value: Cell, length: Cell, rest: tuple[Cell, ...]) -> tuple[str, str] | None:
    fill = rest[0] if rest else " "
    if value is None or length is None or fill is None:
        return None
    text, width, filler = _text(value), int(as_number(length)), _text(fill)
    if width <= len(text):
        return text[: max(width, 0)], ""
    missing = width - len(text)
    return text, (filler * missing)[:missing]


def _lpad(value: Cell, length: Cell, *rest: Cell) -> Cell:
    parts = _pad(value, length, rest)
    return None if parts is None else (parts[1] + parts[0]) or None


def _rpad(value: Cell, length: Cell, *rest: Cell) -> Cell:
    parts = _pad(value, length, rest)
    return None if parts is None else (parts[0] + parts[1]) or None


def _trim(value: Cell, characters: Cell, side: Cell) -> Cell:
    if value is None or characters is None:
        return None
    text, chars = _text(value), _text(characters)
    if side in ("BOTH", "LEADING"):
        text = text.lstrip(chars)
    if side in ("BOTH", "TRAILING"):
        text = text.rstrip(chars)
    return text or None


def _replace(value: Cell, old: Cell, *rest: Cell) -> Cell:
    if value is None or old is None:
        return value
    return _text(value).replace(_text(old), _text(rest[0]) if rest else "") or None


def _translate(value: Cell, old: Cell, new: Cell) -> Cell:
    if value is None or old is None or new is None:
        return None
    source, target = _text(old), _text(new)
    table = {ord(c): target[i] if i < len(target) else None for i, c in reversed(list(enumerate(source)))}
    return _text(value).translate(table) or None


def _pattern(pattern: Cell, flags: Cell = None) -> re.Pattern[str]:
    bits = 0
    for flag in _text(flags):
        bits |= {"i": re.I, "m": re.M, "n": re.S, "x": re.X, "c": 0}.get(flag, 0)
    try:
        return re.compile(_posix(_text(pattern)), bits)
    except re.error:
        raise OracleError(12726, "unmatched bracket in regular expression") from None


_CLASSES = {"alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "space": r"\s", "upper": "A-Z", "lower": "a-z",
            "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f"}  # fmt: skip


def _posix(pattern: str) -> str:
    return re.sub(r"\[:(\w+):\]", lambda m: _CLASSES.get(m[1], m[0]), pattern)


def _argument(rest: tuple[Cell, ...], index: int, default: Cell) -> Cell:
    return rest[index] if len(rest) > index else default


def _regexp_like(value: Cell, pattern: Cell, *rest: Cell) -> Cell:
    if value is None or pattern is None:
        return None
    return int(_pattern(pattern, _argument(rest, 0, None)).search(_text(value)) is not None)


def _nth_match(value: Cell, pattern: Cell, rest: tuple[Cell, ...], flags: int) -> re.Match[str] | None:
    start = int(as_number(_argument(rest, 0, 1)))
    wanted = int(as_number(_argument(rest, 1, 1)))
    matches = _pattern(pattern, _argument(rest, flags, None)).finditer(_text(value), start - 1)
    return next((m for i, m in enumerate(matches, 1) if i == wanted), None)


def _regexp_substr(value: Cell, pattern: Cell, *rest: Cell) -> Cell:
    if value is None or pattern is None:
        return None
    match = _nth_match(value, pattern, rest, 2)
    return None if match is None else match[int(as_number(_argument(rest, 3, 0)))] or None


def _regexp_instr(value: Cell, pattern: Cell, *rest: Cell) -> Cell:
    if value is None or pattern is None:
        return None
    match = _nth_match(value, pattern, rest, 3)
    return 0 if match is None else match.start() + 1


def _regexp_count(value: Cell, pattern: Cell, *rest: Cell) -> Cell:
    if value is None or pattern is None:
        return None
    start = int(as_number(_argument(rest, 0, 1)))
    return sum(1 for _ in _pattern(pattern, _argument(rest, 1, None)).finditer(_text(value), start - 1))


def _regexp_replace(value: Cell, pattern: Cell, *rest: Cell) -> Cell:
    if value is None or pattern is None:
        return value
    replacement = re.sub(r"\\(\d)", r"\\g<\1>", _text(_argument(rest, 0, None)))
    start = int(as_number(_argument(rest, 1, 1))) - 1
    nth = int(as_number(_argument(rest, 2, 0)))
    compiled = _pattern(pattern, _argument(rest, 3, None))
    text = _text(value)
    if nth == 0:
        return (text[:start] + compiled.sub(replacement, text[start:])) or None
    match = _nth_match(value, pattern, (start + 1, nth), 2)
    return value if match is None else text[: match.start()] + match.expand(replacement) + text[match.end() :] or None


def _cast(value: Cell, size: Cell) -> Cell:
    return None if value is None else _text(value)[: int(as_number(size))] or None


def _lob_substr(value: Cell, *rest: Cell) -> Cell:
    amount, offset = _argument(rest, 0, 32767), _argument(rest, 1, 1)
    return _substr(value, offset, amount)
