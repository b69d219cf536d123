"""A DDL statement's way through the engine: worked out, run, logged and committed as one transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from simulator.database import redo, storage
from simulator.database.errors import to_oracle
from simulator.database.redo import RedoEntry
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.ddl.run import redacted, work_out
from simulator.database.sql.plan import Plan
from simulator.database.writer import Transaction

if TYPE_CHECKING:
    from simulator.database.core import Core
    from simulator.database.session import EngineSession


def run_ddl(database: Core, session: EngineSession, plan: Plan) -> RedoEntry | None:
    """Run a DDL statement; the caller holds the write lock and has committed. Raises OracleError, nothing changed."""
    connection = database.writer
    sql = plan.statement.sql
    # Foreign keys off: a table that is rebuilt is dropped on the way, its children must not notice.
    storage.enforce(connection, constraints=False)
    transaction = Transaction(connection)
    try:
        change = Change(
            database.catalog,
            database.privileges,
            connection,
            session.user,
            session.schema,
            database.clock.now(),
            database.scn,
        )
        work_out(change, sql, plan.tokens)
        transaction.execute_schema(change.statements)
        for row in change.rows:
            row()
        return database.commit(transaction, session.epoch, kind=redo.DDL, ddl=redacted(sql))
    except apsw.Error as error:
        raise to_oracle(error, database.catalog) from error
    finally:
        transaction.rollback()
        storage.enforce(connection, constraints=True)
