"""ALTER TABLE: a new definition, and the table rebuilt to it with every row and row id."""

from __future__ import annotations

import dataclasses

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql.catalog import ColumnDef, Constraint, Table, save
from simulator.database.sql.ddl import physical
from simulator.database.sql.ddl.change import Change
from simulator.database.sql.ddl.table_statements import check_names, rename_table, replace_table
from simulator.database.sql.ddl.tables import TableReader, settled
from simulator.database.sql.reader import TokenReader
from simulator.database.sql.typetext import read_type


def alter_table(change: Change, reader: TokenReader) -> None:
    """ALTER TABLE name <one or more clauses>."""
    owner, name = reader.qualified()
    table = change.catalog.table(change.schema, owner, name)
    change.require(table.owner, "ALTER TABLE")
    if reader.words("RENAME", "TO"):
        new_name = reader.name()
        reader.finish()
        rename_table(change, table, new_name)
        return
    editor = _Editor(change, reader, table)
    while reader.current is not None:
        editor.clause()
    editor.finish()


class _Editor:
    """Collects the clauses of one ALTER TABLE."""

    def __init__(self, change: Change, reader: TokenReader, table: Table) -> None:
        self._change = change
        self._reader = reader
        self._old = table
        self._table = table
        self._values: dict[str, str] = {}
        self._errors: list[OracleError] = []

    def clause(self) -> None:
        """Take one clause. Raises OracleError 1735 or 3001."""
        reader = self._reader
        if reader.words("ADD"):
            self._add()
        elif reader.words("MODIFY"):
            self._many(self._modify)
        elif reader.words("DROP"):
            self._drop()
        elif reader.words("RENAME", "COLUMN"):
            self._rename_column()
        elif reader.words("RENAME", "CONSTRAINT"):
            self._rename_constraint()
        elif reader.words("ENABLE", "ROW", "MOVEMENT"):
            self._table = dataclasses.replace(self._table, row_movement=True)
        elif reader.words("DISABLE", "ROW", "MOVEMENT"):
            self._table = dataclasses.replace(self._table, row_movement=False)
        elif reader.any_word("LOGGING", "NOLOGGING", "CACHE", "NOCACHE", "NOPARALLEL"):
            return
        else:
            word = reader.advance().value
            raise OracleError(3001, f"unimplemented feature: ALTER TABLE ... {word}")

    def finish(self) -> None:
        """Rebuild the table when it changed."""
        if dataclasses.replace(self._table, row_movement=self._old.row_movement) == self._old and not self._values:
            self._change.row(lambda: save(self._change.connection, self._table, self._change.now))
            return
        self._table = settled(self._table)
        check_names(self._change, self._table, self._table.constraints)
        for constraint in self._table.constraints:
            if constraint.kind == "R" and constraint not in self._old.constraints:
                physical.check_reference(self._change.catalog, constraint, self._table)
        self._validate_added()
        replace_table(self._change, self._old, self._table, self._values)

    def _many(self, take: object) -> None:
        reader = self._reader
        assert callable(take)
        if reader.op("("):
            take()
            while reader.op(","):
                take()
            reader.expect_op(")")
        else:
            take()

    # -- ADD ---------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        parts = TableReader(
            self._reader, self._change.catalog, self._table.owner, self._table.name, self._table.object_id
        )
        parts.use_numbers_after(self._table.constraints)
        token = self._reader.current
        if token is not None and token.is_op("("):
            parts.items()
        else:
            parts.item()
        for column in parts.columns:
            self._add_column(column)
        constraints = self._table.constraints + tuple(parts.constraints)
        names = {c.name for c in self._table.columns}
        for constraint in parts.constraints:
            if constraint.kind == "P" and self._table.primary_key is not None:
                raise OracleError(2260, "table can have only one primary key")
            for column in constraint.columns:
                if column not in names:
                    raise OracleError(904, f'"{column}": invalid identifier')
        self._table = dataclasses.replace(self._table, constraints=constraints)

    def _add_column(self, column: ColumnDef) -> None:
        if self._table.column(column.name) is not None:
            raise OracleError(1430, "column being added already exists in table")
        if column.default is not None:
            # Evaluated once, here: every copy must fill the same value.
            sql = physical.default_sql(self._change.catalog, self._table, column)
            value = self._change.connection.execute(f"SELECT {sql}").get
            self._values[column.name] = physical.literal(value)
        elif not column.nullable and self._has_rows():
            raise OracleError(1758, "table must be empty to add mandatory (NOT NULL) column")
        self._table = dataclasses.replace(self._table, columns=(*self._table.columns, column))

    def _has_rows(self) -> bool:
        return self._exists("1")

    def _exists(self, condition: str) -> bool:
        name = physical.quote(self._old.physical)
        return bool(self._change.connection.execute(f"SELECT EXISTS (SELECT 1 FROM {name} WHERE {condition})").get)

    # -- MODIFY ------------------------------------------------------------------------------------------------

    def _modify(self) -> None:
        reader = self._reader
        name = reader.name()
        column = self._column(name)
        token = reader.current
        keyword = token is None or token.is_word("NOT", "NULL", "DEFAULT", "CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY")
        changed = column if keyword else self._modify_type(column)
        parts = TableReader(reader, self._change.catalog, self._table.owner, self._table.name, self._table.object_id)
        parts.use_numbers_after(self._table.constraints)
        changed = parts.column_rest(changed)
        if column.nullable and not changed.nullable and self._exists(f"{physical.quote(name)} IS NULL"):
            raise OracleError(2296, f"cannot enable ({self._table.owner}.) - null values found")
        columns = tuple(changed if c.name == name else c for c in self._table.columns)
        constraints = self._table.constraints + tuple(parts.constraints)
        self._table = dataclasses.replace(self._table, columns=columns, constraints=constraints)

    def _modify_type(self, column: ColumnDef) -> ColumnDef:
        new = read_type(self._reader)
        quoted = physical.quote(column.name)
        old = column.type
        texts = (ColumnType.VARCHAR, ColumnType.CHAR)
        if new.kind is not old.kind and not (new.kind in texts and old.kind in texts):
            if self._exists(f"{quoted} IS NOT NULL"):
                raise OracleError(1439, "column to be modified must be empty to change datatype")
        elif new.kind in texts:
            length = "length" if new.chars else "octet_length"
            if self._exists(f"{length}({quoted}) > {new.size}"):
                raise OracleError(1441, "cannot decrease column length because some value is too big")
        elif new.kind is ColumnType.NUMBER and new.scale is not None:
            limit = 10 ** ((new.precision or 38) - new.scale)
            if self._exists(f"abs({quoted}) >= {limit} OR round({quoted}, {max(new.scale, 0)}) <> {quoted}"):
                raise OracleError(1440, "column to be modified must be empty to decrease precision or scale")
        return dataclasses.replace(column, type=new, json=column.json or new.kind is ColumnType.JSON)

    def _column(self, name: str) -> ColumnDef:
        column = self._table.column(name)
        if column is None:
            raise OracleError(904, f'"{name}": invalid identifier')
        return column

    # -- DROP, RENAME ------------------------------------------------------------------------------------------

    def _drop(self) -> None:
        reader = self._reader
        if reader.words("CONSTRAINT"):
            name = reader.name()
            self._drop_constraint(next((c for c in self._table.constraints if c.name == name), None))
        elif reader.words("PRIMARY", "KEY"):
            self._drop_constraint(self._table.primary_key)
        elif reader.words("UNIQUE"):
            columns = reader.names_in_parentheses()
            found = (c for c in self._table.constraints if c.kind == "U" and c.columns == columns)
            self._drop_constraint(next(found, None))
        elif reader.words("COLUMN"):
            self._drop_columns((reader.name(),))
        else:
            self._drop_columns(reader.names_in_parentheses())

    def _drop_constraint(self, constraint: Constraint | None) -> None:
        if constraint is None:
            raise OracleError(2443, "Cannot drop constraint  - nonexistent constraint")
        cascade = self._reader.words("CASCADE")
        self._reader.any_word("KEEP", "DROP")
        self._reader.words("INDEX")
        children = [
            key
            for _, key in self._change.catalog.children_of(self._table)
            if constraint.kind in "PU" and set(key.ref_columns) == set(constraint.columns)
        ]
        if children and not cascade:
            raise OracleError(2273, "this unique/primary key is referenced by some foreign keys")
        if children:
            raise OracleError(3001, "unimplemented feature: DROP CONSTRAINT ... CASCADE")
        if constraint.kind == "P" and self._table.rowid_column is not None:
            raise OracleError(3001, "unimplemented feature: dropping the primary key of an identity column")
        kept = tuple(c for c in self._table.constraints if c is not constraint)
        self._table = dataclasses.replace(self._table, constraints=kept)

    def _drop_columns(self, names: tuple[str, ...]) -> None:
        cascade = self._reader.words("CASCADE", "CONSTRAINTS")
        for name in names:
            self._column(name)
        used = {n for _, key in self._change.catalog.children_of(self._table) for n in key.ref_columns}
        if used & set(names):
            raise OracleError(12992, "cannot drop parent key column")
        for constraint in self._table.constraints:
            touched = set(constraint.columns) & set(names)
            if touched and len(constraint.columns) > 1 and touched != set(constraint.columns) and not cascade:
                raise OracleError(12991, "column is referenced in a multi-column constraint")
        columns = tuple(c for c in self._table.columns if c.name not in names)
        if not columns:
            raise OracleError(12983, "cannot drop all columns in a table")
        kept = tuple(c for c in self._table.constraints if not set(c.columns) & set(names))
        self._table = dataclasses.replace(self._table, columns=columns, constraints=kept)

    def _rename_column(self) -> None:
        reader = self._reader
        old = reader.name()
        reader.expect("TO")
        new = reader.name()
        self._column(old)
        if self._table.column(new) is not None:
            raise OracleError(957, "duplicate column name")
        if any(c.kind == "C" and old in c.columns for c in self._table.constraints):
            raise OracleError(3001, "unimplemented feature: renaming a column that a check names")
        if any(old in key.ref_columns for _, key in self._change.catalog.children_of(self._table)):
            raise OracleError(3001, "unimplemented feature: renaming a column that a foreign key refers to")
        if any(old in text for index in self._change.catalog.indexes_of(self._table) for text in index.expressions):
            raise OracleError(3001, "unimplemented feature: renaming a column that an index names")
        self._values[new] = physical.quote(old)
        columns = tuple(dataclasses.replace(c, name=new) if c.name == old else c for c in self._table.columns)
        constraints = tuple(
            dataclasses.replace(c, columns=tuple(new if n == old else n for n in c.columns))
            for c in self._table.constraints
        )
        self._table = dataclasses.replace(self._table, columns=columns, constraints=constraints)

    def _rename_constraint(self) -> None:
        reader = self._reader
        old = reader.name()
        reader.expect("TO")
        new = reader.name()
        if all(c.name != old for c in self._table.constraints):
            raise OracleError(23292, f'The constraint does not exist: "{old}"')
        constraints = tuple(
            dataclasses.replace(c, name=new, generated=False) if c.name == old else c for c in self._table.constraints
        )
        self._table = dataclasses.replace(self._table, constraints=constraints)

    # -- existing rows -----------------------------------------------------------------------------------------

    def _validate_added(self) -> None:
        """Existing rows must satisfy what is added; SQLite would complain of the copy, Oracle of the constraint."""
        for constraint in self._table.constraints:
            if constraint in self._old.constraints or any(self._old.column(c) is None for c in constraint.columns):
                continue
            label = f"({self._table.owner}.{constraint.name})"
            columns = ", ".join(map(physical.quote, constraint.columns))
            if constraint.kind == "C":
                condition = physical.condition_sql(self._change.catalog, self._old, constraint.condition or "")
                if self._exists(f"NOT ({condition})"):
                    raise OracleError(2293, f"cannot validate {label} - check constraint violated")
            elif constraint.kind in "PU":
                nulls = " AND ".join(f"{physical.quote(c)} IS NOT NULL" for c in constraint.columns)
                if self._exists(f"{nulls} GROUP BY {columns} HAVING count(*) > 1"):
                    code = 2437 if constraint.kind == "P" else 2299
                    raise OracleError(code, f"cannot validate {label} - duplicate keys found")
            elif constraint.kind == "R":
                self._validate_reference(constraint, label)

    def _validate_reference(self, constraint: Constraint, label: str) -> None:
        parent = physical.quote(f"{constraint.ref_owner}.{constraint.ref_table}")
        pairs = zip(constraint.columns, constraint.ref_columns, strict=True)
        match = " AND ".join(
            f"P.{physical.quote(ref)} = {physical.quote(self._old.physical)}.{physical.quote(own)}"
            for own, ref in pairs
        )
        nulls = " AND ".join(f"{physical.quote(c)} IS NOT NULL" for c in constraint.columns)
        if self._exists(f"{nulls} AND NOT EXISTS (SELECT 1 FROM {parent} AS P WHERE {match})"):
            raise OracleError(2298, f"cannot validate {label} - parent keys not found")
