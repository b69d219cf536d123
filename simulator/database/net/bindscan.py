"""Which binds of a statement are RETURNING INTO binds: the client sends no values for those.

The bytes of an execute call cannot be read without knowing this, so the text is scanned here just as the driver
scans it, ahead of any parsing by the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_RETURNING = re.compile(r"\breturning\b.*\binto\b", re.IGNORECASE | re.DOTALL)
_DML = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_PLSQL = frozenset({"BEGIN", "DECLARE", "CALL"})
_CLOSING = {"[": "]", "{": "}", "<": ">", "(": ")"}
_TOKEN = re.compile(
    r"""--[^\n]*
      | /\*.*?\*/
      | [qQ]'(?P<quote>.)
      | '(?:[^']|'')*'(?P<json>\s*:)?    # a colon after a string belongs to JSON syntax, not to a bind
      | "[^"]*"
      | :\s*(?P<bind>"[^"]*"|\d+|[^\W\d][\w$\#]*)
      | (?P<word>[A-Za-z]+)
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class BindScan:
    """What the text says about how its binds travel; ``returning`` has one entry per bind, empty if none returns."""

    plsql: bool
    returning: tuple[bool, ...]


@lru_cache(maxsize=512)
def returning_binds(sql: str) -> BindScan:
    """Scan a statement for its RETURNING binds."""
    first = _FIRST_WORD.match(sql)
    word = first.group(1).upper() if first else ""
    if word not in _DML or not _RETURNING.search(sql):
        return BindScan(word in _PLSQL, ())
    return BindScan(plsql=False, returning=_scan(sql))


def _scan(sql: str) -> tuple[bool, ...]:
    flags: list[bool] = []
    seen_returning = seen_into = False
    position = 0
    while token := _TOKEN.search(sql, position):
        position = token.end()
        if token["quote"]:
            closing = _CLOSING.get(token["quote"], token["quote"]) + "'"
            end = sql.find(closing, position)
            position = len(sql) if end < 0 else end + 2
        elif token["bind"]:
            flags.append(seen_into)
        elif token["word"]:
            word = token["word"].upper()
            seen_returning = seen_returning or word == "RETURNING"
            seen_into = seen_into or (seen_returning and word == "INTO")
    return tuple(flags)
