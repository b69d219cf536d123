"""Alembic's environment: runs the migrations on the engine that ``application.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from application.schema import metadata

_engine = context.config.attributes["engine"]

with _engine.connect() as _connection:
    # Oracle commits with every DDL statement: a transaction per migration is all there is to have.
    context.configure(connection=_connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
