"""Indexes, views, sequences, synonyms, restore points."""

from __future__ import annotations

import dataclasses

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import (
    PUBLIC,
    ColumnDef,
    Index,
    Object,
    RestorePoint,
    Sequence,
    Synonym,
    Table,
    View,
    remove,
    save,
)
from simulator.database.sql.ddl import physical
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.lexer import tokenize
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.select import translate_query
from simulator.database.sql.types import VARCHAR


def _save(change: Change, item: Object) -> None:
    change.row(lambda: save(change.connection, item, change.now))


# -- indexes -------------------------------------------------------------------------------------------------------


def create_index(change: Change, reader: TokenReader, *, unique: bool) -> None:
    """CREATE [UNIQUE] INDEX name ON table (expressions)."""
    reader.words("IF", "NOT", "EXISTS")
    owner, name = reader.qualified()
    owner = owner or change.schema
    reader.expect("ON")
    table_owner, table_name = reader.qualified()
    table = change.catalog.table(change.schema, table_owner, table_name)
    change.require(table.owner, "CREATE TABLE")
    if change.catalog.index(owner, name) is not None:
        raise OracleError(955, "name is already used by an existing object")
    expressions = _split(reader.skip_parentheses())
    _index_options(reader)
    known = [i for i in change.catalog.indexes_of(table) if i.expressions == expressions]
    keys = [c for c in table.constraints if c.kind in "PU" and c.columns == expressions]
    if known or keys:
        raise OracleError(1408, "such column list already indexed")
    index = Index(change.new_id(), owner, name, table.owner, table.name, expressions, unique)
    change.schema_sql(physical.create_index(change.catalog, table, index))
    _save(change, index)


def _split(text: str) -> tuple[str, ...]:
    """The comma-separated expressions of a list; plain column names in capitals."""
    parts: list[str] = []
    depth = start = 0
    for token in tokenize(text):
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_op(","):
            parts.append(text[start : token.start])
            start = token.end
    parts.append(text[start:])
    return tuple(_tidy(part) for part in parts)


def _tidy(part: str) -> str:
    tokens = tokenize(part)
    return tokens[0].value if len(tokens) == 1 else part.strip()


def _index_options(reader: TokenReader) -> None:
    while reader.current is not None:
        if reader.any_word("TABLESPACE", "PCTFREE", "INITRANS", "PARALLEL"):
            reader.advance()
        elif not (
            reader.words("COMPUTE", "STATISTICS")
            or reader.any_word("ONLINE", "LOCAL", "LOGGING", "NOLOGGING", "NOPARALLEL", "REVERSE", "COMPRESS")
        ):
            reader.finish()


def drop_index(change: Change, reader: TokenReader) -> None:
    """DROP INDEX name."""
    reader.words("IF", "EXISTS")
    owner, name = reader.qualified()
    reader.any_word("ONLINE", "FORCE")
    reader.finish()
    index = change.catalog.index(owner or change.schema, name)
    if index is None:
        raise OracleError(1418, "specified index does not exist")
    change.require(index.owner, "DROP INDEX")
    change.schema_sql(f"DROP INDEX {physical.quote(physical.index_name(index))}")
    change.row(lambda: remove(change.connection, index))


# -- views ---------------------------------------------------------------------------------------------------------


def create_view(change: Change, reader: TokenReader, *, replace: bool) -> None:
    """CREATE [OR REPLACE] VIEW name [(columns)] AS query."""
    owner, name = reader.qualified()
    owner = owner or change.schema
    change.require(owner, "CREATE VIEW")
    token = reader.current
    listed = reader.names_in_parentheses() if token is not None and token.is_op("(") else ()
    reader.expect("AS")
    text = reader.sql[reader.position :].rstrip().removesuffix(";")
    existing = change.catalog.find(owner, name)
    if existing is not None and not (replace and isinstance(existing, View)):
        raise OracleError(955, "name is already used by an existing object")
    query = translate_query(text, text, tokenize(text), change.names(owner))
    names = listed or tuple(output.name for output in query.outputs)
    if any(not n for n in names):
        raise OracleError(998, "must name this expression with a column alias")
    columns = tuple(
        ColumnDef(n, output.type or VARCHAR, output.nullable) for n, output in zip(names, query.outputs, strict=True)
    )
    object_id = existing.object_id if isinstance(existing, View) else change.new_id()
    view = View(object_id, owner, name, text, columns)
    if existing is not None:
        change.schema_sql(f"DROP VIEW {physical.quote(view.physical)}")
    quoted = ", ".join(physical.quote(n) for n in names)
    change.schema_sql(f"CREATE VIEW {physical.quote(view.physical)} ({quoted}) AS {query.sql}")
    _save(change, view)


def drop_view(change: Change, reader: TokenReader) -> None:
    """DROP VIEW name."""
    reader.words("IF", "EXISTS")
    owner, name = reader.qualified()
    reader.words("CASCADE", "CONSTRAINTS")
    reader.finish()
    view = change.find(owner, name)
    if not isinstance(view, View):
        raise OracleError(942, "table or view does not exist")
    change.require(view.owner, "DROP VIEW")
    change.schema_sql(f"DROP VIEW {physical.quote(view.physical)}")
    change.row(lambda: remove(change.connection, view))


# -- sequences -----------------------------------------------------------------------------------------------------


def create_sequence(change: Change, reader: TokenReader) -> None:
    """CREATE SEQUENCE name [options]."""
    reader.words("IF", "NOT", "EXISTS")
    owner, name = reader.qualified()
    owner = owner or change.schema
    change.require(owner, "CREATE SEQUENCE")
    change.check_free(owner, name)
    sequence = _sequence_options(reader, Sequence(change.new_id(), owner, name))
    _save(change, sequence)
    change.row(lambda: _set_next(change.connection, sequence.object_id, sequence.start))


