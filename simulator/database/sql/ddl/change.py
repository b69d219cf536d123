"""What a DDL statement does: SQLite statements for the redo log, and changes of the catalog's rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import apsw

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import Catalog, Object, next_object_id
from simulator.database.sql.privileges import Privileges
from simulator.database.sql.scope import Names


@dataclass
class Change:
    """One DDL statement being worked out.

    ``statements`` must mean the same on every copy: whatever depends on the moment is a literal in them. ``rows``
    are run afterwards and travel as a changeset.
    """

    catalog: Catalog
    privileges: Privileges
    connection: apsw.Connection
    user: str
    schema: str
    now: datetime
    scn: int
    statements: list[str] = field(default_factory=list[str])
    rows: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    validations: list[tuple[str, OracleError]] = field(default_factory=list[tuple[str, OracleError]])
    _next_id: int = 0

    def new_id(self) -> int:
        """An object id that is not taken."""
        self._next_id = max(self._next_id + 1, next_object_id(self.connection))
        return self._next_id

    def names(self, owner: str | None = None) -> Names:
        """How names in the statement are resolved."""
        return Names(
            self.catalog,
            owner or self.schema,
            lambda item, privilege: self.privileges.check(self.user, item, privilege),
        )

    def schema_sql(self, *statements: str) -> None:
        """Add SQLite statements."""
        self.statements += statements

    def row(self, job: Callable[[], object]) -> None:
        """Add a change of the engine's rows."""
        self.rows.append(job)

    def check_free(self, owner: str, name: str) -> None:
        """Raises OracleError 955 when the name is in use, 1918 when there is no such owner."""
        if owner not in self.catalog.users:
            raise OracleError(1918, f"user '{owner}' does not exist")
        if self.catalog.find(owner, name) is not None:
            raise OracleError(955, "name is already used by an existing object")

    def require(self, owner: str, privilege: str) -> None:
        """Raises OracleError 1031 unless the user may do this in the owner's schema (``CREATE TABLE`` and the like)."""
        if owner != self.user:
            privilege = privilege.replace(" ", " ANY ", 1)
        elif privilege.startswith(("DROP", "ALTER", "COMMENT")):
            return
        self.privileges.require(self.user, privilege)

    def find(self, owner: str | None, name: str) -> Object:
        """An object by the name as written, not through synonyms. Raises OracleError 942."""
        found = self.catalog.find(owner or self.schema, name)
        if found is None:
            raise OracleError(942, "table or view does not exist")
        return found
