"""Users, roles, grants."""

from __future__ import annotations

from typing import Final

from simulator.database import users
from simulator.database.interface import OracleError
from simulator.database.sql.catalog import PUBLIC, Sequence, Table, View
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.ddl.objects import drop_object_rows
from simulator.database.sql.lexer import Kind
from simulator.database.sql.privileges import OBJECT_PRIVILEGES, ROLES, SYSTEM_PRIVILEGES
from simulator.database.sql.reader import TokenReader

_RESERVED: Final = frozenset({"SYS", "SYSTEM", "PUBLIC"})


def create_user(change: Change, reader: TokenReader) -> None:
    """CREATE USER name IDENTIFIED BY password [options]."""
    change.privileges.require(change.user, "CREATE USER")
    name = reader.name()
    if name in _RESERVED or name in change.catalog.users or name in ROLES:
        raise OracleError(1920, f"user name '{name}' conflicts with another user or role name")
    reader.expect("IDENTIFIED", "BY")
    password = _password(reader)
    locked = _user_options(change, reader, name)
    change.row(lambda: users.insert_user(change.connection, name, password, change.now))
    if locked:
        change.row(lambda: users.set_locked(change.connection, name, locked=True))


def _password(reader: TokenReader) -> str:
    """A password keeps its case only in double quotes… which 12c and later ignore: it is case-sensitive either way."""
    token = reader.advance()
    if token.kind not in (Kind.NAME, Kind.QUOTED):
        raise OracleError(988, "missing or invalid password(s)", offset=token.start)
    return token.value if token.kind is Kind.QUOTED else reader.sql[token.start : token.end]


def _user_options(change: Change, reader: TokenReader, name: str) -> bool | None:
    """Take quotas, tablespaces and the like; whether the account is to be locked (None: not said)."""
    locked: bool | None = None
    while reader.current is not None:
        if reader.words("ACCOUNT"):
            locked = reader.words("LOCK")
            if not locked:
                reader.expect("UNLOCK")
        elif reader.words("QUOTA"):
            reader.advance()
            reader.any_word("K", "M", "G", "T")
            reader.expect("ON")
            reader.name()
        elif (
            reader.words("DEFAULT", "TABLESPACE") or reader.words("TEMPORARY", "TABLESPACE") or reader.words("PROFILE")
        ):
            reader.name()
        elif reader.words("CONTAINER"):
            reader.expect_op("=")
            reader.name()
        elif reader.words("DEFAULT", "ROLE"):
            reader.any_word("ALL", "NONE")
        elif reader.words("REPLACE"):
            old = _password(reader)
            verifier = users.find_verifier(change.connection, name)
            if verifier is None or not users.proves(verifier, old):
                raise OracleError(28008, "invalid old password")
        else:
            reader.finish()
    return locked


def alter_user(change: Change, reader: TokenReader) -> None:
    """ALTER USER name [IDENTIFIED BY password [REPLACE old]] [ACCOUNT LOCK | UNLOCK] ..."""
    name = reader.name()
    if name not in change.catalog.users:
        raise OracleError(1918, f"user '{name}' does not exist")
    password = _password(reader) if reader.words("IDENTIFIED", "BY") else None
    before = reader.position
    locked = _user_options(change, reader, name)
    own_password = name == change.user and password is not None and locked is None
    if not own_password:
        change.privileges.require(change.user, "ALTER USER")
    if password is not None:
        change.row(lambda: users.set_password(change.connection, name, password))
    if locked is not None:
        change.row(lambda: users.set_locked(change.connection, name, locked=locked))
    if password is None and locked is None and before == reader.position:
        raise OracleError(922, "missing or invalid option", offset=before)
    change.row(lambda: None)


def drop_user(change: Change, reader: TokenReader) -> None:
    """DROP USER name [CASCADE]."""
    change.privileges.require(change.user, "DROP USER")
    name = reader.name()
    cascade = reader.words("CASCADE")
    reader.finish()
    if name not in change.catalog.users:
        raise OracleError(1918, f"user '{name}' does not exist")
    if name in ("ADMIN", change.user):
        raise OracleError(1940, "cannot drop a user that is currently connected")
    owned = [item for item in change.catalog.items if item.owner == name]
    if owned and not cascade:
        raise OracleError(1922, f"CASCADE must be specified to drop '{name}'")
    for item in owned:
        drop_object_rows(change, item)
    change.row(lambda: change.connection.execute("DELETE FROM users WHERE name = ?", (name,)))
    change.row(lambda: change.connection.execute("DELETE FROM grants WHERE grantee = ? OR owner = ?", (name, name)))


