"""A cursor over tokens, for the statements that are parsed by hand: DDL, session commands, PL/SQL."""

from __future__ import annotations

from simulator.database.interface import OracleError
from simulator.database.sql.lexer import Kind, Token


class TokenReader:
    """A cursor over tokens, with the small moves that hand-written parsers need."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.sql = sql
        self._tokens = tokens
        self._at = 0

    @property
    def current(self) -> Token | None:
        """The token ahead, or None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    @property
    def position(self) -> int:
        """Where the token ahead begins (the end of the text when there is none)."""
        return self.current.start if self.current is not None else len(self.sql)

    def peek(self, ahead: int = 1) -> Token | None:
        """A later token."""
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def advance(self) -> Token:
        """Take one token. Raises OracleError 900 at the end."""
        token = self.current
        if token is None:
            raise OracleError(900, "invalid SQL statement", offset=len(self.sql))
        self._at += 1
        return token

    def words(self, *words: str) -> bool:
        """Take these unquoted words in a row, or nothing."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or not token.is_word(word):
                return False
        self._at += len(words)
        return True

    def any_word(self, *words: str) -> str | None:
        """Take one of these words."""
        token = self.current
        if token is not None and token.is_word(*words):
            self._at += 1
            return token.value
        return None

    def op(self, operator: str) -> bool:
        """Take this operator, or nothing."""
        token = self.current
        if token is not None and token.is_op(operator):
            self._at += 1
            return True
        return False

    def expect(self, *words: str) -> None:
        """Take these words. Raises OracleError 905 when others stand there."""
        if not self.words(*words):
            raise OracleError(905, "missing keyword", offset=self.position)

    def expect_op(self, operator: str) -> None:
        """Take this operator. Raises OracleError 906 or 907."""
        if not self.op(operator):
            code, side = (906, "left") if operator == "(" else (907, "right")
            if operator not in "()":
                raise OracleError(900, "invalid SQL statement", offset=self.position)
            raise OracleError(code, f"missing {side} parenthesis", offset=self.position)

    def name(self) -> str:
        """Take an identifier. Raises OracleError 903."""
        token = self.current
        if token is None or token.kind not in (Kind.NAME, Kind.QUOTED):
            raise OracleError(903, "invalid table name", offset=self.position)
        if len(token.value) > 128:
            raise OracleError(972, "identifier is too long", offset=token.start)
        self._at += 1
        return token.value

    def qualified(self) -> tuple[str | None, str]:
        """Take ``[owner.]name``."""
        first = self.name()
        return (first, self.name()) if self.op(".") else (None, first)

    def number(self) -> int:
        """Take an integer with an optional sign. Raises OracleError 1722."""
        sign = -1 if self.op("-") else 1
        token = self.advance()
        if token.kind is not Kind.NUMBER or not token.value.isdigit():
            raise OracleError(1722, "invalid number", offset=token.start)
        return sign * int(token.value)

    def skip_parentheses(self) -> str:
        """Take ``( ... )``; the text inside."""
        start = self.position + 1
        self.expect_op("(")
        depth = 1
        while depth:
            token = self.advance()
            depth += token.is_op("(") - token.is_op(")")
        return self.sql[start : self._tokens[self._at - 1].start].strip()

    def names_in_parentheses(self) -> tuple[str, ...]:
        """Take ``(a, b, ...)``."""
        self.expect_op("(")
        names = [self.name()]
        while self.op(","):
            names.append(self.name())
        self.expect_op(")")
        return tuple(names)

    def finish(self) -> None:
        """Raises OracleError 922 when something is left."""
        if self.current is not None:
            raise OracleError(922, "missing or invalid option", offset=self.position)
