"""Which tables a query sees where, and the types that follow: what DESCRIBE answers.

SQLite does not know types of expressions, so they are worked out here on the Oracle tree, before it is rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from simulator.database.interface import OracleError
from simulator.database.sql.catalog import Catalog, Table, View
from simulator.database.sql.types import JSON, OracleType


@dataclass(frozen=True)
class Output:
    """One column of a query or table; ``type`` is None where only the value will tell."""

    name: str
    type: OracleType | None
    nullable: bool = True


@dataclass
class Scope:
    """The sources of one SELECT (or DML statement) by alias, inside the scope that encloses it."""

    parent: Scope | None
    sources: dict[str, list[Output]] = field(default_factory=dict[str, list[Output]])

    def lookup(self, table: str, name: str) -> Output | None:
        """The column that a name means here, or None."""
        for alias, columns in self.sources.items():
            if table in ("", alias):
                for column in columns:
                    if column.name == name:
                        return column
        return None if self.parent is None else self.parent.lookup(table, name)


@dataclass(frozen=True)
class Names:
    """How names are resolved: the catalog, the session's schema, and who may read what."""

    catalog: Catalog
    schema: str
    check: Callable[[Table | View, str], None]


Query = exp.Select | exp.SetOperation | exp.Subquery
_QUERIES = (exp.Select, exp.SetOperation)


