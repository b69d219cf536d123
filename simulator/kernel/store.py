"""A region's state on disk: documents by kind and id in one SQLite file.

Every write is durable against the death of the process when the call (or the outermost transaction) returns: a
region that was killed starts again where it was. All access is from the event loop's thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (kind, id)
);
"""


class Store:
    """Documents as JSON objects. ``kind`` names their type; an ``id`` is unique within its kind."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.database = sqlite3.connect(path, isolation_level=None)
        # WAL with NORMAL loses nothing when the process dies; only a power cut of the host could.
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute("PRAGMA cache_size = -2000")
        self.database.executescript(_SCHEMA)
        self._depth = 0
        self._after: list[Callable[[], None]] = []

    def put(self, kind: str, id: str, doc: dict[str, Any]) -> None:  # noqa: A002 - the field's own name
        """Insert or replace; a replaced document keeps its place in the order of creation."""
        self.database.execute(
            "INSERT INTO documents (kind, id, document) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
            (kind, id, json.dumps(doc)),
        )

    def get(self, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002
        """A fresh copy of the document, or None."""
        row = self.database.execute("SELECT document FROM documents WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return None if row is None else json.loads(row[0])

    def delete(self, kind: str, id: str) -> None:  # noqa: A002
        """Forget the document; nothing happens when there is none."""
        self.database.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))

    def find(self, kind: str, **equals: object) -> list[dict[str, Any]]:
        """All documents of a kind whose top-level fields equal the given values, in the order of creation."""
        rows = self.database.execute(
            "SELECT document FROM documents WHERE kind = ? ORDER BY sequence", (kind,)
        ).fetchall()
        documents: list[dict[str, Any]] = [json.loads(row[0]) for row in rows]
        return [doc for doc in documents if all(doc.get(key) == value for key, value in equals.items())]

    def next_number(self, counter: str) -> int:
        """The next number, from 1, of a counter that survives restarts."""
        row = self.get("counter", counter)
        number = 1 if row is None else int(row["value"]) + 1
        self.put("counter", counter, {"value": number})
        return number

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All writes inside become durable together, or none when the block raises. Nests; must not await inside."""
        name = f"nested_{self._depth}"
        self.database.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT {name}")
        self._depth += 1
        promised = len(self._after)
        try:
            yield
        except BaseException:
            self._depth -= 1
            del self._after[promised:]
            if self._depth == 0:
                self.database.execute("ROLLBACK")
            else:
                self.database.execute(f"ROLLBACK TO {name}")
                self.database.execute(f"RELEASE {name}")
            raise
        self._depth -= 1
        self.database.execute("COMMIT" if self._depth == 0 else f"RELEASE {name}")
        while self._depth == 0 and self._after:
            self._after.pop(0)()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do what cannot be undone once the running transaction is durable; at once without one."""
        if self._depth == 0:
            action()
        else:
            self._after.append(action)

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self.database.close()
