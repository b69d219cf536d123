"""Alembic's migrations: what the database goes through to become what ``application.schema`` expects."""
