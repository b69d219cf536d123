"""The catalog: what users created, as frozen definitions kept as JSON rows in the database's own file.

A table's SQLite form is always generated from its definition, so that every ALTER is: change the definition, bring the
file after it. Expressions (defaults, checks, view texts) are kept as the Oracle text that was written.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import apsw

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.types import OracleType, to_stamp

PUBLIC: Final = "PUBLIC"
SYS: Final = "SYS"


@dataclass(frozen=True)
class Identity:
    """GENERATED ALWAYS | BY DEFAULT [ON NULL] AS IDENTITY."""

    always: bool
    on_null: bool
    start: int = 1
    increment: int = 1


@dataclass(frozen=True)
class ColumnDef:
    """One column; ``default`` and ``comment`` as written, ``json`` when the type or an IS JSON check says so."""

    name: str
    type: OracleType
    nullable: bool = True
    default: str | None = None
    default_on_null: bool = False
    identity: Identity | None = None
    json: bool = False
    comment: str | None = None


@dataclass(frozen=True)
class Constraint:
    """A constraint; ``kind`` is P, U, C or R as the dictionary writes it. ``generated``: its name is the system's."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    condition: str | None = None
    ref_owner: str | None = None
    ref_table: str | None = None
    ref_columns: tuple[str, ...] = ()
    on_delete: str | None = None
    deferred: bool = False
    generated: bool = False


@dataclass(frozen=True)
class Table:
    """A table; one in the recycle bin has its BIN$ name in ``name``, the former one in ``dropped_name``."""

    object_id: int
    owner: str
    name: str
    columns: tuple[ColumnDef, ...]
    constraints: tuple[Constraint, ...] = ()
    comment: str | None = None
    row_movement: bool = False
    dropped_name: str | None = None
    dropped_at: str | None = None
    dropped_scn: int | None = None

    @property
    def physical(self) -> str:
        """The table's name in SQLite."""
        return physical_name(self.owner, self.name)

    def column(self, name: str) -> ColumnDef | None:
        """The column of this name."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def primary_key(self) -> Constraint | None:
        """The primary key, if there is one."""
        return next((c for c in self.constraints if c.kind == "P"), None)

    @property
    def rowid_column(self) -> str | None:
        """The identity column that is the whole primary key: SQLite's own key, numbered by SQLite."""
        key = self.primary_key
        if key is None or len(key.columns) != 1:
            return None
        column = self.column(key.columns[0])
        return column.name if column is not None and column.identity is not None else None


@dataclass(frozen=True)
class View:
    """A view; ``text`` is its Oracle query, ``columns`` its column names and types."""

    object_id: int
    owner: str
    name: str
    text: str
    columns: tuple[ColumnDef, ...]
    comment: str | None = None

    @property
    def physical(self) -> str:
        """The view's name in SQLite."""
        return physical_name(self.owner, self.name)


@dataclass(frozen=True)
class Index:
    """An index that was created by name (a constraint's own index has no entry of its own)."""

    object_id: int
    owner: str
    name: str
    table_owner: str
    table: str
    expressions: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True)
class Sequence:
    """A sequence; its next value is a row of ``sequences``."""

    object_id: int
    owner: str
    name: str
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 9_999_999_999_999_999
    cycle: bool = False
    cache: int = 20


@dataclass(frozen=True)
class Synonym:
    """Another name for an object."""

    object_id: int
    owner: str
    name: str
    target_owner: str
    target: str


@dataclass(frozen=True)
class RestorePoint:
    """A named SCN."""

    object_id: int
    owner: str
    name: str
    scn: int


Object = Table | View | Index | Sequence | Synonym | RestorePoint
_KINDS: Final[dict[str, type[Any]]] = {
    "TABLE": Table,
    "VIEW": View,
    "INDEX": Index,
    "SEQUENCE": Sequence,
    "SYNONYM": Synonym,
    "RESTORE POINT": RestorePoint,
}
_NAMES: Final = {cls: kind for kind, cls in _KINDS.items()}
# Oracle's name spaces: tables, views, sequences and synonyms of one owner share theirs.
_SHARED: Final = frozenset({Table, View, Sequence, Synonym})


def physical_name(owner: str, name: str) -> str:
    """The name of a user's table, view or index in SQLite; only such names contain a dot."""
    return f"{owner}.{name}"


def kind_of(item: Object) -> str:
    """The dictionary's word for the kind of object."""
    return _NAMES[type(item)]


