"""One database's file: how it is opened, what the engine keeps in it besides users' tables.

WAL with synchronous=NORMAL: a commit is in the operating system's hands before it is acknowledged, so killing the
process loses nothing, while readers go on beside the one writer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from simulator.database.sql.context import CallContext
from simulator.database.sql.dictionary import create_dictionary
from simulator.database.sql.functions import register_functions

FILE_NAME: Final = "database.db"

_TABLES: Final = """
CREATE TABLE state(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE redo(scn INTEGER PRIMARY KEY, time TEXT NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL,
  payload BLOB NOT NULL);
CREATE INDEX redo_time ON redo(time, scn);
CREATE TABLE incarnations(epoch INTEGER PRIMARY KEY, scn INTEGER NOT NULL, time TEXT NOT NULL);
CREATE TABLE undone(scn INTEGER, epoch INTEGER, time TEXT NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
  PRIMARY KEY (epoch, scn)) WITHOUT ROWID;
CREATE TABLE users(user_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, salt BLOB NOT NULL,
  password_key BLOB NOT NULL, iterations INTEGER NOT NULL, created TEXT NOT NULL, locked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE grants(grantee TEXT NOT NULL, privilege TEXT NOT NULL, owner TEXT NOT NULL DEFAULT '',
  object TEXT NOT NULL DEFAULT '', PRIMARY KEY (grantee, privilege, owner, object)) WITHOUT ROWID;
CREATE TABLE objects(object_id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  created TEXT NOT NULL, changed TEXT NOT NULL, definition TEXT NOT NULL);
CREATE TABLE sequences(object_id INTEGER PRIMARY KEY, next INTEGER NOT NULL);
"""
_DICTIONARY_VERSION: Final = 2


def open_file(path: Path, context: CallContext, *, writable: bool = False) -> apsw.Connection:
    """A connection with the engine's settings and SQL functions. Raises apsw.CantOpenError when there is no file."""
    connection = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI, statementcachesize=100
    )
    # Double quotes are identifiers only: a misspelt column must not become a string.
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.set_busy_timeout(5000)
    for pragma, value in (("synchronous", "NORMAL"), ("case_sensitive_like", "ON"), ("temp_store", "MEMORY")):
        connection.pragma(pragma, value)
    context.connection = connection
    register_functions(connection, context)
    connection.set_progress_handler(context.check_interrupt, 20_000)
    if not writable:
        connection.pragma("query_only", "ON")
    return connection


def create_file(path: Path) -> None:
    """A new, empty file with the engine's tables. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError(path)
    connection = apsw.Connection(str(path))
    try:
        connection.pragma("journal_mode", "WAL")
        connection.execute(f"BEGIN; {_TABLES}; COMMIT")
    finally:
        connection.close()


def discard(path: Path) -> None:
    """Remove a file that was not finished, if it is there, with SQLite's files beside it."""
    path.unlink(missing_ok=True)
    discard_logs(path)


def discard_logs(path: Path) -> None:
    """Remove SQLite's files beside a closed database: a log left from another file of that name would be replayed."""
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def refresh_dictionary(connection: apsw.Connection) -> None:
    """Bring the data dictionary's views to this program's version."""
    if connection.pragma("user_version") != _DICTIONARY_VERSION:
        with connection:
            create_dictionary(connection)
            connection.pragma("user_version", _DICTIONARY_VERSION)


def enforce(connection: apsw.Connection, *, constraints: bool) -> None:
    """Check foreign keys and follow renames (a primary's statements), or neither (redo being applied, DDL).

    Outside a transaction only: SQLite ignores the setting inside one.
    """
    connection.pragma("foreign_keys", "ON" if constraints else "OFF")
    connection.pragma("legacy_alter_table", "OFF" if constraints else "ON")


def get_state(connection: apsw.Connection) -> dict[str, str | int | None]:
    """The copy's own state: role, epoch, applied SCN, ..."""
    return dict(connection.execute("SELECT name, value FROM state"))


def put_state(connection: apsw.Connection, **values: str | int | None) -> None:
    """Change entries of the copy's own state."""
    connection.executemany("INSERT OR REPLACE INTO state(name, value) VALUES (?, ?)", values.items())
