"""FLASHBACK TABLE ... TO TIMESTAMP | SCN | RESTORE POINT: the rows of tables as they were, as one new transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import apsw

from simulator.database import storage
from simulator.database.errors import to_oracle
from simulator.database.interface import OracleError
from simulator.database.past import flashback_statements
from simulator.database.redo import RedoEntry
from simulator.database.sql.catalog import RestorePoint, Table
from simulator.database.sql.dialect import parse_expression
from simulator.database.sql.lexer import Token
from simulator.database.sql.plan import Plan
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.scope import Names
from simulator.database.sql.select import expression_sql
from simulator.database.writer import Transaction

if TYPE_CHECKING:
    from simulator.database.core import Core
    from simulator.database.session import EngineSession


def is_flashback_to_past(tokens: Sequence[Token]) -> bool:
    """Whether this is FLASHBACK TABLE to a moment, not to before a drop."""
    return tokens[0].is_word("FLASHBACK") and not any(token.is_word("BEFORE") for token in tokens)


def run_flashback(database: Core, session: EngineSession, plan: Plan) -> RedoEntry | None:
    """Run the statement; the caller holds the write lock and has committed. Raises OracleError, nothing changed."""
    connection = database.writer
    reader = TokenReader(plan.statement.sql, [t for t in plan.tokens if not t.is_op(";")])
    reader.expect("FLASHBACK", "TABLE")
    tables = [_table(database, session, reader)]
    while reader.op(","):
        tables.append(_table(database, session, reader))
    reader.expect("TO")
    scn = _moment(database, session, reader)
    images = [database.past.open(connection, database.catalog, table, scn) for table in tables]
    # Foreign keys off: deleting the present rows must not cascade. What is broken in the end is looked for.
    storage.enforce(connection, constraints=False)
    transaction = Transaction(connection)
    try:
        for table, image in zip(tables, images, strict=True):
            for statement in flashback_statements(table, image):
                connection.execute(statement)
        if connection.execute("PRAGMA foreign_key_check").get:
            raise OracleError(2091, "transaction rolled back: an integrity constraint would be violated")
        return database.commit(transaction, session.epoch)
    except apsw.Error as error:
        raise to_oracle(error, database.catalog) from error
    finally:
        transaction.rollback()
        storage.enforce(connection, constraints=True)


def _table(database: Core, session: EngineSession, reader: TokenReader) -> Table:
    owner, name = reader.qualified()
    table = database.catalog.table(session.schema, owner, name)
    for privilege in ("SELECT", "INSERT", "DELETE"):
        database.privileges.check(session.user, table, privilege)
    if not table.row_movement:
        raise OracleError(8189, "cannot flashback the table because row movement is not enabled")
    return table


def _moment(database: Core, session: EngineSession, reader: TokenReader) -> int:
    if reader.words("RESTORE", "POINT"):
        name = reader.name()
        reader.finish()
        points = (i for i in database.catalog.items if isinstance(i, RestorePoint) and i.name == name)
        point = next(points, None)
        if point is None:
            raise OracleError(38780, f"Restore point '{name}' does not exist.")
        return point.scn
    kind = reader.any_word("SCN", "TIMESTAMP")
    if kind is None:
        raise OracleError(905, "missing keyword", offset=reader.position)
    names = Names(database.catalog, session.schema, lambda _item, _privilege: None)
    sql = expression_sql(parse_expression(reader.sql[reader.position :].rstrip(" ;")), names, {})
    value = database.writer.execute(f"SELECT {sql}").get
    return database.past.resolve(database.writer, kind, value)
