"""CREATE, DROP, TRUNCATE, RENAME, COMMENT, PURGE and FLASHBACK ... TO BEFORE DROP of tables."""

from __future__ import annotations

import dataclasses
from typing import Final

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import ColumnDef, Constraint, Index, Table, View, remove, save
from simulator.database.sql.ddl import physical
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.ddl.tables import TableReader, settled, table_options
from simulator.database.sql.lexer import tokenize
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.select import translate_query
from simulator.database.sql.types import NUMBER, VARCHAR, OracleType, to_stamp

_BIN: Final = "BIN$"


def create_table(change: Change, reader: TokenReader) -> None:
    """CREATE TABLE name ( ... ) [options], or ... AS query."""
    exists_ok = reader.words("IF", "NOT", "EXISTS")
    owner, name = reader.qualified()
    owner = owner or change.schema
    change.require(owner, "CREATE TABLE")
    if exists_ok and change.catalog.find(owner, name) is not None:
        return
    change.check_free(owner, name)
    parts = TableReader(reader, change.catalog, owner, name, change.new_id())
    token = reader.current
    if token is not None and token.is_op("("):
        parts.items()
    movement = table_options(reader)
    if reader.words("AS"):
        _create_as_select(change, reader, parts)
        return
    reader.finish()
    table = dataclasses.replace(parts.definition(), row_movement=movement)
    if not table.columns:
        raise OracleError(906, "missing left parenthesis", offset=reader.position)
    add_table(change, table)


def add_table(change: Change, table: Table) -> None:
    """Create a table from its definition."""
    check_names(change, table, table.constraints)
    for constraint in table.constraints:
        if constraint.kind == "R":
            physical.check_reference(change.catalog, constraint, table)
    change.schema_sql(physical.create_table(change.catalog, table))
    start = next((c.identity.start for c in table.columns if c.identity is not None), 1)
    if table.rowid_column is not None and start != 1:
        name = physical.text_literal(table.physical)
        change.schema_sql(f"INSERT INTO sqlite_sequence(name, seq) VALUES ({name}, {start - 1})")
    change.row(lambda: save(change.connection, table, change.now))


def check_names(change: Change, table: Table, constraints: tuple[Constraint, ...]) -> None:
    """Raises OracleError 2264 when another table of the owner has a constraint of the same name."""
    taken = {
        c.name
        for item in change.catalog.items
        if isinstance(item, Table) and item.owner == table.owner and item.dropped_name is None
        for c in item.constraints
        if item.object_id != table.object_id
    }
    names = [c.name for c in constraints]
    if taken & set(names) or len(set(names)) != len(names):
        raise OracleError(2264, "name already used by an existing constraint")


def _create_as_select(change: Change, reader: TokenReader, parts: TableReader) -> None:
    text = reader.sql[reader.position :]
    translated = translate_query(text, text, tokenize(text), change.names())
    described = change.connection.execute(f"SELECT * FROM ({translated.sql}) LIMIT 1")
    sample = next(iter(described), None)
    columns: list[ColumnDef] = []
    for index, output in enumerate(translated.outputs):
        declared = output.type or _type_of(sample[index] if sample else None)
        listed = parts.columns[index].name if index < len(parts.columns) else output.name
        columns.append(ColumnDef(listed, declared, output.nullable))
    parts.columns = columns
    table = parts.definition()
    add_table(change, table)
    names = ", ".join(physical.quote(c.name) for c in columns)
    change.row(
        lambda: change.connection.execute(f"INSERT INTO {physical.quote(table.physical)} ({names}) {translated.sql}")
    )


def _type_of(value: object) -> OracleType:
    return NUMBER if isinstance(value, (int, float)) else VARCHAR


# -- drop, recycle bin ---------------------------------------------------------------------------------------------


def drop_table(change: Change, reader: TokenReader) -> None:
    """DROP TABLE name [CASCADE CONSTRAINTS] [PURGE]: into the recycle bin unless purged."""
    exists_ok = reader.words("IF", "EXISTS")
    owner, name = reader.qualified()
    owner = owner or change.schema
    found = change.catalog.find(owner, name)
    if not isinstance(found, Table):
        if exists_ok:
            return
        raise OracleError(942, "table or view does not exist")
    change.require(owner, "DROP TABLE")
    cascade = reader.words("CASCADE", "CONSTRAINTS")
    purge = reader.words("PURGE")
    reader.finish()
    drop(change, found, cascade=cascade, purge=purge)


