"""Oracle SQL read and rewritten for SQLite."""
