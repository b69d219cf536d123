"""A logical export of FitTrack's tables and its import, both through the driver: what ``expdp`` and ``impdp`` would do.

One gzip member of JSON lines: a table's header, then its rows. Times keep their microseconds, and
JSON documents go in as the text they are.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import oracledb

TABLES = ("users", "activities", "drawings", "tickets", "point_transactions", "prize_fulfillments")
"""The critical tables and the one they refer to, each after those that it refers to."""
GENERATED = frozenset({"point_transactions", "prize_fulfillments"})
"""Tables whose keys the database makes and nothing refers to: their rows get new ones, so that no sequence collides."""
BATCH = 5000

Row = Sequence[Any]


@dataclass(frozen=True)
class Database:
    """How to reach one database as its several users."""

    tns_admin: Path
    alias: str
    wallet_password: str
    passwords: Mapping[str, str]

    def connect(self, user: str) -> oracledb.Connection:
        """A session; it ends with its ``with`` block."""
        return oracledb.connect(
            user=user,
            password=self.passwords[user],
            dsn=self.alias,
            config_dir=str(self.tns_admin),
            wallet_location=str(self.tns_admin),
            wallet_password=self.wallet_password,
        )


@dataclass(frozen=True)
class Part:
    """One table's columns, lower case, and its rows."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


def read_tables(connection: oracledb.Connection) -> list[Part]:
    """All exported tables as one session sees them, whole."""
    parts: list[Part] = []
    with connection.cursor() as cursor:
        cursor.arraysize = cursor.prefetchrows = BATCH
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            columns = tuple(str(column[0]).lower() for column in cursor.description or ())
            parts.append(Part(table, columns, cursor.fetchall()))
    return parts


def write_tables(connection: oracledb.Connection, parts: Iterable[Part]) -> int:
    """Insert everything, a commit a batch; the number of rows."""
    written = 0
    with connection.cursor() as cursor:
        for part in parts:
            statement, rows = insertion(part)
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                cursor.executemany(statement, batch)
                connection.commit()
                written += len(batch)
    return written


def insertion(part: Part) -> tuple[str, list[Row]]:
    """The INSERT statement of a part and the rows to bind to it."""
    kept = [n for n, column in enumerate(part.columns) if not (column == "id" and part.table in GENERATED)]
    columns = ", ".join(part.columns[n] for n in kept)
    places = ", ".join(f":{number}" for number in range(1, len(kept) + 1))
    return f"INSERT INTO {part.table} ({columns}) VALUES ({places})", [[row[n] for n in kept] for row in part.rows]


def pack(parts: Iterable[Part]) -> bytes:
    """The export file."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for part in parts:
            header = {"table": part.table, "columns": part.columns, "rows": len(part.rows)}
            file.write(json.dumps(header).encode() + b"\n")
            for row in part.rows:
                file.write(json.dumps([_plain(value) for value in row]).encode() + b"\n")
    return buffer.getvalue()


def unpack(data: bytes) -> Iterator[Part]:
    """The parts of an export file; ValueError for one that is cut short or none at all."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while line := file.readline():
            header = json.loads(line)
            yield Part(
                header["table"],
                tuple(header["columns"]),
                [[_rich(value) for value in json.loads(file.readline())] for _ in range(header["rows"])],
            )


def _plain(value: object) -> Any:
    """A value that JSON has no form for, or that the driver decoded from JSON: under the name of what it is."""
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, dict | list):
        return {"json": json.dumps(value)}
    if isinstance(value, str | int | float | None):
        return value
    raise ValueError(f"a column of type {type(value).__name__} cannot be exported")


def _rich(value: Any) -> Any:
    """What is bound for it: a time, or the text of a JSON column."""
    if not isinstance(value, dict):
        return value
    return datetime.fromisoformat(value["time"]) if "time" in value else value["json"]