def alter_sequence(change: Change, reader: TokenReader) -> None:
    """ALTER SEQUENCE name options."""
    owner, name = reader.qualified()
    found = change.catalog.resolve(change.schema, owner, name)
    if not isinstance(found, Sequence):
        raise OracleError(2289, "sequence does not exist")
    change.require(found.owner, "ALTER SEQUENCE")
    changed = _sequence_options(reader, found)
    _save(change, changed)
    if changed.start != found.start:
        change.row(lambda: _set_next(change.connection, changed.object_id, changed.start))


def _sequence_options(reader: TokenReader, sequence: Sequence) -> Sequence:
    values: dict[str, int] = {}
    while reader.current is not None:
        if reader.words("START", "WITH") or reader.words("RESTART", "START", "WITH"):
            values["start"] = reader.number()
        elif reader.words("INCREMENT", "BY"):
            values["increment"] = reader.number()
        elif word := reader.any_word("MINVALUE", "MAXVALUE", "CACHE"):
            values[{"MINVALUE": "minimum", "MAXVALUE": "maximum", "CACHE": "cache"}[word]] = reader.number()
        elif reader.any_word("NOCACHE"):
            values["cache"] = 1
        elif reader.any_word("CYCLE"):
            values["cycle"] = 1
        elif not reader.any_word("NOCYCLE", "ORDER", "NOORDER", "NOMINVALUE", "NOMAXVALUE", "KEEP", "NOKEEP", "GLOBAL"):
            reader.finish()
    if values.get("increment", 1) == 0:
        raise OracleError(4002, "INCREMENT must be a non-zero integer")
    if values.get("increment", 1) < 0 and "start" not in values:
        values |= {"start": -1, "maximum": values.get("maximum", -1), "minimum": values.get("minimum", -(10**16))}
    cycle = bool(values.pop("cycle", sequence.cycle))
    return dataclasses.replace(sequence, cycle=cycle, **values)


def _set_next(connection: apsw.Connection, object_id: int, value: int) -> None:
    connection.execute(
        "INSERT INTO sequences(object_id, next) VALUES (?, ?)"
        " ON CONFLICT(object_id) DO UPDATE SET next = excluded.next",
        (object_id, value),
    )


def drop_sequence(change: Change, reader: TokenReader) -> None:
    """DROP SEQUENCE name."""
    reader.words("IF", "EXISTS")
    owner, name = reader.qualified()
    reader.finish()
    found = change.catalog.find(owner or change.schema, name)
    if not isinstance(found, Sequence):
        raise OracleError(2289, "sequence does not exist")
    change.require(found.owner, "DROP SEQUENCE")
    change.row(lambda: remove(change.connection, found))
    change.row(lambda: change.connection.execute("DELETE FROM sequences WHERE object_id = ?", (found.object_id,)))


# -- synonyms, restore points --------------------------------------------------------------------------------------


def create_synonym(change: Change, reader: TokenReader, *, public: bool, replace: bool) -> None:
    """CREATE [OR REPLACE] [PUBLIC] SYNONYM name FOR object."""
    owner, name = reader.qualified()
    owner = PUBLIC if public else owner or change.schema
    change.privileges.require(change.user, "CREATE PUBLIC SYNONYM" if public else "CREATE SYNONYM")
    reader.expect("FOR")
    target_owner, target = reader.qualified()
    reader.finish()
    existing = change.catalog.find(owner, name)
    if existing is not None and not (replace and isinstance(existing, Synonym)):
        raise OracleError(955, "name is already used by an existing object")
    object_id = existing.object_id if existing is not None else change.new_id()
    _save(change, Synonym(object_id, owner, name, target_owner or change.schema, target))


def drop_synonym(change: Change, reader: TokenReader, *, public: bool) -> None:
    """DROP [PUBLIC] SYNONYM name."""
    owner, name = reader.qualified()
    reader.any_word("FORCE")
    reader.finish()
    found = change.catalog.find(PUBLIC if public else owner or change.schema, name)
    if not isinstance(found, Synonym):
        raise OracleError(1432 if public else 1434, "synonym to be dropped does not exist")
    change.row(lambda: remove(change.connection, found))


def create_restore_point(change: Change, reader: TokenReader) -> None:
    """CREATE RESTORE POINT name: the present SCN under a name."""
    name = reader.name()
    reader.words("GUARANTEE", "FLASHBACK", "DATABASE")
    reader.finish()
    change.privileges.require(change.user, "FLASHBACK ANY TABLE")
    if any(isinstance(i, RestorePoint) and i.name == name for i in change.catalog.items):
        raise OracleError(38778, f"Restore point '{name}' already exists.")
    _save(change, RestorePoint(change.new_id(), "SYS", name, change.scn))


def drop_restore_point(change: Change, reader: TokenReader) -> None:
    """DROP RESTORE POINT name."""
    name = reader.name()
    reader.finish()
    found = next((i for i in change.catalog.items if isinstance(i, RestorePoint) and i.name == name), None)
    if found is None:
        raise OracleError(38780, f"Restore point '{name}' does not exist.")
    change.row(lambda: remove(change.connection, found))


def drop_object_rows(change: Change, item: Object) -> None:
    """Remove any object for good, as DROP USER ... CASCADE does."""
    if isinstance(item, View):
        change.schema_sql(f"DROP VIEW {physical.quote(item.physical)}")
    if isinstance(item, Table):
        change.schema_sql(f"DROP TABLE {physical.quote(item.physical)}")
    change.row(lambda: remove(change.connection, item))
