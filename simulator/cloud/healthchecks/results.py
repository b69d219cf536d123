"""What the vantage points measured, on disk, for ninety days of world time as in OCI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.kernel.store import Store

KEPT_MILLISECONDS = 90 * 86400 * 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS probe_results (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    started REAL NOT NULL,
    target TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS probe_results_by_time ON probe_results (configuration, started, sequence);
"""


@dataclass(frozen=True)
class Selection:
    """Which results of one monitor or probe: times in milliseconds since the epoch, newest first unless ascending."""

    configuration: str
    not_before: float | None = None
    not_after: float | None = None
    target: str | None = None
    ascending: bool = False


class Results:
    """The results of all probes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.database.executescript(_SCHEMA)

    def add(self, results: Sequence[dict[str, Any]]) -> None:
        """Keep the results of one round and forget what is older than ninety days before its newest."""
        with self._store.transaction():
            for result in results:
                cursor = self._store.database.execute(
                    "INSERT INTO probe_results (configuration, started, target, document) VALUES (?, ?, ?, ?)",
                    (result["probeConfigurationId"], result["startTime"], result["target"], json.dumps(result)),
                )
                assert cursor.lastrowid is not None
            newest = max((result["startTime"] for result in results), default=0.0)
            self._store.database.execute("DELETE FROM probe_results WHERE started < ?", (newest - KEPT_MILLISECONDS,))

    def select(self, selection: Selection, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Results in order of their start, each with its ``key``."""
        order = "ASC" if selection.ascending else "DESC"
        rows = self._store.database.execute(
            "SELECT sequence, document FROM probe_results WHERE configuration = ? "
            "AND (? IS NULL OR started >= ?) AND (? IS NULL OR started <= ?) AND (? IS NULL OR target = ?) "
            f"ORDER BY started {order}, sequence {order} LIMIT ? OFFSET ?",
            (
                selection.configuration,
                selection.not_before,
                selection.not_before,
                selection.not_after,
                selection.not_after,
                selection.target,
                selection.target,
                limit,
                offset,
            ),
        ).fetchall()
        return [{"key": str(sequence), **json.loads(document)} for sequence, document in rows]

    def forget(self, configuration: str) -> None:
        """Drop the results of a deleted monitor."""
        self._store.database.execute("DELETE FROM probe_results WHERE configuration = ?", (configuration,))
