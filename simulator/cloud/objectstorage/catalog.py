"""What is stored: rows in the region's store, contents as files beside it.

A content is a sequence of blobs, files that never change once they have their name; a multipart upload's object
simply takes its parts' blobs over. A row is written after its blobs are in place, and blobs are removed after the
last row that names them: a crash leaves at most blobs that nobody names, which the next start sweeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from simulator.cloud.service import FileSlice, Region, Upload

ROOM = "objectstorage"
BUCKET, UPLOAD, PART, PREAUTHENTICATED, POLICY = (
    "os.bucket",
    "os.upload",
    "os.part",
    "os.preauthenticated",
    "os.lifecycle",
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bucket, name, version)
);
CREATE INDEX IF NOT EXISTS objects_by_name ON objects (bucket, name, sequence DESC);
"""


@dataclass(frozen=True)
class Content:
    """What an upload brought: blobs as (file name, size in bytes), digests in base64, headers that a read repeats."""

    blobs: tuple[tuple[str, int], ...]
    headers: dict[str, str]
    md5: str | None = None
    multipart_md5: str | None = None


@dataclass(frozen=True)
class StoredObject:
    """One version of an object. ``blobs`` are (file name, size in bytes); times are ISO 8601, world time.

    ``archival`` is None outside the Archive tier, else Archived, Restoring or Restored.
    """

    bucket: str
    name: str
    version: str
    etag: str
    size: int
    md5: str | None
    created: str
    modified: str
    blobs: tuple[tuple[str, int], ...] = ()
    multipart_md5: str | None = None
    tier: str = "Standard"
    archival: str | None = None
    restored_until: str | None = None
    delete_marker: bool = False
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> StoredObject:
        """From its row."""
        fields = dict(document)
        fields["blobs"] = tuple((name, size) for name, size in document["blobs"])
        return cls(**fields)


