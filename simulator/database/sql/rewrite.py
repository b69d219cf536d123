"""Oracle expressions rewritten in place for SQLite.

Types are asked for before children change; afterwards a node no longer says what Oracle meant by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from simulator.database.interface import ColumnType, OracleError
from simulator.database.sql import builtins
from simulator.database.sql.builtins import build_call, call
from simulator.database.sql.catalog import Catalog, Sequence, Table
from simulator.database.sql.dialect import ON_ERROR, RETURNING, WRAPPER, generate
from simulator.database.sql.infer import Types, dotted
from simulator.database.sql.scope import Analysis, upper
from simulator.database.sql.types import OracleType
from simulator.database.sql.typetext import from_datatype

Node = exp.Expr
_UTC: Final = frozenset({"UTC", "GMT", "+00:00", "ETC/UTC"})


@dataclass(frozen=True)
class AsOf:
    """A table read at a past moment: ``schema`` is the name under which the past image is attached."""

    schema: str
    table: Table
    kind: str
    moment: str


@dataclass
class Rewriter:
    """Rewrites one analysed statement."""

    catalog: Catalog
    current_schema: str
    analysis: Analysis
    types: Types
    as_of: list[AsOf] = field(default_factory=list[AsOf])

    def tree(self, node: Node) -> Node:
        """Rewrite a whole statement; the root may be replaced."""
        node = self._visit(node)
        for identifier in list(node.find_all(exp.Identifier)):
            if not identifier.args.get("quoted"):
                identifier.set("this", identifier.name.upper())
                identifier.set("quoted", True)
        return node

    def _visit(self, node: Node) -> Node:
        finish = self._prepare(node)
        if isinstance(node, exp.Dot):  # a package's function is no function by itself
            arguments = node.expression.expressions if isinstance(node.expression, exp.Anonymous) else []
            node.expression.set("expressions", [self._visit(argument) for argument in arguments])
            return node if finish is None else finish()
        for key, value in list(node.args.items()):
            if isinstance(value, exp.Expr):
                self._replace(node, key, value, self._visit(value))
            elif isinstance(value, list):
                items = [self._visit(v) if isinstance(v, exp.Expr) else v for v in value]
                if any(new is not old for new, old in zip(items, value, strict=True)):
                    node.set(key, items)
        return node if finish is None else finish()

    def _replace(self, node: Node, key: str, old: Node, new: Node) -> None:
        if new is not old:
            node.set(key, new)

    def _prepare(self, node: Node) -> Callable[[], Node] | None:  # noqa: PLR0911 (one answer per kind)
        """What to do with a node once its children are rewritten; None leaves it."""
        match node:
            case exp.Column():
                return self._column(node)
            case exp.Dot():
                return self._dot(node)
            case exp.Table():
                return self._table(node)
            case exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
                return self._arithmetic(node)
            case exp.DPipe():
                return self._concat(node)
            case exp.In():
                return self._in(node)
            case exp.Is():
                return self._is(node)
            case exp.Between():
                return self._comparison(node)
            case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
                return self._comparison(node)
            case _:
                return self._prepare_value(node)

    def _prepare_value(self, node: Node) -> Callable[[], Node] | None:  # noqa: PLR0911 (one answer per kind)
        match node:
            case exp.Literal():
                return self._literal(node)
            case exp.Anonymous():
                return self._call(node)
            case exp.Cast():
                return self._cast(node)
            case exp.Interval():
                return self._interval(node)
            case exp.Extract():
                return self._extract(node)
            case exp.Trim():
                return self._trim(node)
            case exp.AtTimeZone():
                return self._zone(node)
            case exp.Boolean():
                return self._boolean(node)
            case exp.JSONArrayAgg():
                return lambda: _array_of(node)
            case _:
                return self._current(node) if type(node) in _CURRENT else None

    # -- names -------------------------------------------------------------------------------------------------

    def _column(self, node: exp.Column) -> Callable[[], Node] | None:  # noqa: PLR0911 (one answer per kind)
        if isinstance(node.this, exp.Star):
            return None
        name = upper(node.this)
        table = upper(node.args["table"]) if node.args.get("table") else ""
        if name in ("NEXTVAL", "CURRVAL") and table:
            return lambda: self._sequence(node, name, table)
        scope = self.analysis.scopes.get(id(node))
        if scope is not None and scope.lookup(table, name) is not None:
            return lambda: exp.column(name, table=table or None, quoted=True)
        if scope is not None and node.this.args.get("quoted") and scope.lookup(table, name.upper()) is not None:
            # SQLite's names have no case; Oracle's quoted ones do.
            raise OracleError(904, f'"{name}": invalid identifier')
        if not table and not node.this.args.get("quoted"):
            if name in builtins.CONSTANTS:
                return lambda: call(builtins.CONSTANTS[name][0])
            if name in ("SESSIONTIMEZONE", "DBTIMEZONE"):
                return lambda: exp.Literal.string("+00:00")
            if name == "ROWNUM":
                return lambda: exp.Window(this=call("row_number"), over="OVER")
        if f"{table}.{name}" in builtins.PACKAGES:
            return lambda: call(builtins.PACKAGES[f"{table}.{name}"][0])
        if node.args.get("db"):
            return self._json_dots(node)
        return lambda: node

    def _sequence(self, node: exp.Column, name: str, sequence: str) -> Node:
        owner = upper(node.args["db"]) if node.args.get("db") else None
        found = self.catalog.resolve(self.current_schema, owner, sequence)
        if not isinstance(found, Sequence):
            raise OracleError(2289, "sequence does not exist")
        return call(f"ora_{name.lower()}", f"{found.owner}.{found.name}")

    def _json_dots(self, node: exp.Column) -> Callable[[], Node]:
        """``alias.column.key.key``: Oracle's simple dot notation into JSON; also plain ``schema.table.column``."""
        parts = [node.args.get(part) for part in ("catalog", "db", "table", "this")]
        names = [upper(p) for p in parts if p is not None]
        exact = [p.name for p in parts if p is not None]
        scope = self.analysis.scopes.get(id(node))
        if scope is None:
            return lambda: node
        if scope.lookup(names[0], names[1]) is not None:
            column = exp.column(names[1], table=names[0], quoted=True)
            return lambda: call("ora_json_value", column, "$." + ".".join(exact[2:]), "DOT")
        return lambda: exp.column(names[-1], table=names[-2], quoted=True)

    def _dot(self, node: exp.Dot) -> Callable[[], Node]:
        name = dotted(node)

        def finish() -> Node:
            arguments = list(node.expression.expressions) if isinstance(node.expression, exp.Anonymous) else []
            if name in builtins.PACKAGES:
                return call(builtins.PACKAGES[name][0], *arguments)
            return build_call(name, arguments)

        return finish

    # -- tables ------------------------------------------------------------------------------------------------

    def _table(self, node: exp.Table) -> Callable[[], Node] | None:
        version = node.args.get("version")
        if version is None:
            return None
        table = self.analysis.targets.get(id(node))
        if not isinstance(table, Table):
            raise OracleError(8187, "snapshot expression not allowed here")
        if version.args["kind"] != "AS OF":
            raise OracleError(3001, "unimplemented feature: VERSIONS BETWEEN")

        def finish() -> Node:
            node.set("version", None)
            schema = f"asof{len(self.as_of)}"
            moment = generate(version.expression)
            self.as_of.append(AsOf(schema, table, version.name.upper(), moment))
            node.set("db", exp.to_identifier(schema, quoted=True))
            return node

        return finish

    # -- operators ---------------------------------------------------------------------------------------------

    def _arithmetic(self, node: exp.Binary) -> Callable[[], Node] | None:
        left, right = node.this, node.expression
        plain = self.types.is_number(left) and self.types.is_number(right)
        if isinstance(node, exp.Div):
            return lambda: call("ora_div", node.this, node.expression)
        if plain:
            return None
        if isinstance(node, exp.Mul):
            return lambda: call("ora_mul", node.this, node.expression)
        if isinstance(node, exp.Add):
            return lambda: call("ora_add", node.this, node.expression)
        days = all(t is not None and t.kind is ColumnType.DATE for t in (self.types.of(left), self.types.of(right)))
        return lambda: call("ora_sub", node.this, node.expression, int(days))

    def _concat(self, node: exp.DPipe) -> Callable[[], Node]:
        return lambda: call("ora_concat", *_flat(node))

    def _comparison(self, node: Node) -> Callable[[], Node] | None:
        operands = [("this", node.this), ("expression", node.args.get("expression")),
                    ("low", node.args.get("low")), ("high", node.args.get("high"))]  # fmt: skip
        present = [(key, value) for key, value in operands if isinstance(value, exp.Expr)]
        if not any(self.types.is_date(value) for _, value in present):
            return None
        converted = [key for key, value in present if self._may_be_text(value)]

        def finish() -> Node:
            for key in converted:
                node.set(key, call("ora_as_timestamp", node.args[key]))
            return node

        return finish if converted else None

    def _may_be_text(self, node: Node) -> bool:
        if isinstance(node, (exp.Select, exp.Subquery, exp.Tuple, exp.Any, exp.All)):
            return False
        found = self.types.of(node)
        return found is None or (found.kind in (ColumnType.VARCHAR, ColumnType.CHAR) and not found.interval)

    def _in(self, node: exp.In) -> Callable[[], Node] | None:
        dates = self.types.is_date(node.this)
        rows = isinstance(node.this, exp.Tuple) and any(isinstance(e, exp.Tuple) for e in node.expressions)
        if not dates and not rows:
            return None

        def finish() -> Node:
            if dates:
                node.set("expressions", [call("ora_as_timestamp", e) for e in node.expressions])
                return node
            choices = [
                exp.and_(*(exp.EQ(this=left.copy(), expression=right) for left, right in zip(
                    node.this.expressions, choice.expressions, strict=True)))
                for choice in node.expressions
            ]  # fmt: skip
            return exp.paren(exp.or_(*choices))

        return finish

    def _is(self, node: exp.Is) -> Callable[[], Node] | None:
        if isinstance(node.expression, exp.JSON):
            return lambda: exp.EQ(this=call("json_valid", node.this), expression=exp.Literal.number(1))
        return None

    # -- literals and functions --------------------------------------------------------------------------------

    def _literal(self, node: exp.Literal) -> Callable[[], Node] | None:
        return exp.Null if node.is_string and node.name == "" else None

    def _interval(self, node: exp.Interval) -> Callable[[], Node]:
        unit = node.args.get("unit")
        if unit is None:
            raise OracleError(30089, "missing or invalid <datetime field>")
        span = isinstance(unit, exp.IntervalSpan)
        first = unit.this.name.upper() if span else unit.name.upper()
        last = unit.expression.name.upper() if span else first
        return lambda: call("ora_interval", node.this, first, last)

    def _extract(self, node: exp.Extract) -> Callable[[], Node]:
        field_name = node.this.name.upper()
        return lambda: call("ora_extract", field_name, node.expression)

    def _trim(self, node: exp.Trim) -> Callable[[], Node]:
        side = str(node.args.get("position") or "BOTH").upper()
        return lambda: call("ora_trim", node.this, node.args.get("expression") or " ", side)

    def _cast(self, node: exp.Cast) -> Callable[[], Node]:
        target = from_datatype(node.args["to"])
        return lambda: cast(node.this, target)

    def _zone(self, node: exp.AtTimeZone) -> Callable[[], Node]:
        zone = node.args.get("zone")
        if not isinstance(zone, exp.Literal) or zone.name.upper() not in _UTC:
            raise OracleError(3001, "unimplemented feature: time zones other than UTC")
        return lambda: node.this

    def _current(self, node: Node) -> Callable[[], Node]:
        name = _CURRENT[type(node)]
        return lambda: call(name)

    def _call(self, node: exp.Anonymous) -> Callable[[], Node]:
        name = node.name.upper()
        arguments = node.expressions
        dates = bool(arguments) and self.types.is_date(arguments[0])
        if name.startswith("JSON_"):
            return lambda: _json_call(name, node)

        def finish() -> Node:
            arguments = node.expressions
            if name in ("TRUNC", "ROUND") and arguments:
                if dates:
                    unit = arguments[1] if len(arguments) > 1 else "DD"
                    return call(f"ora_{name.lower()}_date", arguments[0], unit)
                return call(f"ora_{name.lower()}", *arguments)
            if name in ("GREATEST", "LEAST") and len(arguments) == 1:
                return arguments[0]
            return build_call(name, arguments)

        self.types.of(node)  # raises for a function that does not exist
        return finish

    def _boolean(self, node: exp.Boolean) -> Callable[[], Node]:
        return lambda: exp.Literal.number(int(bool(node.this)))