def drop(change: Change, table: Table, *, cascade: bool, purge: bool) -> None:
    """Drop a table; ``cascade`` drops the foreign keys that refer to it."""
    children = [(child, key) for child, key in change.catalog.children_of(table) if child.object_id != table.object_id]
    if children and not cascade:
        raise OracleError(2449, "unique/primary keys in table referenced by foreign keys")
    for child in {child.object_id: child for child, _ in children}.values():
        names = {key.name for owner, key in children if owner.object_id == child.object_id}
        kept = tuple(c for c in child.constraints if c.name not in names)
        replace_table(change, child, dataclasses.replace(child, constraints=kept))
    if purge:
        purge_table(change, table)
        return
    indexes = change.catalog.indexes_of(table)
    for index in indexes:
        change.schema_sql(f"DROP INDEX {physical.quote(physical.index_name(index))}")
        _save(change, dataclasses.replace(index, name=f"{_BIN}{index.object_id}${index.name}", table=_bin_name(table)))
    dropped = dataclasses.replace(
        table,
        name=_bin_name(table),
        constraints=tuple(c for c in table.constraints if c.kind != "R"),
        dropped_name=table.name,
        dropped_at=to_stamp(change.now),
        dropped_scn=change.scn,
    )
    if len(dropped.constraints) != len(table.constraints):
        change.schema_sql(*physical.rebuild(change.catalog, table, dropped, values={}, indexes=[]))
    else:
        change.schema_sql(physical.rename_table(table, dropped))
    _save(change, dropped)


def _bin_name(table: Table) -> str:
    return f"{_BIN}{table.object_id:020d}==$0"


def _save(change: Change, item: Table | Index) -> None:
    change.row(lambda: save(change.connection, item, change.now))


def purge_table(change: Change, table: Table) -> None:
    """Remove a table and its indexes for good."""
    change.schema_sql(f"DROP TABLE {physical.quote(table.physical)}")
    for index in change.catalog.indexes_of(table):
        change.row(lambda index=index: remove(change.connection, index))
    change.row(lambda: remove(change.connection, table))


def purge(change: Change, reader: TokenReader) -> None:
    """PURGE TABLE name | RECYCLEBIN | DBA_RECYCLEBIN."""
    if reader.words("TABLE"):
        owner, name = reader.qualified()
        reader.finish()
        purge_table(change, _dropped(change, owner or change.schema, name, oldest=True))
        return
    if reader.words("DBA_RECYCLEBIN"):
        change.privileges.require(change.user, "PURGE DBA_RECYCLEBIN")
        owners = change.catalog.users
    else:
        reader.expect("RECYCLEBIN")
        owners = frozenset({change.user})
    reader.finish()
    for owner in sorted(owners):
        for table in change.catalog.recycle_bin(owner):
            purge_table(change, table)


def _dropped(change: Change, owner: str, name: str, *, oldest: bool = False) -> Table:
    found = [t for t in change.catalog.recycle_bin(owner) if name in (t.dropped_name, t.name)]
    if not found:
        raise OracleError(38305, "object not in RECYCLE BIN")
    return found[-1] if oldest else found[0]


def flashback_before_drop(change: Change, reader: TokenReader, owner: str | None, name: str) -> None:
    """FLASHBACK TABLE name TO BEFORE DROP [RENAME TO other]: the latest dropped table of that name comes back.

    Its foreign keys do not, as in Oracle; its indexes do, under their own names where these are free.
    """
    owner = owner or change.schema
    change.require(owner, "DROP TABLE")
    table = _dropped(change, owner, name)
    wanted = reader.name() if reader.words("RENAME", "TO") else table.dropped_name or name
    reader.finish()
    if change.catalog.find(owner, wanted) is not None:
        raise OracleError(38312, "original name is used by an existing object")
    restored = dataclasses.replace(table, name=wanted, dropped_name=None, dropped_at=None, dropped_scn=None)
    change.schema_sql(physical.rename_table(table, restored))
    _save(change, restored)
    for index in change.catalog.indexes_of(table):
        original = index.name.split("$", 2)[2]
        free = change.catalog.index(index.owner, original) is None
        back = dataclasses.replace(index, name=original if free else index.name, table=wanted)
        change.schema_sql(physical.create_index(change.catalog, restored, back))
        _save(change, back)