def create_role(change: Change, reader: TokenReader) -> None:
    """CREATE ROLE name: kept as a grant to itself of nothing."""
    change.privileges.require(change.user, "CREATE ROLE")
    name = reader.name()
    reader.finish()
    if name in change.catalog.users or name in ROLES or change.privileges.is_role(name):
        raise OracleError(1921, f"role name '{name}' conflicts with another user or role name")
    change.row(lambda: change.connection.execute("INSERT INTO grants(grantee, privilege) VALUES (?, 'ROLE')", (name,)))


def drop_role(change: Change, reader: TokenReader) -> None:
    """DROP ROLE name."""
    change.privileges.require(change.user, "DROP ANY ROLE")
    name = reader.name()
    reader.finish()
    if not change.privileges.is_role(name):
        raise OracleError(1919, f"role '{name}' does not exist")
    change.row(lambda: change.connection.execute("DELETE FROM grants WHERE grantee = ? OR privilege = ?", (name, name)))


# -- grants --------------------------------------------------------------------------------------------------------


def _privileges(reader: TokenReader, *stops: str) -> list[str]:
    """Comma-separated privileges of several words each, up to one of the stop words."""
    found: list[list[str]] = [[]]
    while (token := reader.current) is not None and not token.is_word(*stops):
        reader.advance()
        if token.is_op(","):
            found.append([])
        else:
            found[-1].append(token.value)
    return [" ".join(words) for words in found if words]


def _object(change: Change, reader: TokenReader) -> tuple[str, str] | None:
    """``ON [owner.]name``, if it is there. Raises OracleError 942 or 1031."""
    if not reader.words("ON"):
        return None
    owner, name = reader.qualified()
    found = change.catalog.resolve(change.schema, owner, name)
    if not isinstance(found, (Table, View, Sequence)):
        raise OracleError(942, "table or view does not exist")
    if found.owner != change.user:
        change.privileges.require(change.user, "GRANT ANY OBJECT PRIVILEGE")
    return found.owner, found.name


def _grantees(change: Change, reader: TokenReader) -> list[str]:
    names = [reader.name()]
    while reader.op(","):
        names.append(reader.name())
    for name in names:
        if name not in change.catalog.users and name != PUBLIC and not change.privileges.is_role(name):
            raise OracleError(1917, f"user or role '{name}' does not exist")
    return names


def _check_privileges(change: Change, names: list[str], target: tuple[str, str] | None) -> list[str]:
    if target is not None:
        names = sorted(OBJECT_PRIVILEGES) if names in (["ALL"], ["ALL PRIVILEGES"]) else names
        unknown = [n for n in names if n not in OBJECT_PRIVILEGES]
    else:
        change.privileges.require(change.user, "GRANT ANY PRIVILEGE")
        unknown = [
            n for n in names if n not in SYSTEM_PRIVILEGES and n not in ROLES and not change.privileges.is_role(n)
        ]
    if unknown:
        if len(unknown[0].split()) == 1:
            raise OracleError(1919, f"role '{unknown[0]}' does not exist")
        raise OracleError(990, "missing or invalid privilege")
    return names


def grant(change: Change, reader: TokenReader) -> None:
    """GRANT privileges [ON object] TO users [WITH ADMIN | GRANT OPTION]."""
    names = _privileges(reader, "ON", "TO")
    target = _object(change, reader)
    names = _check_privileges(change, names, target)
    reader.expect("TO")
    grantees = _grantees(change, reader)
    reader.words("WITH", "ADMIN", "OPTION")
    reader.words("WITH", "GRANT", "OPTION")
    reader.finish()
    owner, item = target or ("", "")
    rows = [(grantee, name, owner, item) for grantee in grantees for name in names]
    change.row(
        lambda: change.connection.executemany(
            "INSERT OR IGNORE INTO grants(grantee, privilege, owner, object) VALUES (?, ?, ?, ?)", rows
        )
    )


def revoke(change: Change, reader: TokenReader) -> None:
    """REVOKE privileges [ON object] FROM users."""
    names = _privileges(reader, "ON", "FROM")
    target = _object(change, reader)
    names = _check_privileges(change, names, target)
    reader.expect("FROM")
    grantees = _grantees(change, reader)
    reader.words("CASCADE", "CONSTRAINTS")
    reader.finish()
    owner, item = target or ("", "")
    for grantee in grantees:
        for name in names:
            row = (grantee, name, owner, item)
            known = change.connection.execute(
                "SELECT 1 FROM grants WHERE grantee = ? AND privilege = ? AND owner = ? AND object = ?", row
            ).get
            if not known:
                if target is not None:
                    raise OracleError(1927, "cannot REVOKE privileges you did not grant")
                raise OracleError(1952, f"system privileges not granted to '{grantee}'")
            change.row(
                lambda row=row: change.connection.execute(
                    "DELETE FROM grants WHERE grantee = ? AND privilege = ? AND owner = ? AND object = ?", row
                )
            )
