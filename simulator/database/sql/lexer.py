"""Tokens of Oracle SQL and PL/SQL.

The statement's first word decides who handles it, binds are found exactly as the thin driver finds them (never inside
strings, quoted names or comments), and DDL and PL/SQL are parsed from these tokens. Only queries and DML go on to
sqlglot.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from simulator.database.interface import OracleError


class Kind(enum.Enum):
    """What a token is; ``NAME`` is unquoted, ``QUOTED`` was in double quotes."""

    NAME = "name"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    BIND = "bind"
    OP = "op"


@dataclass(frozen=True)
class Token:
    """One token: ``value`` is the upper-case name, the unquoted text, the bind's name or the operator itself."""

    kind: Kind
    value: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these unquoted words."""
        return self.kind is Kind.NAME and self.value in words

    def is_op(self, *operators: str) -> bool:
        """Whether this is one of these operators."""
        return self.kind is Kind.OP and self.value in operators


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<qstring>[nN]?[qQ]')
  | (?P<string>[nN]?'(?:[^']|'')*')
  | (?P<quoted>"[^"]+")
  | (?P<number>\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<bind>:\s*(?:"[^"]+"|[A-Za-z_][\w$\#]*|\d+))
  | (?P<name>[^\W\d][\w$\#]*)
  | (?P<op>:=|=>|\|\||<=|>=|<>|!=|\^=|\.\.|\*\*|[-+*/%(),.;<>=@:?\[\]{}!^~&|])
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"[": "]", "{": "}", "(": ")", "<": ">"}


def tokenize(sql: str) -> list[Token]:
    """The tokens of a text. Raises OracleError 911, 1740 or 1756 at what no token can begin with."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise _invalid(sql, position)
        end = match.end()
        group = match.lastgroup
        text = match.group()
        if group == "qstring":
            end, text = _alternative_string(sql, match.end())
            tokens.append(Token(Kind.STRING, text, position, end))
        elif group is not None and group != "space":
            tokens.append(_token(group, text, position, end))
        position = end
    return tokens


def _token(group: str, text: str, start: int, end: int) -> Token:
    match group:
        case "string":
            return Token(Kind.STRING, text[text.index("'") + 1 : -1].replace("''", "'"), start, end)
        case "quoted":
            return Token(Kind.QUOTED, text[1:-1], start, end)
        case "bind":
            name = text[1:].strip()
            return Token(Kind.BIND, name[1:-1] if name.startswith('"') else name.upper(), start, end)
        case "name":
            return Token(Kind.NAME, text.upper(), start, end)
        case "number":
            return Token(Kind.NUMBER, text, start, end)
        case _:
            return Token(Kind.OP, text, start, end)


def _alternative_string(sql: str, position: int) -> tuple[int, str]:
    if position >= len(sql):
        raise OracleError(1756, "quoted string not properly terminated", offset=position)
    closing = _CLOSING.get(sql[position], sql[position]) + "'"
    end = sql.find(closing, position + 1)
    if end < 0:
        raise OracleError(1756, "quoted string not properly terminated", offset=position)
    return end + 2, sql[position + 1 : end]


def _invalid(sql: str, position: int) -> OracleError:
    if sql[position] == "'":
        return OracleError(1756, "quoted string not properly terminated", offset=position)
    if sql[position] == '"':
        return OracleError(1740, "missing double quote in identifier", offset=position)
    return OracleError(911, "invalid character", offset=position)


def bind_names(tokens: list[Token]) -> list[str]:
    """The binds in order of occurrence, repeated as often as they occur."""
    return [token.value for token in tokens if token.kind is Kind.BIND]


def replace_binds(sql: str, tokens: list[Token]) -> str:
    """The text with the i-th bind (from 0) named ``:B<i>``, a form that every later parser understands."""
    parts: list[str] = []
    last = 0
    for place, token in enumerate(_binds(tokens)):
        parts += (sql[last : token.start], _placeholder(place))
        last = token.end
    parts.append(sql[last:])
    return "".join(parts)


def original_offset(tokens: list[Token], offset: int) -> int:
    """Where a position of the text with replaced binds is in the text as it came."""
    longer = 0
    for place, token in enumerate(_binds(tokens)):
        if token.start + longer >= offset:
            break
        longer += len(_placeholder(place)) - (token.end - token.start)
    return max(offset - longer, 0)


def _binds(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if token.kind is Kind.BIND]


def _placeholder(place: int) -> str:
    return f":B{place} "  # the blank ends the name: a number may be followed by a word at once
