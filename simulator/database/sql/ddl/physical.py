"""A table's SQLite form, generated from its definition; and the steps that bring the file from one form to another."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.catalog import Catalog, ColumnDef, Constraint, Index, Table
from simulator.database.sql.dialect import parse_expression
from simulator.database.sql.scope import Names, Output
from simulator.database.sql.select import expression_sql

_DATES = {ColumnType.DATE: "ora_as_date", ColumnType.TIMESTAMP: "ora_as_timestamp",
          ColumnType.TIMESTAMP_TZ: "ora_as_timestamp"}  # fmt: skip


def quote(name: str) -> str:
    """An identifier for SQLite."""
    return f'"{name}"'


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(map(quote, names))


def _no_check(*_: object) -> None:
    """A table's own expressions need no privilege."""


def _names(catalog: Catalog, owner: str) -> Names:
    return Names(catalog, owner, _no_check)


def default_sql(catalog: Catalog, table: Table, column: ColumnDef) -> str:
    """A column's default for SQLite. Raises OracleError when it is no expression."""
    assert column.default is not None
    sql = expression_sql(parse_expression(column.default), _names(catalog, table.owner), {})
    convert = _DATES.get(column.type.kind)
    return f"{convert}({sql})" if convert else sql


def condition_sql(catalog: Catalog, table: Table, condition: str) -> str:
    """A check's condition, or an index's expression, for SQLite."""
    columns = [Output(c.name, c.type, c.nullable) for c in table.columns]
    known = {c.name for c in table.columns}
    tree = parse_expression(condition)
    return expression_sql(tree, _names(catalog, table.owner), {table.name: columns}) if known else ""


def create_table(catalog: Catalog, table: Table, name: str | None = None) -> str:
    """CREATE TABLE for a definition, under another physical name when given."""
    parts = [_column(catalog, table, column) for column in table.columns]
    parts += [part for part in (_constraint(catalog, table, c) for c in table.constraints) if part]
    return f"CREATE TABLE {quote(name or table.physical)} ({', '.join(parts)})"


def _column(catalog: Catalog, table: Table, column: ColumnDef) -> str:
    if column.name == table.rowid_column:
        return f"{quote(column.name)} INTEGER PRIMARY KEY AUTOINCREMENT"
    text = f"{quote(column.name)} {column.type.physical}"
    if not column.nullable:
        text += " NOT NULL"
    if column.default is not None:
        text += f" DEFAULT ({default_sql(catalog, table, column)})"
    return text


def _constraint(catalog: Catalog, table: Table, constraint: Constraint) -> str | None:
    head = f"CONSTRAINT {quote(f'{table.owner}.{constraint.name}')} "
    match constraint.kind:
        case "P":
            return None if table.rowid_column else f"{head}PRIMARY KEY ({_list(constraint.columns)})"
        case "U":
            return f"{head}UNIQUE ({_list(constraint.columns)})"
        case "C":
            return f"{head}CHECK ({condition_sql(catalog, table, constraint.condition or '')})"
        case _:
            action = f" ON DELETE {constraint.on_delete}" if constraint.on_delete else ""
            deferred = " DEFERRABLE INITIALLY DEFERRED" if constraint.deferred else ""
            parent = quote(f"{constraint.ref_owner}.{constraint.ref_table}")
            return (
                f"{head}FOREIGN KEY ({_list(constraint.columns)}) REFERENCES {parent}"
                f" ({_list(constraint.ref_columns)}){action}{deferred}"
            )


def index_name(index: Index) -> str:
    """An index's name in SQLite, which keeps tables and indexes in one name space where Oracle has two."""
    return f"{index.owner}.{index.name}#"


def create_index(catalog: Catalog, table: Table, index: Index) -> str:
    """CREATE INDEX for a definition."""
    parts = ", ".join(_index_part(catalog, table, text) for text in index.expressions)
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {quote(index_name(index))} ON {quote(table.physical)} ({parts})"


def _index_part(catalog: Catalog, table: Table, text: str) -> str:
    words = text.rsplit(None, 1)
    order = ""
    if len(words) == 2 and words[1].upper() in ("ASC", "DESC"):
        text, order = words[0], f" {words[1].upper()}"
    return condition_sql(catalog, table, text) + order


def rebuild(catalog: Catalog, old: Table, new: Table, *, values: Mapping[str, str], indexes: list[Index]) -> list[str]:
    """Statements that turn ``old`` into ``new`` with all rows and row ids; run with foreign keys off.

    ``values`` gives for a new column's name the SQL that fills it; columns of both are copied by name.
    """
    temporary = f"{new.physical}.NEW"
    kept = [c.name for c in new.columns if c.name in values or old.column(c.name) is not None]
    sources = [values.get(name, quote(name)) for name in kept]
    targets = list(map(quote, kept))
    if new.rowid_column is None:
        targets.insert(0, "rowid")
        sources.insert(0, "rowid")
    statements = [
        create_table(catalog, new, temporary),
        f"INSERT INTO {quote(temporary)} ({', '.join(targets)}) SELECT {', '.join(sources)} FROM {quote(old.physical)}",
    ]
    if new.rowid_column is not None and old.rowid_column is not None:
        statements.append(
            "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = "
            f"{text_literal(old.physical)}) WHERE name = {text_literal(temporary)}"
        )
    statements += [
        f"DROP TABLE {quote(old.physical)}",
        f"ALTER TABLE {quote(temporary)} RENAME TO {quote(new.physical)}",
    ]
    return statements + [create_index(catalog, new, index) for index in indexes]


def rename_table(old: Table, new: Table) -> str:
    """ALTER TABLE ... RENAME TO."""
    return f"ALTER TABLE {quote(old.physical)} RENAME TO {quote(new.physical)}"


def text_literal(text: str) -> str:
    """A string for SQLite."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: int | float | str | bytes | None) -> str:
    """Any cell for SQLite, exactly."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return repr(value)


def check_reference(catalog: Catalog, constraint: Constraint, table: Table) -> None:
    """Raises OracleError 942, 2270 or 2267 when a foreign key's parent does not fit."""
    assert constraint.ref_owner is not None
    assert constraint.ref_table is not None
    same = (constraint.ref_owner, constraint.ref_table) == (table.owner, table.name)
    parent = table if same else catalog.find(constraint.ref_owner, constraint.ref_table)
    if not isinstance(parent, Table):
        raise OracleError(942, "table or view does not exist")
    keys = [set(c.columns) for c in parent.constraints if c.kind in "PU"]
    if set(constraint.ref_columns) not in keys:
        raise OracleError(2270, "no matching unique or primary key for this column-list")