# -- the rest ------------------------------------------------------------------------------------------------------


def truncate(change: Change, reader: TokenReader) -> None:
    """TRUNCATE TABLE name: all rows, no way back."""
    reader.expect("TABLE")
    owner, name = reader.qualified()
    while reader.any_word("DROP", "REUSE", "STORAGE", "CASCADE", "PURGE", "PRESERVE", "MATERIALIZED", "VIEW", "LOG"):
        continue
    reader.finish()
    table = change.catalog.table(change.schema, owner, name)
    change.require(table.owner, "DROP TABLE")
    if any(child.object_id != table.object_id for child, _ in change.catalog.children_of(table)):
        raise OracleError(2266, "unique/primary keys in table referenced by enabled foreign keys")
    change.schema_sql(f"DELETE FROM {physical.quote(table.physical)}")
    _save(change, table)


def rename(change: Change, reader: TokenReader) -> None:
    """RENAME old TO new."""
    old = reader.name()
    reader.expect("TO")
    new = reader.name()
    reader.finish()
    found = change.find(change.user, old)
    if not isinstance(found, Table):
        raise OracleError(3001, "unimplemented feature: RENAME of other objects than tables")
    rename_table(change, found, new)


def rename_table(change: Change, table: Table, name: str) -> None:
    """Give a table another name; what refers to it follows."""
    change.check_free(table.owner, name)
    renamed = dataclasses.replace(table, name=name)
    change.schema_sql(physical.rename_table(table, renamed))
    _save(change, renamed)
    for index in change.catalog.indexes_of(table):
        _save(change, dataclasses.replace(index, table=name))
    children = {child.object_id: child for child, _ in change.catalog.children_of(table)}
    for child in children.values():
        constraints = tuple(
            dataclasses.replace(c, ref_table=name) if (c.ref_owner, c.ref_table) == (table.owner, table.name) else c
            for c in child.constraints
        )
        replace_table(change, child, dataclasses.replace(child, constraints=constraints))


def replace_table(change: Change, old: Table, new: Table, values: dict[str, str] | None = None) -> None:
    """Bring a table to another definition with all its rows."""
    new = settled(new)
    indexes = [i for i in change.catalog.indexes_of(old) if _covers(new, i)]
    for index in change.catalog.indexes_of(old):
        if index not in indexes:
            change.row(lambda index=index: remove(change.connection, index))
    change.schema_sql(*physical.rebuild(change.catalog, old, new, values=values or {}, indexes=indexes))
    _save(change, new)


def _covers(table: Table, index: Index) -> bool:
    """Whether the columns an index names are all there."""
    names = {c.name for c in table.columns}
    words = {t.value for text in index.expressions for t in tokenize(text) if t.kind.value in ("name", "quoted")}
    return all(word in names for word in words if word.isidentifier() and word not in _FUNCTION_WORDS)


_FUNCTION_WORDS: Final = frozenset({"UPPER", "LOWER", "TRUNC", "NVL", "ASC", "DESC", "SUBSTR", "TO_CHAR", "COALESCE"})


def comment(change: Change, reader: TokenReader) -> None:
    """COMMENT ON TABLE name IS '...' and COMMENT ON COLUMN table.column IS '...'."""
    reader.expect("ON")
    column = None
    if reader.words("TABLE"):
        owner, name = reader.qualified()
    else:
        reader.expect("COLUMN")
        names = [reader.name()]
        while reader.op("."):
            names.append(reader.name())
        if len(names) < 2:
            raise OracleError(938, "not enough arguments for function")
        owner, name, column = (names[0] if len(names) == 3 else None), names[-2], names[-1]
    reader.expect("IS")
    text = reader.advance().value or None
    reader.finish()
    found = change.catalog.resolve(change.schema, owner, name)
    if not isinstance(found, (Table, View)):
        raise OracleError(942, "table or view does not exist")
    change.require(found.owner, "COMMENT TABLE")
    if column is None:
        updated = dataclasses.replace(found, comment=text)
    else:
        if all(c.name != column for c in found.columns):
            raise OracleError(904, f'"{column}": invalid identifier')
        columns = tuple(dataclasses.replace(c, comment=text) if c.name == column else c for c in found.columns)
        updated = dataclasses.replace(found, columns=columns)
    change.row(lambda: save(change.connection, updated, change.now))
