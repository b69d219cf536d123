"""The past of a table: AS OF queries and FLASHBACK TABLE read it from images.

An image is a file with one table as it was at an SCN: the present rows, with every later transaction undone. It is
made from the redo log alone, cached, and attached to the connection that asks.
"""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from simulator.database import redo
from simulator.database.interface import OracleError
from simulator.database.redo import DdlPayload
from simulator.database.sql.catalog import Catalog, Table
from simulator.database.sql.ddl import physical
from simulator.database.sql.types import Cell, is_stamp, to_stamp

_CACHED: Final = 8


@dataclasses.dataclass(frozen=True)
class Image:
    """One table at one SCN; ``schema`` is the name under which it is attached."""

    schema: str
    path: Path


class PastImages:
    """The images of one database; any thread may ask."""

    def __init__(self, database: Path, folder: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._folder = folder
        self._images: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self._made = 0
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all images: a definition changed, the log was rewound, or the process starts."""
        with self._lock:
            self._images.clear()
            shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, connection: apsw.Connection, catalog: Catalog, table: Table, scn: int) -> Image:
        """The image of a table, readable on a connection. Raises OracleError 1466 when its definition changed since."""
        with self._lock:
            image = self._image(catalog, table, scn)
            self._attach(connection, image)
            return image

    def _image(self, catalog: Catalog, table: Table, scn: int) -> Image:
        key = (table.object_id, scn)
        found = self._images.get(key)
        if found is not None:
            self._images.move_to_end(key)
            return found
        self._folder.mkdir(exist_ok=True)
        self._made += 1
        image = Image(f"past{self._made}", self._folder / f"{self._made}.db")
        connection = apsw.Connection(str(image.path))
        try:
            connection.pragma("journal_mode", "OFF")
            connection.pragma("synchronous", "OFF")
            self._fill(connection, catalog, table, scn)
        finally:
            connection.close()
        self._images[key] = image
        while len(self._images) > _CACHED:
            # An attached file may go on being read after its name is gone.
            self._images.popitem(last=False)[1].path.unlink(missing_ok=True)
        return image

    def resolve(self, connection: apsw.Connection, kind: str, value: Cell) -> int:
        """The SCN that ``AS OF kind value`` means. Raises OracleError 8180, 8181, 8186."""
        if kind == "SCN":
            return check_scn(connection, value)
        return scn_of_time(connection, value, self._now())

    @staticmethod
    def _attach(connection: apsw.Connection, image: Image) -> None:
        """Make an image readable on a connection; older ones are let go once no transaction can be reading them."""
        attached = {row[1] for row in connection.execute("PRAGMA database_list") if row[1].startswith("past")}
        if image.schema in attached:
            return
        if not connection.in_transaction and len(attached) > _CACHED:
            for schema in attached:
                connection.execute(f"DETACH {schema}")
        uri = f"{image.path.absolute().as_uri()}?mode=ro&immutable=1"
        connection.execute(f"ATTACH {physical.text_literal(uri)} AS {image.schema}")

    def _fill(self, connection: apsw.Connection, catalog: Catalog, table: Table, scn: int) -> None:
        bare = _bare(table)
        name = physical.quote(table.physical)
        connection.execute(f"ATTACH {physical.text_literal(str(self._database))} AS live")
        connection.execute("BEGIN")
        connection.execute(physical.create_table(catalog, bare))
        columns = [physical.quote(c.name) for c in table.columns]
        listed = ", ".join(columns if table.rowid_column else ["rowid", *columns])
        connection.execute(f"INSERT INTO main.{name} ({listed}) SELECT {listed} FROM live.{name}")
        later: list[tuple[int, str, bytes]] = connection.execute(  # pyright: ignore[reportAssignmentType]
            "SELECT scn, kind, payload FROM live.redo WHERE scn > ? AND instr(payload, CAST(? AS BLOB))"
            " ORDER BY scn DESC",
            (scn, table.physical),
        ).fetchall()
        for later_scn, kind, payload in later:
            _undo(connection, table, later_scn, kind, payload)
        connection.execute("COMMIT")
        connection.execute("DETACH live")


def _bare(table: Table) -> Table:
    """The table with its rows' shape only: what is undone passes through states that no constraint allows."""
    columns = tuple(
        dataclasses.replace(c, default=None, nullable=True) if c.name != table.rowid_column else c
        for c in table.columns
    )
    return dataclasses.replace(table, columns=columns, constraints=tuple(c for c in table.constraints if c.kind == "P"))


def _undo(connection: apsw.Connection, table: Table, scn: int, kind: str, payload: bytes) -> None:
    changeset = payload
    if kind == redo.DDL:
        ddl = DdlPayload.unpack(payload)
        quoted = physical.quote(table.physical)
        if any(quoted in statement and not _is_index(statement) for statement in ddl.statements):
            raise OracleError(1466, "unable to read data - table definition has changed")
        changeset = ddl.changeset
    if changeset:
        redo.apply_changeset(connection, changeset, scn, invert=True, only=table.physical)


def _is_index(statement: str) -> bool:
    return statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))


def scn_of_time(connection: apsw.Connection, moment: Cell, now: datetime) -> int:
    """The SCN that was current at a time. Raises OracleError 8180, 8186 or 932."""
    if moment is None:
        raise OracleError(8186, "invalid timestamp specified")
    if not is_stamp(moment):
        raise OracleError(932, "inconsistent datatypes: expected TIMESTAMP")
    if str(moment) > to_stamp(now):
        raise OracleError(8186, "invalid timestamp specified")
    scn = connection.execute("SELECT max(scn) FROM redo WHERE time <= ?", (str(moment),)).get
    if scn is None:
        raise OracleError(8180, "no snapshot found based on specified time")
    return int(scn)


def check_scn(connection: apsw.Connection, scn: Cell) -> int:
    """An SCN that exists. Raises OracleError 8181."""
    first, last = connection.execute("SELECT min(scn), max(scn) FROM redo").get
    if not isinstance(scn, (int, float)) or int(scn) != scn or not first <= scn <= last:
        raise OracleError(8181, "specified number is not a valid system change number")
    return int(scn)


def time_of_scn(connection: apsw.Connection, scn: Cell) -> str:
    """The commit time of an SCN, as kept. Raises OracleError 8181."""
    stamp = connection.execute("SELECT time FROM redo WHERE scn = ?", (scn,)).get
    if stamp is None:
        raise OracleError(8181, "specified number is not a valid system change number")
    return str(stamp)


def flashback_statements(table: Table, image: Image) -> list[str]:
    """Statements that give a table back the rows of an image, row ids included."""
    name = physical.quote(table.physical)
    columns = [physical.quote(c.name) for c in table.columns]
    listed = ", ".join(columns if table.rowid_column else ["rowid", *columns])
    return [
        f"DELETE FROM {name}",
        f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {image.schema}.{name}",
    ]