def _array_of(node: exp.JSONArrayAgg) -> Node:
    """JSON_ARRAYAGG(value [ORDER BY ...])."""
    order = node.args.get("order")
    if order is None:
        return call("json_group_array", node.this)
    order.set("this", node.this)
    return call("json_group_array", order)


def _flat(node: exp.DPipe) -> list[Node]:
    """The operands of a chain of ``||``; inner chains were already turned into calls."""
    parts: list[Node] = []
    for operand in (node.this, node.expression):
        if isinstance(operand, exp.Anonymous) and operand.name == "ora_concat":
            parts += operand.expressions
        else:
            parts.append(operand)
    return parts


def cast(node: Node, target: OracleType) -> Node:  # noqa: PLR0911 (one answer per kind)
    """CAST(node AS target)."""
    match target.kind:
        case ColumnType.VARCHAR | ColumnType.CHAR:
            return call("ora_cast_text", node, target.size)
        case ColumnType.NUMBER if target.scale is not None:
            return call("ora_round", call("ora_to_number", node), target.scale)
        case ColumnType.NUMBER:
            return call("ora_to_number", node)
        case ColumnType.DATE:
            return call("ora_as_date", node)
        case ColumnType.TIMESTAMP | ColumnType.TIMESTAMP_TZ:
            return call("ora_as_timestamp", node)
        case ColumnType.BINARY_DOUBLE:
            return exp.Cast(this=node, to=exp.DataType.build("REAL", dialect="sqlite"))
        case _:
            return node


def _json_call(name: str, node: exp.Anonymous) -> Node:
    document, path = node.expressions
    if name == "JSON_EXISTS":
        return call("ora_json_exists", document, path)
    strict = int(node.meta.get(ON_ERROR) == "ERROR")
    if name == "JSON_QUERY":
        return call("ora_json_query", document, path, int(bool(node.meta.get(WRAPPER))), strict)
    value = call("ora_json_value", document, path, "ERROR" if strict else "NULL")
    returning = node.meta.get(RETURNING)
    return cast(value, from_datatype(returning)) if returning is not None else value


_CURRENT: Final[dict[type[Node], str]] = {
    exp.CurrentTimestamp: "ora_systimestamp",
    exp.Systimestamp: "ora_systimestamp",
    exp.Localtimestamp: "ora_systimestamp",
    exp.CurrentDate: "ora_sysdate",
    exp.CurrentUser: "ora_user",
}
