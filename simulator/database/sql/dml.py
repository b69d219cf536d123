"""INSERT, UPDATE, DELETE and MERGE as SQLite runs them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from simulator.database.interface import OracleError
from simulator.database.sql.builtins import call
from simulator.database.sql.catalog import ColumnDef, Table
from simulator.database.sql.dialect import generate, parse, parse_expression
from simulator.database.sql.infer import Types
from simulator.database.sql.lexer import Token
from simulator.database.sql.rewrite import AsOf, Rewriter
from simulator.database.sql.scope import Analysis, Names, Output, Scope, upper
from simulator.database.sql.select import expression_sql, prepare_selects


@dataclass(frozen=True)
class TranslatedDml:
    """A DML statement: SQLite statements to run in order, whose changed rows are summed.

    ``assigned`` maps a bind's index to the column it goes into untouched: its value is converted before binding.
    ``check`` is a query that must give no row (MERGE's unstable source).
    """

    kind: str
    table: Table
    statements: tuple[str, ...]
    returning: tuple[Output, ...] = ()
    assigned: tuple[tuple[int, str], ...] = ()
    as_of: tuple[AsOf, ...] = ()
    check: str | None = None
    given_values: bool = False


def translate_dml(sql: str, tokens: list[Token], names: Names) -> TranslatedDml:
    """A DML statement whose INTO clause was cut off; binds are ``:B<i>``. Raises OracleError."""
    word = tokens[0].value
    if word == "DELETE" and len(tokens) > 1 and not tokens[1].is_word("FROM"):
        sql = sql[: tokens[0].end] + " FROM" + sql[tokens[0].end :]
    if word == "INSERT" and len(tokens) > 1 and tokens[1].is_word("ALL", "FIRST"):
        raise OracleError(3001, "unimplemented feature: multitable INSERT")
    tree = parse(sql)
    prepare_selects(tree)
    builder = _Builder(names)
    match tree:
        case exp.Insert():
            return builder.insert(tree)
        case exp.Update():
            return builder.update(tree)
        case exp.Delete():
            return builder.delete(tree)
        case exp.Merge():
            return builder.merge(tree)
        case _:
            raise OracleError(900, "invalid SQL statement")


class _Builder:
    """Builds the SQLite form of one statement."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._analysis = Analysis(names)
        self._types = Types(self._analysis)
        self._rewriter = Rewriter(names.catalog, names.schema, self._analysis, self._types)
        self._assigned: list[tuple[int, str]] = []

    def _target(self, node: exp.Expr, privilege: str) -> tuple[Table, str, Scope]:
        """Resolve the table that changes; its definition, its alias, the scope that sees it."""
        if not isinstance(node, exp.Table):
            raise OracleError(903, "invalid table name")
        scope = Scope(None)
        self._analysis.table(node, scope, {}, privilege)
        table = self._analysis.targets[id(node)]
        if not isinstance(table, Table):
            raise OracleError(1732, "data manipulation operation not legal on this view")
        return table, next(iter(scope.sources)), scope

    def _rewrite(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        self._analysis.expression(node, scope, {})
        return self._rewriter.tree(node)

    def _assign(self, table: Table, column: ColumnDef, value: exp.Expr, scope: Scope) -> exp.Expr:
        """A value on its way into a column: converted as it is bound where that can be, else by a function call."""
        key = f"{table.physical}.{column.name}"
        if isinstance(value, exp.Placeholder):
            if not (column.default_on_null and column.default is not None):
                self._assigned.append((int(value.name[1:]), key))
                return value
            rewritten: exp.Expr = value
        elif _is_default(value):
            return self.default(table, column)
        else:
            rewritten = self._rewrite(value, scope)
        if column.default_on_null and column.default is not None:
            rewritten = call("ifnull", rewritten, self.default(table, column))
        return call("ora_assign", rewritten, key)

    def default(self, table: Table, column: ColumnDef) -> exp.Expr:
        """The column's default, as an expression for SQLite."""
        if column.default is None:
            return exp.Null()
        names = Names(self._names.catalog, table.owner, self._names.check)
        sql = expression_sql(parse_expression(column.default), names, {})
        return exp.maybe_parse(f"({sql})", dialect="sqlite")

    def _returning(self, tree: exp.Expr, table: Table, alias: str, scope: Scope) -> tuple[Output, ...]:
        clause = tree.args.get("returning")
        if clause is None:
            return ()
        outputs: list[Output] = []
        items: list[exp.Expr] = []
        for item in clause.expressions:
            self._analysis.expression(item, scope, {})
            outputs.append(Output("", self._types.of(item)))
            items.append(_unqualified(self._rewriter.tree(item), alias))
        clause.set("expressions", items)
        clause.set("into", None)
        return tuple(outputs)

    # -- INSERT ------------------------------------------------------------------------------------------------

    def insert(self, tree: exp.Insert) -> TranslatedDml:
        """INSERT ... VALUES or INSERT ... SELECT."""
        target = tree.this
        listed = [upper(c) for c in target.expressions] if isinstance(target, exp.Schema) else None
        node = target.this if isinstance(target, exp.Schema) else target
        table, alias, scope = self._target(node, "INSERT")
        columns = [_column(table, name) for name in listed] if listed is not None else list(table.columns)
        if len({c.name for c in columns}) != len(columns):
            raise OracleError(957, "duplicate column name")
        source = tree.expression
        if isinstance(source, exp.Values):
            names, body = self._values(table, columns, source)
        else:
            names, body = self._selected(table, columns, source)
        returning = self._returning(tree, table, alias, Scope(None, scope.sources))
        tree.set("returning", tree.args.get("returning"))
        head = f'INSERT INTO "{table.physical}" ({_quoted(names)}) {body}'
        sql = head + (" " + generate(tree.args["returning"]).strip() if returning else "")
        return TranslatedDml(
            "INSERT", table, (sql,), returning, tuple(self._assigned), tuple(self._rewriter.as_of),
            given_values=isinstance(source, exp.Values),
        )  # fmt: skip

    def _values(self, table: Table, columns: list[ColumnDef], source: exp.Values) -> tuple[list[str], str]:
        if len(source.expressions) != 1:
            raise OracleError(933, "SQL command not properly ended")
        row = source.expressions[0]
        values = list(row.expressions) if isinstance(row, exp.Tuple) else [row.unnest()]
        if len(values) != len(columns):
            code, problem = (947, "not enough values") if len(values) < len(columns) else (913, "too many values")
            raise OracleError(code, problem)
        pairs = [(c, v) for c, v in zip(columns, values, strict=True) if not _is_default(v)]
        for column, _ in pairs:
            _check_identity(column)
        if not pairs:
            raise OracleError(3001, "unimplemented feature: INSERT of defaults only")
        scope = Scope(None)
        assigned = [self._assign(table, c, v, scope) for c, v in pairs]
        return [c.name for c, _ in pairs], f"VALUES ({', '.join(map(generate, assigned))})"

    def _selected(self, table: Table, columns: list[ColumnDef], source: exp.Expr) -> tuple[list[str], str]:
        outputs = self._analysis.query(source, {}, None)
        if len(outputs) != len(columns):
            code, problem = (947, "not enough values") if len(outputs) < len(columns) else (913, "too many values")
            raise OracleError(code, problem)
        for column in columns:
            _check_identity(column)
        inner = generate(self._rewriter.tree(source))
        names = [f"C{i}" for i in range(len(columns))]
        wrapped = ", ".join(
            f"ora_assign(\"{n}\", '{_literal(table.physical, c.name)}')" for n, c in zip(names, columns, strict=True)
        )
        # The WHERE clause keeps SQLite from reading a following ON as a join condition.
        body = f'WITH "NEW"({_quoted(names)}) AS ({inner}) SELECT {wrapped} FROM "NEW" WHERE 1'
        return [c.name for c in columns], body

    # -- UPDATE, DELETE ----------------------------------------------------------------------------------------

    def update(self, tree: exp.Update) -> TranslatedDml:
        """UPDATE ... SET ... [WHERE ...] [RETURNING ...]."""
        if not tree.expressions:
            raise OracleError(971, "missing SET keyword")
        table, alias, scope = self._target(tree.this, "UPDATE")
        tree.set("expressions", [self._set(table, item, scope) for item in tree.expressions])
        self._where(tree, scope)
        returning = self._returning(tree, table, alias, scope)
        return self._done("UPDATE", table, generate(tree), returning)

    def delete(self, tree: exp.Delete) -> TranslatedDml:
        """DELETE [FROM] ... [WHERE ...] [RETURNING ...]."""
        table, alias, scope = self._target(tree.this, "DELETE")
        self._where(tree, scope)
        returning = self._returning(tree, table, alias, scope)
        return self._done("DELETE", table, generate(tree), returning)

    def _done(self, kind: str, table: Table, sql: str, returning: tuple[Output, ...]) -> TranslatedDml:
        return TranslatedDml(kind, table, (sql,), returning, tuple(self._assigned), tuple(self._rewriter.as_of))

    def _where(self, tree: exp.Expr, scope: Scope) -> None:
        where = tree.args.get("where")
        if where is not None:
            tree.set("where", exp.Where(this=self._rewrite(where.this, scope)))

    def _set(self, table: Table, item: exp.Expr, scope: Scope) -> exp.Expr:
        """One ``column = value`` or ``(columns) = (query)`` of SET."""
        if not isinstance(item, exp.EQ):
            raise OracleError(927, "missing equal sign")
        left = item.this
        if isinstance(left, (exp.Tuple, exp.Paren)) and not isinstance(left, exp.Column):
            parts = left.expressions if isinstance(left, exp.Tuple) else [left.this]
            columns = [_settable(table, part) for part in parts]
            query = item.expression.unnest()
            self._analysis.query(query, {}, scope)
            inner = generate(self._rewriter.tree(query))
            names = [f"C{i}" for i in range(len(columns))]
            wrapped = ", ".join(
                f"ora_assign(\"{n}\", '{_literal(table.physical, c.name)}')"
                for n, c in zip(names, columns, strict=True)
            )
            body = f'(WITH "NEW"({_quoted(names)}) AS ({inner}) SELECT {wrapped} FROM "NEW")'
            return exp.var(f"({_quoted([c.name for c in columns])}) = {body}")
        column = _settable(table, left)
        value = self._assign(table, column, item.expression, scope)
        return exp.EQ(this=exp.column(column.name, quoted=True), expression=value)

    # -- MERGE -------------------------------------------------------------------------------------------------

    def merge(self, tree: exp.Merge) -> TranslatedDml:
        """MERGE as an UPDATE of the matched rows, then an INSERT of those that match nothing."""
        table, alias, scope = self._target(tree.this, "UPDATE")
        self._analysis._source(tree.args["using"], scope, {})  # pyright: ignore[reportPrivateUsage]
        source = generate(self._rewriter.tree(tree.args["using"]))
        on = generate(self._rewrite(tree.args["on"], scope))
        target = f'"{table.physical}" AS "{alias}"'
        statements: list[str] = []
        check: str | None = None
        for when in tree.args["whens"].expressions:
            action, condition = when.args["then"], when.args.get("condition")
            guard = f" AND ({generate(self._rewrite(condition, scope))})" if condition is not None else ""
            where = action.args.get("where")
            if where is not None:
                guard += (
                    f" AND ({generate(self._rewrite(where.this if isinstance(where, exp.Where) else where, scope))})"
                )
            if isinstance(action, exp.Update) and when.args.get("matched"):
                sets = ", ".join(generate(self._set(table, item, scope)) for item in action.expressions)
                statements.insert(0, f"UPDATE {target} SET {sets} FROM {source} WHERE ({on}){guard}")
                check = (
                    f'SELECT 1 FROM {target} JOIN {source} ON ({on}){guard} GROUP BY "{alias}".rowid'
                    " HAVING count(*) > 1 LIMIT 1"
                )
            elif isinstance(action, exp.Insert) and not when.args.get("matched"):
                statements.append(self._merge_insert(table, action, scope, (target, source, on, guard)))
            else:
                raise OracleError(3001, "unimplemented feature: this clause of MERGE")
        done = self._done("MERGE", table, "", ())
        return TranslatedDml("MERGE", table, tuple(statements), (), done.assigned, done.as_of, check)

    def _merge_insert(self, table: Table, action: exp.Insert, scope: Scope, parts: tuple[str, str, str, str]) -> str:
        target, source, on, guard = parts
        listed = action.this
        columns = [_column(table, upper(c.this if isinstance(c, exp.Column) else c)) for c in listed.expressions]
        row = action.expression
        values = row.expressions if isinstance(row, exp.Tuple) else row.expressions[0].expressions
        if len(values) != len(columns):
            raise OracleError(947 if len(values) < len(columns) else 913, "wrong number of values in MERGE")
        pairs = [(c, v) for c, v in zip(columns, values, strict=True) if not _is_default(v)]
        for column, _ in pairs:
            _check_identity(column)
        items = ", ".join(generate(self._assign(table, c, v, scope)) for c, v in pairs)
        return (
            f'INSERT INTO "{table.physical}" ({_quoted([c.name for c, _ in pairs])}) SELECT {items} FROM {source}'
            f" WHERE NOT EXISTS (SELECT 1 FROM {target} WHERE {on}){guard}"
        )


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _literal(table: str, column: str) -> str:
    return f"{table}.{column}".replace("'", "''")


def _is_default(value: exp.Expr) -> bool:
    if isinstance(value, exp.Column):
        return not value.args.get("table") and upper(value.this) == "DEFAULT"
    return isinstance(value, exp.Var) and value.name.upper() == "DEFAULT"


def _column(table: Table, name: str) -> ColumnDef:
    column = table.column(name)
    if column is None:
        raise OracleError(904, f'"{name}": invalid identifier')
    return column


def _settable(table: Table, node: exp.Expr) -> ColumnDef:
    if not isinstance(node, exp.Column):
        raise OracleError(904, "invalid identifier")
    column = _column(table, upper(node.this))
    if column.identity is not None and column.identity.always:
        raise OracleError(32796, "cannot update a generated always identity column")
    return column


def _check_identity(column: ColumnDef) -> None:
    if column.identity is not None and column.identity.always:
        raise OracleError(32795, "cannot insert into a generated always identity column")


def _unqualified(node: exp.Expr, alias: str) -> exp.Expr:
    """SQLite's RETURNING knows columns by their bare names only."""
    for column in list(node.find_all(exp.Column)):
        if column.args.get("table") is not None and upper(column.args["table"]) == alias:
            column.set("table", None)
    return node