class Analysis:
    """Resolves one statement's tables in place and remembers each column's scope."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.scopes: dict[int, Scope] = {}
        self.targets: dict[int, Table | View] = {}
        self.outputs: dict[int, list[Output]] = {}
        self._infer: Callable[[exp.Expr], OracleType | None] = lambda _: None

    def use(self, infer: Callable[[exp.Expr], OracleType | None]) -> None:
        """Set the type inference, which in turn asks this analysis for columns."""
        self._infer = infer

    def query(self, node: exp.Expr | None, env: dict[str, list[Output]], parent: Scope | None) -> list[Output]:
        """Resolve a query; its output columns."""
        if node is None:
            raise OracleError(928, "missing SELECT keyword")
        env = self._with(node, env, parent)
        if isinstance(node, exp.Subquery):
            outputs = self.query(node.this, env, parent)
        elif isinstance(node, exp.SetOperation):
            outputs = self.query(node.left, env, parent)
            self.query(node.right, env, parent)
        elif isinstance(node, exp.Select):
            outputs = self._select(node, env, parent)
        elif isinstance(node, exp.Table):
            raise OracleError(900, "invalid SQL statement")
        else:
            raise OracleError(928, "missing SELECT keyword")
        self.outputs[id(node)] = outputs
        return outputs

    def _with(self, node: exp.Expr, env: dict[str, list[Output]], parent: Scope | None) -> dict[str, list[Output]]:
        clause = node.args.get("with_")
        for cte in clause.expressions if clause is not None else ():
            alias = cte.args["alias"]
            name = upper(alias.this)
            names = [upper(column) for column in alias.args.get("columns") or ()]
            body = cte.this
            if clause is not None and isinstance(body, exp.SetOperation) and _mentions(body.right, name):
                clause.set("recursive", True)
                first = _renamed(self.query(body.left, env, parent), names)
                self.query(body.right, {**env, name: first}, parent)
                env = {**env, name: first}
            else:
                env = {**env, name: _renamed(self.query(body, env, parent), names)}
        return env

    def _select(self, node: exp.Select, env: dict[str, list[Output]], parent: Scope | None) -> list[Output]:
        scope = Scope(parent)
        clause = node.args.get("from_")
        if not node.expressions:
            raise OracleError(936, "missing expression")
        if clause is None:
            raise OracleError(923, "FROM keyword not found where expected")
        self._source(clause.this, scope, env)
        for join in node.args.get("joins") or ():
            self._source(join.this, scope, env)
        for key, value in node.args.items():
            if key not in ("from_", "with_"):
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, exp.Join):
                        self._parts_of_join(item, scope, env)
                    elif isinstance(item, exp.Expr):
                        self.expression(item, scope, env)
        return list(self._projections(node, scope))

    def _parts_of_join(self, join: exp.Join, scope: Scope, env: dict[str, list[Output]]) -> None:
        condition = join.args.get("on")
        if condition is not None:
            self.expression(condition, scope, env)

    def _projections(self, node: exp.Select, scope: Scope) -> Iterator[Output]:
        for item in node.expressions:
            if isinstance(item, exp.Star):
                for columns in scope.sources.values():
                    yield from columns
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                table = upper(item.args["table"])
                if table not in scope.sources:
                    raise OracleError(904, f'"{table}": invalid identifier')
                yield from scope.sources[table]
            else:
                name = upper(item.args["alias"]) if isinstance(item, exp.Alias) else ""
                inner = item.this if isinstance(item, exp.Alias) else item
                if isinstance(inner, exp.Column) and not name:
                    name = upper(inner.this)
                yield Output(name, self._infer(inner))

    def _source(self, node: exp.Expr, scope: Scope, env: dict[str, list[Output]]) -> None:
        if isinstance(node, exp.Subquery):
            if isinstance(node.this, exp.Table):
                self._source(node.this, scope, env)
                return
            columns = self.query(node.this, env, scope)
            alias = node.args.get("alias")
            name = upper(alias.this) if alias is not None and alias.this else f"?{len(scope.sources)}"
            scope.sources[name] = columns
        elif isinstance(node, exp.Table):
            self.table(node, scope, env)
            for join in node.args.get("joins") or ():
                self._source(join.this, scope, env)
                self._parts_of_join(join, scope, env)
        else:
            raise OracleError(903, "invalid table name")

    def table(self, node: exp.Table, scope: Scope, env: dict[str, list[Output]], privilege: str = "SELECT") -> None:
        """Resolve a table reference and give it an alias, so that its columns go on being called by its name."""
        if isinstance(node.this, exp.JSONTable):
            self._json_table(node, scope, env)
            return
        if not isinstance(node.this, exp.Identifier):
            raise OracleError(933, "SQL command not properly ended")
        if node.args.get("sample") or node.args.get("pivots") or node.args.get("partition"):
            raise OracleError(3001, "unimplemented feature: SAMPLE, PIVOT or PARTITION of a table")
        owner = upper(node.args["db"]) if node.args.get("db") else None
        name = upper(node.this)
        alias = upper(node.args["alias"].this) if node.args.get("alias") else name
        if owner is None and name in env:
            columns = env[name]
        else:
            found = self._names.catalog.resolve(self._names.schema, owner, name)
            if not isinstance(found, (Table, View)):
                raise OracleError(942, "table or view does not exist")
            self._names.check(found, privilege)
            self.targets[id(node)] = found
            name = found.physical
            columns = [Output(c.name, JSON if c.json else c.type, c.nullable) for c in found.columns]
        version = node.args.get("version")
        if version is not None:
            self.expression(version, Scope(None), env)
        node.set("this", exp.to_identifier(name, quoted=True))
        node.set("db", None)
        node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        scope.sources[alias] = columns

    def _json_table(self, node: exp.Table, scope: Scope, env: dict[str, list[Output]]) -> None:
        raise OracleError(3001, "unimplemented feature: JSON_TABLE")

    def expression(self, node: exp.Expr, scope: Scope, env: dict[str, list[Output]]) -> None:
        """Remember the scope of each column in an expression; nested queries are resolved in turn."""
        if isinstance(node, _QUERIES):
            self.query(node, env, scope)
            return
        if isinstance(node, exp.Column):
            self.scopes[id(node)] = scope
            return
        for child in node.iter_expressions():
            self.expression(child, scope, env)


def upper(identifier: exp.Expr | str | None) -> str:
    """A name as the catalog has it: unquoted ones in capitals. Raises OracleError 903 when there is none."""
    if identifier is None:
        raise OracleError(903, "invalid table name")
    if isinstance(identifier, str):
        return identifier.upper()
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def _renamed(outputs: list[Output], names: list[str]) -> list[Output]:
    if not names:
        return outputs
    return [Output(name, output.type, output.nullable) for name, output in zip(names, outputs, strict=False)]


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(
        upper(table.this) == name for table in node.find_all(exp.Table) if isinstance(table.this, exp.Identifier)
    )
