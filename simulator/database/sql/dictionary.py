"""The data dictionary: views over the catalog and over what the engine says of itself.

Each is an SQLite view in the database's file. ``DICTIONARY`` gives every column's type, which SQLite's views do not.
"""

from __future__ import annotations

from typing import Final

import apsw

from simulator.database.sql.catalog import SYS, ColumnDef, View
from simulator.database.sql.types import CLOB, DATE, NUMBER, TIMESTAMP_TZ, VARCHAR, OracleType

_TYPES: Final[dict[str, OracleType]] = {
    "": VARCHAR, "number": NUMBER, "date": DATE, "clob": CLOB, "tstz": TIMESTAMP_TZ,
}  # fmt: skip

_DUAL: Final = 'CREATE TABLE IF NOT EXISTS "SYS.DUAL"("DUMMY" TEXT)'

# name → (columns with types, the query that gives them in this order)
_VIEWS: Final[dict[str, tuple[str, str]]] = {
    "V$DATABASE": (
        "DBID:number NAME CREATED:date LOG_MODE OPEN_MODE DATABASE_ROLE DB_UNIQUE_NAME CURRENT_SCN:number"
        " RESETLOGS_CHANGE#:number FLASHBACK_ON PROTECTION_MODE PLATFORM_NAME CDB",
        "SELECT 1, d ->> 'name', d ->> 'created', 'ARCHIVELOG', d ->> 'open_mode', d ->> 'role', d ->> 'unique_name',"
        " d ->> 'scn', d ->> 'resetlogs_scn', 'YES', 'MAXIMUM PERFORMANCE', 'Linux x86 64-bit', 'YES'"
        " FROM (SELECT ora_database() AS d)",
    ),
}


def dictionary_views() -> list[View]:
    """The views as the catalog lists them."""
    views: list[View] = []
    for number, (name, (columns, query)) in enumerate(_VIEWS.items(), 1):
        definitions = tuple(_column(text) for text in columns.split())
        views.append(View(number, SYS, name, query, definitions))
    dual = View(len(_VIEWS) + 1, SYS, "DUAL", "", (ColumnDef("DUMMY", OracleType(VARCHAR.kind, 1)),))
    return [*views, dual]


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
