"""Who may do what: system privileges, object privileges, and the roles that stand for several of them."""

from __future__ import annotations

from typing import Final

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import PUBLIC, SYS, Sequence, Table, View

_OWN: Final = frozenset(
    {"CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE", "CREATE SYNONYM", "CREATE PROCEDURE", "CREATE TRIGGER"}
)
ROLES: Final[dict[str, frozenset[str]]] = {
    "CONNECT": frozenset({"CREATE SESSION", "SET CONTAINER"}),
    "RESOURCE": _OWN,
    "DB_DEVELOPER_ROLE": _OWN | {"CREATE SESSION"},
    "DWROLE": _OWN | {"CREATE SESSION"},
    "SODA_APP": frozenset(),
    "SELECT_CATALOG_ROLE": frozenset(),
    "PDB_DBA": frozenset({"*"}),
    "DBA": frozenset({"*"}),
}
"""What each role stands for; ``*`` is everything."""

OBJECT_PRIVILEGES: Final = frozenset(
    {"SELECT", "READ", "INSERT", "UPDATE", "DELETE", "REFERENCES", "INDEX", "ALTER", "FLASHBACK"}
)
_KINDS = ("TABLE", "VIEW", "SEQUENCE", "SYNONYM", "INDEX", "PROCEDURE", "TRIGGER", "TYPE")
SYSTEM_PRIVILEGES: Final = frozenset(
    {f"{verb} ANY {kind}" for verb in ("CREATE", "ALTER", "DROP") for kind in _KINDS}
    | {f"{verb} ANY TABLE" for verb in ("SELECT", "READ", "INSERT", "UPDATE", "DELETE", "LOCK", "COMMENT", "FLASHBACK")}
    | {f"{verb} USER" for verb in ("CREATE", "ALTER", "DROP")}
    | _OWN
    | {"CREATE SESSION", "ALTER SESSION", "SET CONTAINER", "CREATE ROLE", "DROP ANY ROLE", "GRANT ANY PRIVILEGE"}
    | {"GRANT ANY ROLE", "GRANT ANY OBJECT PRIVILEGE", "UNLIMITED TABLESPACE", "ALTER SYSTEM", "SELECT ANY DICTIONARY"}
    | {"CREATE PUBLIC SYNONYM", "DROP PUBLIC SYNONYM", "CREATE MATERIALIZED VIEW", "CREATE TYPE", "CREATE JOB"}
    | {"PURGE DBA_RECYCLEBIN", "SELECT ANY SEQUENCE", "CREATE VIEW"}
)

_ANY: Final = {
    "SELECT": ("SELECT ANY TABLE", "READ ANY TABLE"),
    "READ": ("READ ANY TABLE",),
    "INSERT": ("INSERT ANY TABLE",),
    "UPDATE": ("UPDATE ANY TABLE",),
    "DELETE": ("DELETE ANY TABLE",),
}


class Privileges:
    """The grants of one state of the catalog."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._system: dict[str, set[str]] = {}
        self._objects: dict[tuple[str, str, str], set[str]] = {}
        for grantee, privilege, owner, name in connection.execute(
            "SELECT grantee, privilege, owner, object FROM grants"
        ):
            if owner:
                self._objects.setdefault((grantee, owner, name), set()).add(privilege)
            else:
                self._system.setdefault(grantee, set()).add(privilege)

    def is_role(self, name: str) -> bool:
        """Whether this is a predefined role or one that was created."""
        return name in ROLES or "ROLE" in self._system.get(name, ())

    def _granted(self, user: str) -> set[str]:
        """All system privileges of a user, roles (and their roles) resolved."""
        found: set[str] = set()
        pending = [user, PUBLIC]
        while pending:
            for name in self._system.get(pending.pop(), ()):
                if name not in found:
                    found |= {name, *ROLES.get(name, ())}
                    pending.append(name)
        return found

    def has(self, user: str, privilege: str) -> bool:
        """Whether a user has a system privilege, by itself, through a role or as everybody has it."""
        return bool(self._granted(user) & {privilege, "*"})

    def require(self, user: str, privilege: str) -> None:
        """Raises OracleError 1031 when the user lacks a system privilege."""
        if not self.has(user, privilege):
            raise OracleError(1031, "insufficient privileges")

    def sees(self, user: str, owner: str, name: str) -> bool:
        """Whether an object is among a user's ALL_ views."""
        if owner in (user, PUBLIC, SYS) or self.has(user, "SELECT ANY TABLE") or self.has(user, "*"):
            return True
        return any((grantee, owner, name) in self._objects for grantee in {user, PUBLIC, *self._granted(user)})

    def check(self, user: str, item: Table | View | Sequence, privilege: str) -> None:
        """Raises OracleError 942 when the user may not even see an object, 1031 when not do this to it."""
        if item.owner in (user, SYS) or self.has(user, "*"):
            return
        granted: set[str] = set()
        for grantee in {user, PUBLIC, *self._granted(user)}:
            granted |= self._objects.get((grantee, item.owner, item.name), set())
        wanted = {privilege, "READ"} if privilege == "SELECT" else {privilege}
        if granted & wanted or any(self.has(user, name) for name in _ANY.get(privilege, ())):
            return
        if granted or any(self.has(user, name) for name in _ANY["SELECT"]):
            raise OracleError(1031, "insufficient privileges")
        raise OracleError(942, "table or view does not exist")
