"""The open cursors of one session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.database.interface import Column, Direction, OracleError, Statement, StatementKind, Value
from simulator.database.net.parser import CursorBinds
from simulator.database.net.values import BindType

MAX_OPEN_CURSORS = 1000


@dataclass
class Cursor:
    """A parsed statement, how its values travel, and the rows that the client has not fetched yet."""

    id: int
    statement: Statement
    bind_types: tuple[BindType, ...] = ()
    defines: tuple[BindType, ...] | None = None
    columns: tuple[Column, ...] = ()
    rows: Sequence[Sequence[Value]] = ()
    fetched: int = 0
    held_lobs: list[bytes] = field(default_factory=list)

    def binds(self) -> CursorBinds:
        """How the binds of a re-execution travel."""
        slots = self.statement.binds
        return CursorBinds(
            types=self.bind_types,
            returning=tuple(slot.direction is Direction.RETURNING for slot in slots),
            out_only=tuple(slot.direction is Direction.OUT for slot in slots),
            plsql=self.statement.kind is StatementKind.PLSQL,
        )


class CursorTable:
    """Cursors by their number, which the client keeps and sends back."""

    def __init__(self) -> None:
        self._cursors: dict[int, Cursor] = {}
        self._last = 0

    def open(self, statement: Statement) -> Cursor:
        """A new cursor. Raises OracleError 1000 when too many are open."""
        if len(self._cursors) >= MAX_OPEN_CURSORS:
            raise OracleError(1000, "maximum open cursors exceeded")
        while self._last in self._cursors or not self._last:
            self._last = self._last % 0xFFFF + 1
        cursor = Cursor(self._last, statement)
        self._cursors[cursor.id] = cursor
        self._last = self._last % 0xFFFF + 1
        return cursor

    def get(self, number: int) -> Cursor | None:
        """The cursor, or None when it is not open."""
        return self._cursors.get(number)

    def find(self, number: int) -> Cursor:
        """The cursor. Raises OracleError 1001."""
        cursor = self._cursors.get(number)
        if cursor is None:
            raise OracleError(1001, "invalid cursor")
        return cursor

    def binds(self, number: int) -> CursorBinds | None:
        """How an open cursor's binds travel."""
        cursor = self._cursors.get(number)
        return cursor.binds() if cursor else None

    def close(self, number: int) -> Cursor | None:
        """Forget a cursor; returns it, or None when it was not open."""
        return self._cursors.pop(number, None)

    def clear(self) -> None:
        """Forget them all."""
        self._cursors.clear()