class Catalog:
    """All objects, read once; a new one is read after each DDL and each apply that changed it."""

    def __init__(self, items: Iterable[Object], users: frozenset[str]) -> None:
        self.users = users
        self.items = tuple(items)
        self._shared = {(i.owner, i.name): i for i in self.items if type(i) in _SHARED}
        self._indexes = {(i.owner, i.name): i for i in self.items if isinstance(i, Index)}
        self._by_physical: dict[str, Table | View] = {i.physical: i for i in self.items if isinstance(i, (Table, View))}

    @classmethod
    def read(cls, connection: apsw.Connection, dictionary: Iterable[View] = ()) -> Catalog:
        """The catalog as this connection sees it."""
        rows = connection.execute("SELECT object_id, owner, name, kind, definition FROM objects ORDER BY object_id")
        items = [
            _decode(kind, {**json.loads(text), "object_id": i, "owner": o, "name": n}) for i, o, n, kind, text in rows
        ]
        users = frozenset(name for (name,) in connection.execute("SELECT name FROM users"))
        return cls([*dictionary, *items], users)

    def find(self, owner: str, name: str) -> Table | View | Sequence | Synonym | None:
        """The object of this very name, synonyms not followed."""
        return self._shared.get((owner, name))  # pyright: ignore[reportReturnType]

    def resolve(self, schema: str, owner: str | None, name: str) -> Table | View | Sequence | None:
        """What a name means to a session whose current schema is ``schema``; synonyms are followed."""
        found = self.find(owner or schema, name)
        if found is None and owner is None:
            found = self.find(PUBLIC, name) or self.find(SYS, name)
        for _ in range(8):
            if not isinstance(found, Synonym):
                return found
            found = self.find(found.target_owner, found.target)
        raise OracleError(1775, "looping chain of synonyms")

    def table(self, schema: str, owner: str | None, name: str) -> Table:
        """The table a name means. Raises OracleError 942."""
        found = self.resolve(schema, owner, name)
        if not isinstance(found, Table):
            raise OracleError(942, "table or view does not exist")
        return found

    def index(self, owner: str, name: str) -> Index | None:
        """The index of this name."""
        return self._indexes.get((owner, name))

    def by_physical(self, name: str) -> Table | View | None:
        """The table or view behind a name in SQLite."""
        return self._by_physical.get(name)

    def indexes_of(self, table: Table) -> list[Index]:
        """The indexes created on a table."""
        return [i for i in self._indexes.values() if (i.table_owner, i.table) == (table.owner, table.name)]

    def children_of(self, table: Table) -> list[tuple[Table, Constraint]]:
        """The foreign keys that refer to a table, with the tables that have them."""
        return [
            (child, constraint)
            for child in self.items
            if isinstance(child, Table) and child.dropped_name is None
            for constraint in child.constraints
            if constraint.kind == "R" and (constraint.ref_owner, constraint.ref_table) == (table.owner, table.name)
        ]

    def recycle_bin(self, owner: str) -> list[Table]:
        """An owner's dropped tables, the latest first."""
        dropped = [i for i in self.items if isinstance(i, Table) and i.owner == owner and i.dropped_name]
        return sorted(dropped, key=lambda t: (t.dropped_at or "", t.object_id), reverse=True)


def next_object_id(connection: apsw.Connection) -> int:
    """An id that no object had before, as far as the catalog remembers."""
    return int(connection.execute("SELECT ifnull(max(object_id), 70000) + 1 FROM objects").get or 1)


def save(connection: apsw.Connection, item: Object, now: datetime) -> None:
    """Insert or replace an object's row."""
    document = dataclasses.asdict(item)
    for derived in ("object_id", "owner", "name"):
        del document[derived]
    text = json.dumps(document, default=_plain, separators=(",", ":"))
    stamp = to_stamp(now)
    connection.execute(
        "INSERT INTO objects(object_id, owner, name, kind, created, changed, definition) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT(object_id) DO UPDATE SET owner = excluded.owner, name = excluded.name,"
        " changed = excluded.changed, definition = excluded.definition",
        (item.object_id, item.owner, item.name, kind_of(item), stamp, stamp, text),
    )


def remove(connection: apsw.Connection, item: Object) -> None:
    """Delete an object's row."""
    connection.execute("DELETE FROM objects WHERE object_id = ?", (item.object_id,))


def _plain(value: object) -> object:
    if isinstance(value, ColumnType):
        return value.value
    raise TypeError(type(value).__name__)


def _decode(kind: str, document: dict[str, Any]) -> Object:
    if "columns" in document:
        document["columns"] = tuple(_decode_column(c) for c in document["columns"])
    if "constraints" in document:
        document["constraints"] = tuple(_decode_constraint(c) for c in document["constraints"])
    if "expressions" in document:
        document["expressions"] = tuple(document["expressions"])
    return _KINDS[kind](**document)


def _decode_constraint(document: dict[str, Any]) -> Constraint:
    document["columns"] = tuple(document["columns"])
    document["ref_columns"] = tuple(document["ref_columns"])
    return Constraint(**document)


def _decode_column(document: dict[str, Any]) -> ColumnDef:
    declared: dict[str, Any] = document["type"]
    declared["kind"] = ColumnType(declared["kind"])
    document["type"] = OracleType(**declared)
    if document["identity"] is not None:
        document["identity"] = Identity(**document["identity"])
    return ColumnDef(**document)
