"""CREATE TABLE read into a definition."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.catalog import Catalog, ColumnDef, Constraint, Identity, Table
from simulator.database.sql.lexer import Kind, tokenize
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.typetext import read_type

_ENDS_DEFAULT = ("NOT", "NULL", "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "GENERATED", "ENABLE",
                 "DISABLE", "INVISIBLE", "VISIBLE")  # fmt: skip
_STATES = ("ENABLE", "DISABLE", "VALIDATE", "NOVALIDATE", "RELY", "NORELY")
_TABLE_OPTIONS_WITH_VALUE = ("TABLESPACE", "PCTFREE", "PCTUSED", "INITRANS", "MAXTRANS", "PARALLEL", "DEGREE")
_TABLE_OPTIONS = ("LOGGING", "NOLOGGING", "CACHE", "NOCACHE", "NOPARALLEL", "COMPRESS", "NOCOMPRESS", "MONITORING")


class TableReader:
    """Reads columns and constraints; names of unnamed constraints are made from the table's object id."""

    def __init__(self, reader: TokenReader, catalog: Catalog, owner: str, name: str, object_id: int) -> None:
        self._reader = reader
        self._catalog = catalog
        self._owner = owner
        self._name = name
        self._object_id = object_id
        self.columns: list[ColumnDef] = []
        self.constraints: list[Constraint] = []
        self._generated = 0

    def definition(self) -> Table:
        """The table read so far. Raises OracleError for what contradicts itself."""
        names = [c.name for c in self.columns]
        if len(set(names)) != len(names):
            raise OracleError(957, "duplicate column name")
        if sum(c.kind == "P" for c in self.constraints) > 1:
            raise OracleError(2260, "table can have only one primary key")
        for constraint in self.constraints:
            for column in constraint.columns:
                if column not in names:
                    raise OracleError(904, f'"{column}": invalid identifier')
        return settled(Table(self._object_id, self._owner, self._name, tuple(self.columns), tuple(self.constraints)))

    def use_numbers_after(self, constraints: Iterable[Constraint]) -> None:
        """Continue the numbering of system names after those that a table already has."""
        prefix = f"SYS_C{self._object_id:07d}_"
        taken = [int(c.name[len(prefix) :]) for c in constraints if c.name.startswith(prefix)]
        self._generated = max(taken, default=0)

    def items(self) -> None:
        """Take ``( column | constraint, ... )``."""
        self._reader.expect_op("(")
        self.item()
        while self._reader.op(","):
            self.item()
        self._reader.expect_op(")")

    def item(self) -> None:
        """Take one column or table constraint."""
        token = self._reader.current
        following = self._reader.peek()
        constraint = token is not None and (
            token.is_word("CONSTRAINT", "UNIQUE", "CHECK")
            or (token.is_word("PRIMARY", "FOREIGN") and following is not None and following.is_word("KEY"))
        )
        if constraint:
            self._table_constraint()
        else:
            self.columns.append(self.column())

    # -- columns -----------------------------------------------------------------------------------------------

    def column(self) -> ColumnDef:
        """Take one column with its inline constraints."""
        name = self._reader.name()
        if name in ("ROWID", "LEVEL", "ROWNUM"):
            raise OracleError(904, f'"{name}": invalid identifier')
        column = ColumnDef(name, read_type(self._reader))
        column = dataclasses.replace(column, json=column.type.kind is ColumnType.JSON)
        return self.column_rest(column)

    def column_rest(self, column: ColumnDef) -> ColumnDef:
        """Take what follows a column's type: default, identity, inline constraints."""
        reader = self._reader
        while True:
            if reader.words("DEFAULT"):
                on_null = reader.words("ON", "NULL")
                column = dataclasses.replace(column, default=self._expression(), default_on_null=on_null)
                column = dataclasses.replace(column, nullable=column.nullable and not on_null)
            elif reader.words("GENERATED"):
                column = dataclasses.replace(column, identity=self._identity(), nullable=False)
            elif (inline := self._inline(column)) is not None:
                column = inline
            elif not reader.any_word("VISIBLE", *_STATES):
                return column

    def _expression(self) -> str:
        """The text of a default: up to what can only come after it."""
        reader = self._reader
        start, depth, end = reader.position, 0, reader.position
        while (token := reader.current) is not None:
            if depth == 0 and end > start and token.is_word(*_ENDS_DEFAULT):
                break
            if depth == 0 and token.is_op(",", ")"):
                break
            depth += token.is_op("(") - token.is_op(")")
            end = reader.advance().end
        if end == start:
            raise OracleError(936, "missing expression", offset=start)
        return reader.sql[start:end]

    def _identity(self) -> Identity:
        reader = self._reader
        always = not reader.words("BY", "DEFAULT")
        if always:
            reader.words("ALWAYS")
        on_null = not always and reader.words("ON", "NULL")
        reader.expect("AS")
        if not reader.words("IDENTITY"):
            raise OracleError(3001, "unimplemented feature: virtual columns", offset=reader.position)
        start = increment = 1
        if reader.op("("):
            while not reader.op(")"):
                if reader.words("START", "WITH"):
                    start = reader.number()
                elif reader.words("INCREMENT", "BY"):
                    increment = reader.number()
                elif not (reader.any_word("NOCACHE", "NOCYCLE", "ORDER", "NOORDER", "NOMAXVALUE", "NOMINVALUE")):
                    reader.any_word("CACHE", "MAXVALUE", "MINVALUE")
                    reader.number()
        if increment != 1:
            raise OracleError(3001, "unimplemented feature: identity with INCREMENT BY other than 1")
        return Identity(always, on_null, start, increment)

    def _inline(self, column: ColumnDef) -> ColumnDef | None:
        """Take one inline constraint; the column as it changes, or None when there is none."""
        reader = self._reader
        name = reader.name() if reader.words("CONSTRAINT") else None
        if reader.words("NOT", "NULL"):
            column = dataclasses.replace(column, nullable=False)
        elif reader.words("NULL"):
            column = dataclasses.replace(column, nullable=True)
        elif reader.words("PRIMARY", "KEY"):
            self._add(name, "P", (column.name,))
        elif reader.words("UNIQUE"):
            self._add(name, "U", (column.name,))
        elif reader.words("CHECK"):
            self._check(name)
        elif reader.words("REFERENCES"):
            self._references(name, (column.name,))
        elif name is not None:
            raise OracleError(905, "missing keyword", offset=reader.position)
        else:
            return None
        self._constraint_state()
        return column

    # -- constraints -------------------------------------------------------------------------------------------

    def _table_constraint(self) -> None:
        reader = self._reader
        name = reader.name() if reader.words("CONSTRAINT") else None
        if reader.words("PRIMARY", "KEY"):
            self._add(name, "P", reader.names_in_parentheses())
        elif reader.words("UNIQUE"):
            self._add(name, "U", reader.names_in_parentheses())
        elif reader.words("CHECK"):
            self._check(name)
        elif reader.words("FOREIGN", "KEY"):
            columns = reader.names_in_parentheses()
            reader.expect("REFERENCES")
            self._references(name, columns)
        else:
            raise OracleError(904, "invalid identifier", offset=reader.position)
        self._constraint_state()

    def _add(self, name: str | None, kind: str, columns: tuple[str, ...], **details: object) -> None:
        generated = name is None
        if name is None:
            self._generated += 1
            name = f"SYS_C{self._object_id:07d}_{self._generated}"
        constraint = Constraint(name, kind, columns, generated=generated)
        self.constraints.append(dataclasses.replace(constraint, **details))  # pyright: ignore[reportArgumentType]

    def _check(self, name: str | None) -> None:
        self._add(name, "C", (), condition=self._reader.skip_parentheses())

    def _references(self, name: str | None, columns: tuple[str, ...]) -> None:
        reader = self._reader
        owner, parent = reader.qualified()
        token = reader.current
        listed = reader.names_in_parentheses() if token is not None and token.is_op("(") else ()
        owner = owner or self._owner
        if not listed:
            listed = self._parent_key(owner, parent)
        if len(listed) != len(columns):
            raise OracleError(2256, "number of referencing columns must match referenced columns")
        on_delete = None
        if reader.words("ON", "DELETE"):
            if reader.words("CASCADE"):
                on_delete = "CASCADE"
            else:
                reader.expect("SET", "NULL")
                on_delete = "SET NULL"
        self._add(name, "R", columns, ref_owner=owner, ref_table=parent, ref_columns=listed, on_delete=on_delete)

    def _parent_key(self, owner: str, parent: str) -> tuple[str, ...]:
        if (owner, parent) == (self._owner, self._name):
            keys = [c for c in self.constraints if c.kind == "P"]
            if keys:
                return keys[0].columns
        found = self._catalog.find(owner, parent)
        if not isinstance(found, Table):
            raise OracleError(942, "table or view does not exist")
        if found.primary_key is None:
            raise OracleError(2268, "referenced table does not have a primary key")
        return found.primary_key.columns

    def _constraint_state(self) -> None:
        reader = self._reader
        while True:
            if (
                reader.words("NOT", "DEFERRABLE")
                or reader.words("DEFERRABLE")
                or reader.words("INITIALLY", "IMMEDIATE")
            ):
                continue
            if reader.words("INITIALLY", "DEFERRED"):
                self._defer()
            elif reader.words("USING", "INDEX"):
                self._using_index()
            elif reader.words("DISABLE"):
                raise OracleError(3001, "unimplemented feature: disabled constraints", offset=reader.position)
            elif not reader.any_word(*_STATES):
                return

    def _defer(self) -> None:
        last = self.constraints[-1]
        if last.kind != "R":
            raise OracleError(3001, "unimplemented feature: deferred constraints other than foreign keys")
        self.constraints[-1] = dataclasses.replace(last, deferred=True)

    def _using_index(self) -> None:
        reader = self._reader
        token = reader.current
        if token is not None and token.is_op("("):
            reader.skip_parentheses()
            return
        while reader.any_word("TABLESPACE", "PCTFREE", "INITRANS", "LOGGING", "NOLOGGING", "LOCAL", "ONLINE"):
            if reader.current is not None and not reader.current.is_op(",", ")"):
                reader.advance()


