"""The data dictionary: views over the catalog and over what the engine says of itself.

Each is an SQLite view in the database's file, of this program's version. Their columns' types are known here, as
SQLite's views do not tell them.
"""

from __future__ import annotations

import functools
from typing import Final

import apsw

from simulator.database.sql.catalog import SYS, ColumnDef, View
from simulator.database.sql.dictionary_objects import OBJECT_VIEWS
from simulator.database.sql.dictionary_system import SYSTEM_VIEWS
from simulator.database.sql.dictionary_tables import TABLE_VIEWS
from simulator.database.sql.types import CLOB, DATE, NUMBER, TIMESTAMP_TZ, VARCHAR, OracleType

_TYPES: Final[dict[str, OracleType]] = {
    "": VARCHAR,
    "number": NUMBER,
    "date": DATE,
    "clob": CLOB,
    "tstz": TIMESTAMP_TZ,
}
_DUAL: Final = 'CREATE TABLE IF NOT EXISTS "SYS.DUAL"("DUMMY" TEXT)'


@functools.cache
def dictionary_views() -> tuple[View, ...]:
    """The views as the catalog lists them; object ids are negative, no user's object has such."""
    views: list[View] = []
    for name, columns, query in SYSTEM_VIEWS:
        views.append(_view(-1 - len(views), name, columns, query))
    for family, columns, query in (*TABLE_VIEWS, *OBJECT_VIEWS):
        # ``columns`` begins with the owner, and with the name by which an object is visible or not.
        owner, name = (part.partition(":")[0] for part in columns.split()[:2])
        every = " ".join(columns.split())
        views.append(_view(-1 - len(views), f"DBA_{family}", every, query))
        seen = f'SELECT * FROM "SYS.DBA_{family}" WHERE ora_visible("{owner}", "{name}")'
        views.append(_view(-1 - len(views), f"ALL_{family}", every, seen))
        own = every.split(" ", 1)[1]
        listed = ", ".join(f'"{part.partition(":")[0]}"' for part in own.split())
        mine = f'SELECT {listed} FROM "SYS.DBA_{family}" WHERE "{owner}" = ora_user()'
        views.append(_view(-1 - len(views), f"USER_{family}", own, mine))
    dual = View(-1 - len(views), SYS, "DUAL", "", (ColumnDef("DUMMY", OracleType(VARCHAR.kind, 1)),))
    return (*views, dual)


def _view(object_id: int, name: str, columns: str, query: str) -> View:
    return View(object_id, SYS, name, query, tuple(map(_column, columns.split())))


def _column(text: str) -> ColumnDef:
    name, _, kind = text.partition(":")
    return ColumnDef(name, _TYPES[kind])


def create_dictionary(connection: apsw.Connection) -> None:
    """Create DUAL and (again) all views, inside the caller's transaction."""
    connection.execute(_DUAL)
    if not connection.execute('SELECT count(*) FROM "SYS.DUAL"').get:
        connection.execute("""INSERT INTO "SYS.DUAL" VALUES ('X')""")
    for view in dictionary_views():
        if view.text:
            columns = ", ".join(f'"{c.name}"' for c in view.columns)
            connection.execute(f'DROP VIEW IF EXISTS "{view.physical}"')
            connection.execute(f'CREATE VIEW "{view.physical}"({columns}) AS {view.text}')
