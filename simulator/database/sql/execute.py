"""Plans run on a connection. These functions run in the engine's threads and touch nothing but the connection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apsw

from simulator.database.errors import foreign_key_error, to_oracle
from simulator.database.interface import Column, ColumnType, OracleError, Result, Value
from simulator.database.past import PastImages
from simulator.database.sql.catalog import Catalog, Table
from simulator.database.sql.plan import DmlPlan, QueryPlan, SqliteText, ordered
from simulator.database.sql.rewrite import AsOf
from simulator.database.sql.scope import Output
from simulator.database.sql.types import Cell, OracleType, is_stamp, reader_of, to_cell

Cells = Sequence[Cell]


def run_query(
    connection: apsw.Connection, plan: QueryPlan, binds: Sequence[Value], catalog: Catalog, past: PastImages
) -> Result:
    """All rows of a query. Raises OracleError."""
    assert plan.query is not None
    cells = [to_cell(v) for v in binds]
    try:
        text = with_past(connection, plan.text, plan.query.as_of, cells, catalog, past)
        rows: list[tuple[Cell, ...]] = connection.execute(text.sql, _arguments(text, cells)).fetchall()
    except apsw.Error as error:
        raise to_oracle(error, catalog) from error
    columns = tuple(hint or _observed(plan.statement.columns[i], rows, i) for i, hint in enumerate(plan.hints))
    return Result(columns, convert_rows(rows, columns), len(rows))


def with_past(
    connection: apsw.Connection,
    text: SqliteText,
    as_of: Sequence[AsOf],
    cells: Cells,
    catalog: Catalog,
    past: PastImages,
) -> SqliteText:
    """The text with each AS OF table read from its image, which is attached. Raises OracleError."""
    for item in as_of:
        moment = ordered(f"SELECT {item.moment}")
        value: Cell = connection.execute(moment.sql, _arguments(moment, cells)).get
        scn = past.resolve(connection, item.kind, value)
        image = past.open(connection, catalog, item.table, scn)
        text = SqliteText(text.sql.replace(f'"{item.schema}".', f'"{image.schema}".'), text.order)
    return text


def _arguments(text: SqliteText, cells: Cells) -> tuple[Cell, ...]:
    return tuple(cells[i] for i in text.order)


def _observed(declared: Column, rows: Sequence[Cells], index: int) -> Column:
    """The column as its values show it, where nothing else tells the type."""
    value = next((row[index] for row in rows if row[index] is not None), None)
    if isinstance(value, (int, float)):
        return OracleType(ColumnType.NUMBER).column(declared.name)
    if isinstance(value, bytes):
        return OracleType(ColumnType.RAW, 2000).column(declared.name)
    if is_stamp(value):
        return OracleType(ColumnType.TIMESTAMP).column(declared.name)
    return declared


def convert_rows(rows: Sequence[Cells], columns: Sequence[Column]) -> list[list[Value]]:
    """Cells as the values of these columns."""
    readers = [reader_of(column) for column in columns]
    return [[read(cell) for read, cell in zip(readers, row, strict=True)] for row in rows]


@dataclass
class Progress:
    """How far an executemany came: rows taken from the source."""

    taken: int = 0


def run_dml(
    connection: apsw.Connection,
    plan: DmlPlan,
    bind_rows: Sequence[Sequence[Value]],
    world: tuple[Catalog, PastImages],
    *,
    batch_errors: bool,
) -> Result:
    """Run a DML statement once per bind row. Raises OracleError; rows before the failing one stay changed."""
    dml = plan.dml
    assert dml is not None
    catalog, past = world
    if dml.as_of:
        cells = _cells(plan, bind_rows[0])
        texts = tuple(with_past(connection, text, dml.as_of, cells, catalog, past) for text in plan.texts)
        plan = dataclasses.replace(plan, texts=texts)
    single = len(plan.texts) == 1 and not dml.returning and plan.check is None
    if single and dml.given_values and len(bind_rows) > 1 and not batch_errors:
        return _run_many(connection, plan, bind_rows, catalog)
    counts: list[int] = []
    returned: list[list[list[Value]]] = []
    errors: list[tuple[int, OracleError]] = []
    for number, row in enumerate(bind_rows):
        try:
            count, values = _run_row(connection, plan, row, catalog)
        except OracleError as error:
            if not batch_errors or error.code in (1013, 2091):
                raise
            errors.append((number, error))
            count, values = 0, [[] for _ in dml.returning]
        counts.append(count)
        returned.append(values)
    return Result(
        rowcount=sum(counts),
        row_counts=tuple(counts),
        returning=returned if dml.returning else (),
        batch_errors=tuple(errors),
    )


def _run_many(
    connection: apsw.Connection, plan: DmlPlan, bind_rows: Sequence[Sequence[Value]], catalog: Catalog
) -> Result:
    """INSERT ... VALUES of many rows: SQLite takes them from a generator, each one its own statement."""
    text = plan.texts[0]
    progress = Progress()

    def source() -> Iterator[tuple[Cell, ...]]:
        for row in bind_rows:
            progress.taken += 1
            yield _arguments(text, _cells(plan, row))

    try:
        connection.executemany(text.sql, source())
    except apsw.Error as error:
        raise _dml_error(connection, plan, bind_rows[progress.taken - 1], error, catalog) from error
    return Result(rowcount=len(bind_rows), row_counts=(1,) * len(bind_rows))


def _cells(plan: DmlPlan, row: Sequence[Value]) -> list[Cell]:
    return [
        to_cell(value) if convert is None else convert(to_cell(value))
        for value, convert in zip(row, plan.converters, strict=True)
    ]


def _run_row(
    connection: apsw.Connection, plan: DmlPlan, row: Sequence[Value], catalog: Catalog
) -> tuple[int, list[list[Value]]]:
    dml = plan.dml
    assert dml is not None
    cells = _cells(plan, row)
    several = len(plan.texts) > 1
    try:
        if several:
            connection.execute("SAVEPOINT statement")
        if plan.check is not None and connection.execute(plan.check.sql, _arguments(plan.check, cells)).get:
            raise OracleError(30926, "unable to get a stable set of rows in the source tables")
        count = 0
        rows: list[tuple[Cell, ...]] = []
        for text in plan.texts:
            rows += connection.execute(text.sql, _arguments(text, cells)).fetchall()
            count += connection.changes()
        if several:
            connection.execute("RELEASE statement")
    except (apsw.Error, OracleError) as error:
        if several and connection.in_transaction:
            connection.execute("ROLLBACK TO statement; RELEASE statement")
        if isinstance(error, OracleError):
            raise
        raise _dml_error(connection, plan, row, error, catalog) from error
    return count, _returned(rows, dml.returning)


def _returned(rows: Sequence[Cells], outputs: Sequence[Output]) -> list[list[Value]]:
    """RETURNING's values: one list per bind."""
    columns: list[Column] = []
    for index, output in enumerate(outputs):
        declared = OracleType(ColumnType.VARCHAR, 4000).column(output.name)
        columns.append(output.type.column(output.name) if output.type else _observed(declared, rows, index))
    converted = convert_rows(rows, columns)
    return [[row[index] for row in converted] for index in range(len(outputs))]