class Catalog:
    """The objects of one region and the files that hold them."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._store = region.store
        self._directory = region.home / "objects"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._store.database.executescript(_SCHEMA)
        self._sweep()

    def keep(self, upload: Upload) -> tuple[str, int]:
        """Take an uploaded file over as a blob; its name and size."""
        name = self._region.new_token("blob")
        target = self._blob(name)
        target.parent.mkdir(exist_ok=True)
        upload.path.rename(target)
        return name, upload.size

    def discard(self, blobs: Iterable[tuple[str, int]]) -> None:
        """Remove blobs that no row names any more; within a transaction once it is durable."""
        for name, _ in blobs:
            self._store.after_commit(partial(self._blob(name).unlink, missing_ok=True))

    def slices(self, stored: StoredObject, offset: int, length: int) -> tuple[FileSlice, ...]:
        """Where the bytes ``offset`` to ``offset + length`` lie."""
        found: list[FileSlice] = []
        start = 0
        for name, size in stored.blobs:
            begin, end = max(offset, start), min(offset + length, start + size)
            if begin < end:
                found.append(FileSlice(self._blob(name), begin - start, end - begin))
            start += size
        return tuple(found)

    def latest(self, bucket: str, name: str) -> StoredObject | None:
        """The current version; None when there is none or it is a delete marker."""
        found = self._current_row(bucket, name)
        return None if found is None or found.delete_marker else found

    def version(self, bucket: str, name: str, version: str) -> StoredObject | None:
        """One version, delete markers included, or None."""
        row = self._store.database.execute(
            "SELECT document FROM objects WHERE bucket = ? AND name = ? AND version = ?", (bucket, name, version)
        ).fetchone()
        return None if row is None else StoredObject.from_document(json.loads(row[0]))

    def add(self, stored: StoredObject, *, keep_previous: bool) -> None:
        """Make this the object's current version; the one before is kept as a version, or removed for good."""
        current = self._current_row(stored.bucket, stored.name)
        with self._store.transaction():
            if current is not None and not keep_previous:
                self._delete_row(current)
            self._mark_latest(stored.bucket, stored.name, None)
            self._store.database.execute(
                "INSERT INTO objects (bucket, name, version, sequence, latest, document) VALUES (?, ?, ?, ?, 1, ?)",
                (
                    stored.bucket,
                    stored.name,
                    stored.version,
                    self._store.next_number("os.sequence"),
                    json.dumps(asdict(stored)),
                ),
            )
        if current is not None and not keep_previous:
            self.discard(current.blobs)

    def change(self, stored: StoredObject) -> None:
        """Rewrite one version's row: its tier, its archival state."""
        self._store.database.execute(
            "UPDATE objects SET document = ? WHERE bucket = ? AND name = ? AND version = ?",
            (json.dumps(asdict(stored)), stored.bucket, stored.name, stored.version),
        )

    def remove(self, stored: StoredObject) -> None:
        """Remove one version for good; the newest that is left becomes the current one."""
        with self._store.transaction():
            self._delete_row(stored)
            newest = self._store.database.execute(
                "SELECT version FROM objects WHERE bucket = ? AND name = ? ORDER BY sequence DESC LIMIT 1",
                (stored.bucket, stored.name),
            ).fetchone()
            if newest is not None:
                self._mark_latest(stored.bucket, stored.name, newest[0])
        self.discard(stored.blobs)

    def rename(self, stored: StoredObject, name: str, *, etag: str, modified: str) -> StoredObject:
        """Give the current version another name; what had that name is replaced. Its contents do not move."""
        renamed = replace(stored, name=name, etag=etag, modified=modified)
        with self._store.transaction():
            self._delete_row(stored)
            self.add(renamed, keep_previous=False)
        return renamed

    def scan(
        self, bucket: str, *, start: str = "", prefix: str = "", versions: bool = False
    ) -> Iterator[tuple[StoredObject, bool]]:
        """Rows from the name ``start`` on, by name and then newest first, each with whether it is the current one.

        Without ``versions`` only current versions that are no delete markers.
        """
        cursor = self._store.database.execute(
            "SELECT name, latest, document FROM objects WHERE bucket = ? AND name >= ? AND (latest = 1 OR ?) "
            "ORDER BY name, sequence DESC",
            (bucket, max(start, prefix), versions),
        )
        for name, latest, document in cursor:
            if not name.startswith(prefix):
                return
            stored = StoredObject.from_document(json.loads(document))
            if versions or not stored.delete_marker:
                yield stored, bool(latest)

    def usage(self, bucket: str) -> tuple[int, int]:
        """How many versions a bucket holds, and their bytes."""
        row = self._store.database.execute(
            "SELECT count(*), coalesce(sum(json_extract(document, '$.size')), 0) FROM objects WHERE bucket = ?",
            (bucket,),
        ).fetchone()
        return int(row[0]), int(row[1])

    def _current_row(self, bucket: str, name: str) -> StoredObject | None:
        row = self._store.database.execute(
            "SELECT document FROM objects WHERE bucket = ? AND name = ? AND latest = 1", (bucket, name)
        ).fetchone()
        return None if row is None else StoredObject.from_document(json.loads(row[0]))

    def _delete_row(self, stored: StoredObject) -> None:
        self._store.database.execute(
            "DELETE FROM objects WHERE bucket = ? AND name = ? AND version = ?",
            (stored.bucket, stored.name, stored.version),
        )

    def _mark_latest(self, bucket: str, name: str, version: str | None) -> None:
        self._store.database.execute(
            "UPDATE objects SET latest = (version IS ?) WHERE bucket = ? AND name = ?", (version, bucket, name)
        )

    def _blob(self, name: str) -> Path:
        return self._directory / name[:2] / name

    def _sweep(self) -> None:
        """Remove what a crash left: blobs that no object and no part of an upload names."""
        rows = self._store.database.execute("SELECT document FROM objects").fetchall()
        named = {name for row in rows for name, _ in json.loads(row[0])["blobs"]}
        named |= {part["blob"][0] for part in self._store.find(PART)}
        for file in self._directory.glob("*/*"):
            if file.name not in named:
                file.unlink()
        for file in (self._region.home / "uploads").glob("*.part"):
            file.unlink()


def catalog(region: Region) -> Catalog:
    """The region's catalog."""
    found: Catalog = region.rooms[ROOM]
    return found
