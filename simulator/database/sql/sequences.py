"""Sequence values, given out from memory.

A sequence is not part of the transaction that asks it: its value never comes back. The row that keeps it is written
with the next commit; after a crash, and on an activated standby, numbering goes on a whole cache further, as Oracle
loses the cached values.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import Catalog, Sequence


@dataclass
class _State:
    sequence: Sequence
    next: int
    dirty: bool = False


class SequenceValues:
    """The sequences of one database, by ``OWNER.NAME``."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

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
                    states[f"{item.owner}.{item.name}"] = _State(item, stored.get(item.object_id, item.start))
        self._states = states

    def skip_cached(self) -> None:
        """Give up the values that may have been given out by a process that is no more."""
        for state in self._states.values():
            state.next += state.sequence.cache * state.sequence.increment
            state.dirty = True

    def next(self, name: str) -> int:
        """NEXTVAL. Raises OracleError 2289 or 8004."""
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
        state.dirty = True
        return value

    def save(self, connection: apsw.Connection) -> None:
        """Write what was given out since, inside the caller's transaction."""
        for state in self._states.values():
            if state.dirty:
                connection.execute(
                    "INSERT INTO sequences(object_id, next) VALUES (?, ?)"
                    " ON CONFLICT(object_id) DO UPDATE SET next = excluded.next",
                    (state.sequence.object_id, state.next),
                )
                state.dirty = False
