"""Sequence values, given out from memory.

A sequence is not part of the transaction that asks it: its value never comes back. The row that keeps it is written
with the next commit; after a crash, and on an activated standby, numbering goes on a whole cache further, as Oracle
loses the cached values.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import Catalog, Sequence


@dataclass
class _State:
    sequence: Sequence
    next: int
    saved: int


class SequenceValues:
    """The sequences of one database, by ``OWNER.NAME``."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def reload(self, connection: apsw.Connection, catalog: Catalog) -> None:
        """Take up new sequences and forget dropped ones; what is being given out goes on."""
        stored = dict(connection.execute("SELECT object_id, next FROM sequences"))
        states: dict[str, _State] = {}
        for item in catalog.items:
            if isinstance(item, Sequence):
                known = self._states.get(f"{item.owner}.{item.name}")
                if known is not None and known.sequence == item:
                    states[f"{item.owner}.{item.name}"] = known
                else:
                    states[f"{item.owner}.{item.name}"] = _fresh(item, stored)
        self._states = states

    def start_over(self, connection: apsw.Connection, catalog: Catalog) -> None:
        """Begin after all values that a process which is no more may have given out."""
        self._states.clear()
        self.reload(connection, catalog)
        for state in self._states.values():
            state.next += state.sequence.cache * state.sequence.increment

    def next(self, name: str) -> int:
        """NEXTVAL. Raises OracleError 2289 or 8004."""
        with self._lock:
            return self._next(name)

    def _next(self, name: str) -> int:
        state = self._states.get(name)
        if state is None:
            raise OracleError(2289, "sequence does not exist")
        value, sequence = state.next, state.sequence
        if not sequence.minimum <= value <= sequence.maximum:
            if not sequence.cycle:
                bound = "MAXVALUE" if value > sequence.maximum else "MINVALUE"
                raise OracleError(8004, f"sequence {sequence.name}.NEXTVAL exceeds {bound} and cannot be instantiated")
            value = sequence.minimum if sequence.increment > 0 else sequence.maximum
        state.next = value + sequence.increment
        return value

    def current(self, name: str) -> int:
        """CURRVAL: the last value given out, whoever asked for it. Raises OracleError 2289."""
        state = self._states.get(name)
        if state is None:
            raise OracleError(2289, "sequence does not exist")
        return state.next - state.sequence.increment

    def save(self, connection: apsw.Connection) -> dict[str, int]:
        """Write what was given out since, inside the caller's transaction; ``confirm`` it once that is committed."""
        written: dict[str, int] = {}
        for name, state in self._states.items():
            if state.next != state.saved:
                connection.execute(
                    "INSERT INTO sequences(object_id, next) VALUES (?, ?)"
                    " ON CONFLICT(object_id) DO UPDATE SET next = excluded.next",
                    (state.sequence.object_id, state.next),
                )
                written[name] = state.next
        return written

    def confirm(self, written: dict[str, int]) -> None:
        """The values written were committed."""
        for name, value in written.items():
            if name in self._states:
                self._states[name].saved = value


def _fresh(sequence: Sequence, stored: dict[int, int]) -> _State:
    value = stored.get(sequence.object_id, sequence.start)
    return _State(sequence, value, value)