def settled(table: Table) -> Table:
    """The definition with what follows from it: keys are not null, IS JSON makes a JSON column, checks name columns."""
    names = {c.name for c in table.columns}
    constraints = tuple(
        dataclasses.replace(c, columns=_mentioned(c.condition or "", names)) if c.kind == "C" else c
        for c in table.constraints
    )
    table = dataclasses.replace(table, constraints=constraints)
    key = table.primary_key.columns if table.primary_key is not None else ()
    json_columns = {name for c in table.constraints if c.kind == "C" for name in _is_json(c.condition or "")}
    columns = tuple(
        dataclasses.replace(c, nullable=c.nullable and c.name not in key, json=c.json or c.name in json_columns)
        for c in table.columns
    )
    for column in columns:
        if column.identity is not None and (table.primary_key is None or key != (column.name,)):
            raise OracleError(3001, "unimplemented feature: an identity column that is not the primary key")
    return dataclasses.replace(table, columns=columns)


def _mentioned(condition: str, names: set[str]) -> tuple[str, ...]:
    """The columns that a condition names, in order."""
    words = (t.value for t in tokenize(condition) if t.kind in (Kind.NAME, Kind.QUOTED))
    return tuple(dict.fromkeys(word for word in words if word in names))


def _is_json(condition: str) -> list[str]:
    """The column of a check that is just ``column IS JSON``."""
    words = condition.replace('"', "").split()
    if len(words) >= 3 and [w.upper() for w in words[1:3]] == ["IS", "JSON"]:
        return [words[0].upper()]
    return []


def table_options(reader: TokenReader) -> bool:
    """Take what follows the columns: whether row movement is enabled. Storage options mean nothing here.

    Raises OracleError 3001 for options that would change behaviour.
    """
    movement = False
    while (token := reader.current) is not None:
        if token.is_word("AS"):
            return movement
        if (
            reader.any_word(*_TABLE_OPTIONS_WITH_VALUE)
            or reader.words("SEGMENT", "CREATION")
            or reader.words("ROW", "STORE")
        ):
            reader.advance()
        elif reader.words("ENABLE", "ROW", "MOVEMENT"):
            movement = True
        elif reader.words("DISABLE", "ROW", "MOVEMENT"):
            movement = False
        elif not reader.any_word(*_TABLE_OPTIONS):
            raise OracleError(3001, f"unimplemented feature: {token.value} in CREATE TABLE", offset=token.start)
    return movement