def _dml_error(
    connection: apsw.Connection, plan: DmlPlan, row: Sequence[Value], error: apsw.Error, catalog: Catalog
) -> OracleError:
    dml = plan.dml
    assert dml is not None
    if isinstance(error, apsw.ConstraintError) and "FOREIGN KEY" in str(error) and connection.in_transaction:
        name = _broken_foreign_key(connection, plan, row, catalog)
        if name is not None:
            kind = dml.kind
            if kind == "UPDATE" and name[0] != dml.table.physical:
                kind = "DELETE"
            return foreign_key_error(dml.table, name[1], kind)
    return to_oracle(error, catalog, kind=dml.kind)


def _broken_foreign_key(
    connection: apsw.Connection, plan: DmlPlan, row: Sequence[Value], catalog: Catalog
) -> tuple[str, str] | None:
    """Which foreign key a statement breaks, as (child table, ``OWNER.NAME``).

    SQLite does not say: so the statement is run once more with the checks deferred, looked at, and undone.
    """
    cells = _cells(plan, row)
    connection.execute("SAVEPOINT sp_foreign; PRAGMA defer_foreign_keys=ON")
    try:
        for text in plan.texts:
            connection.execute(text.sql, _arguments(text, cells)).fetchall()
        for physical, _rowid, _parent, number in connection.execute("PRAGMA foreign_key_check"):
            child = catalog.by_physical(physical)
            if isinstance(child, Table):
                keys = [c for c in child.constraints if c.kind == "R"]
                # SQLite numbers a table's keys from the last to the first.
                return physical, f"{child.owner}.{keys[len(keys) - 1 - number].name}"
    finally:
        connection.execute("ROLLBACK TO sp_foreign; RELEASE sp_foreign; PRAGMA defer_foreign_keys=OFF")
    return None
