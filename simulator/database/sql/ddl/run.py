"""Which DDL statement it is, and its way into the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from simulator.database.interface import OracleError
from simulator.database.sql.ddl import accounts, objects, table_statements
from simulator.database.sql.ddl.alter_table import alter_table
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.lexer import Token
from simulator.database.sql.reader import TokenReader

Handler = Callable[[Change, TokenReader], None]

_DROP: Final[dict[str, Handler]] = {
    "TABLE": table_statements.drop_table,
    "INDEX": objects.drop_index,
    "VIEW": objects.drop_view,
    "SEQUENCE": objects.drop_sequence,
    "SYNONYM": lambda c, r: objects.drop_synonym(c, r, public=False),
    "USER": accounts.drop_user,
    "ROLE": accounts.drop_role,
}
_ALTER: Final[dict[str, Handler]] = {
    "TABLE": alter_table,
    "SEQUENCE": objects.alter_sequence,
    "USER": accounts.alter_user,
}
_OTHERS: Final[dict[str, Handler]] = {
    "GRANT": accounts.grant,
    "REVOKE": accounts.revoke,
    "TRUNCATE": table_statements.truncate,
    "RENAME": table_statements.rename,
    "COMMENT": table_statements.comment,
    "PURGE": table_statements.purge,
}


def work_out(change: Change, sql: str, tokens: tuple[Token, ...]) -> None:
    """Fill ``change`` with what a DDL statement does. Raises OracleError; nothing was changed then."""
    kept = list(tokens)
    if kept and kept[-1].is_op(";"):
        kept.pop()
        sql = sql[: tokens[-1].start]
    reader = TokenReader(sql, kept)
    word = reader.advance().value
    if word == "CREATE":
        _create(change, reader)
    elif word in ("DROP", "ALTER"):
        _object_statement(change, reader, word)
    elif word == "FLASHBACK":
        _flashback(change, reader)
    elif word in _OTHERS:
        _OTHERS[word](change, reader)
    else:
        raise OracleError(3001, f"unimplemented feature: {word}")


def _create(change: Change, reader: TokenReader) -> None:
    replace = reader.words("OR", "REPLACE")
    while reader.any_word("FORCE", "NOFORCE", "EDITIONABLE", "NONEDITIONABLE"):
        continue
    public = reader.words("PUBLIC")
    if reader.words("TABLE"):
        table_statements.create_table(change, reader)
    elif reader.words("UNIQUE", "INDEX"):
        objects.create_index(change, reader, unique=True)
    elif reader.words("INDEX") or reader.words("BITMAP", "INDEX"):
        objects.create_index(change, reader, unique=False)
    elif reader.words("VIEW"):
        objects.create_view(change, reader, replace=replace)
    elif reader.words("SEQUENCE"):
        objects.create_sequence(change, reader)
    elif reader.words("SYNONYM"):
        objects.create_synonym(change, reader, public=public, replace=replace)
    elif reader.words("USER"):
        accounts.create_user(change, reader)
    elif reader.words("ROLE"):
        accounts.create_role(change, reader)
    elif reader.words("RESTORE", "POINT"):
        objects.create_restore_point(change, reader)
    else:
        word = reader.advance().value
        raise OracleError(3001, f"unimplemented feature: CREATE {word}")


def _object_statement(change: Change, reader: TokenReader, verb: str) -> None:
    if verb == "DROP" and reader.words("PUBLIC", "SYNONYM"):
        objects.drop_synonym(change, reader, public=True)
        return
    if verb == "DROP" and reader.words("RESTORE", "POINT"):
        objects.drop_restore_point(change, reader)
        return
    word = reader.advance().value
    handler = (_DROP if verb == "DROP" else _ALTER).get(word)
    if handler is None:
        raise OracleError(3001, f"unimplemented feature: {verb} {word}")
    handler(change, reader)


def _flashback(change: Change, reader: TokenReader) -> None:
    reader.expect("TABLE")
    owner, name = reader.qualified()
    reader.expect("TO", "BEFORE", "DROP")
    table_statements.flashback_before_drop(change, reader, owner, name)


def redacted(sql: str) -> str:
    """The text as it may be kept: without passwords."""
    return re.sub(r"(?i)(\bidentified\s+by\s+|\breplace\s+)(\"[^\"]*\"|\S+)", r"\1***", sql)
