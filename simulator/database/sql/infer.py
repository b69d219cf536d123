"""The type of an expression, worked out on the Oracle tree."""

from __future__ import annotations

from sqlglot import exp

from simulator.database.interface import ColumnType
from simulator.database.sql import builtins
from simulator.database.sql.dialect import RETURNING
from simulator.database.sql.scope import Analysis, upper
from simulator.database.sql.types import (
    DATE,
    DATETIMES,
    INTERVAL,
    JSON,
    NUMBER,
    TIMESTAMP,
    TIMESTAMP_TZ,
    VARCHAR,
    OracleType,
)
from simulator.database.sql.typetext import from_datatype

_PSEUDO = {"ROWNUM": NUMBER, "LEVEL": NUMBER, "ROWID": NUMBER, "NEXTVAL": NUMBER, "CURRVAL": NUMBER,
           "SESSIONTIMEZONE": VARCHAR, "DBTIMEZONE": VARCHAR, "SYS_GUID": VARCHAR}  # fmt: skip


class Types:
    """Type inference over one analysed statement; ``None`` is a type that only the value will tell (a bind's)."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._known: dict[int, OracleType | None] = {}
        self._keep: list[exp.Expr] = []  # ids stay unique while the nodes live
        analysis.use(self.of)

    def of(self, node: exp.Expr) -> OracleType | None:
        """The type of an expression."""
        key = id(node)
        if key not in self._known:
            self._known[key] = self._infer(node)
            self._keep.append(node)
        return self._known[key]

    def is_number(self, node: exp.Expr) -> bool:
        """Whether this is certainly a number."""
        found = self.of(node)
        return found is not None and found.kind in (ColumnType.NUMBER, ColumnType.BINARY_DOUBLE)

    def is_date(self, node: exp.Expr) -> bool:
        """Whether this is certainly a date or timestamp."""
        found = self.of(node)
        return found is not None and found.kind in DATETIMES

    def _infer(self, node: exp.Expr) -> OracleType | None:  # noqa: PLR0911, PLR0912 (one answer per kind)
        match node:
            case exp.Paren() | exp.Neg() | exp.Alias() | exp.Distinct() | exp.Order() | exp.Ordered():
                return self.of(node.this if not isinstance(node, exp.Distinct) else node.expressions[0])
            case exp.Column():
                return self._column(node)
            case exp.Literal():
                return OracleType(VARCHAR.kind, max(len(node.name), 1)) if node.is_string else NUMBER
            case exp.Cast():
                return from_datatype(node.args["to"])
            case exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
                return self._arithmetic(node)
            case exp.Case():
                branches = [branch.args["true"] for branch in node.args["ifs"]]
                default = node.args.get("default")
                return self._first(branches + ([default] if default is not None else []))
            case exp.DPipe() | exp.Trim() | exp.GroupConcat():
                return VARCHAR
            case exp.Window() | exp.Filter() | exp.WithinGroup():
                return self.of(node.this)
            case exp.Interval():
                return INTERVAL
            case exp.Extract():
                return NUMBER
            case exp.Anonymous():
                return self._call(node)
            case exp.Subquery() | exp.Select():
                outputs = self._analysis.outputs.get(id(node)) or self._analysis.outputs.get(id(node.this))
                return outputs[0].type if outputs else None
            case exp.Dot():
                return self._package(node)
            case exp.JSONObject() | exp.JSONObjectAgg() | exp.JSONArrayAgg():
                return VARCHAR
            case exp.AtTimeZone():
                return TIMESTAMP_TZ
            case _:
                return _NO_PAREN.get(type(node))

    def _first(self, nodes: list[exp.Expr]) -> OracleType | None:
        found = [t for t in map(self.of, nodes) if t is not None]
        if not found:
            return None
        if found[0].kind in (ColumnType.VARCHAR, ColumnType.CHAR):
            return OracleType(VARCHAR.kind, max(t.size * (4 if t.chars else 1) for t in found) or 4000)
        if found[0].kind is ColumnType.NUMBER:
            return NUMBER if len(found) > 1 else found[0]
        return found[0]

    def _column(self, node: exp.Column) -> OracleType | None:
        name = upper(node.this)
        table = upper(node.args["table"]) if node.args.get("table") else ""
        scope = self._analysis.scopes.get(id(node))
        found = scope.lookup(table, name) if scope is not None else None
        if found is not None:
            return found.type
        if name in builtins.CONSTANTS and not table:
            return builtins.CONSTANTS[name][1]
        package = builtins.PACKAGES.get(f"{table}.{name}")
        return package[1] if package is not None else _PSEUDO.get(name)

    def _arithmetic(self, node: exp.Expr) -> OracleType | None:
        left, right = self.of(node.this), self.of(node.expression)
        dates = [t for t in (left, right) if t is not None and t.kind in DATETIMES]
        if isinstance(node, exp.Sub) and len(dates) == 2:
            both = all(t.kind is ColumnType.DATE for t in dates)
            return NUMBER if both else INTERVAL
        if dates and isinstance(node, (exp.Add, exp.Sub)):
            other = right if left is dates[0] else left
            return dates[0] if other is not None and other.interval else DATE
        if (left is not None and left.interval) or (right is not None and right.interval):
            return INTERVAL
        return NUMBER

    def _call(self, node: exp.Anonymous) -> OracleType | None:  # noqa: PLR0911 (one answer per kind)
        name = node.name.upper()
        if name == "JSON_VALUE":
            returning = node.meta.get(RETURNING)
            return from_datatype(returning) if returning is not None else VARCHAR
        if name in ("JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY"):
            return VARCHAR
        if name == "JSON_EXISTS":
            return None
        if name in ("TRUNC", "ROUND"):
            kind = self.of(node.expressions[0]) if node.expressions else None
            return DATE if kind is not None and kind.kind in DATETIMES else NUMBER
        if name == "CAST_TO_JSON":
            return JSON
        rule = builtins.builtin_type(name)
        if isinstance(rule, int):
            return self._first(node.expressions[rule:] if name in _ANY_ARGUMENT else node.expressions[rule : rule + 1])
        return rule

    def _package(self, node: exp.Dot) -> OracleType | None:
        name = dotted(node)
        if name in builtins.PACKAGES:
            return builtins.PACKAGES[name][1]
        special = builtins.SPECIALS.get(name)
        return special.type if special is not None and isinstance(special.type, OracleType) else None


_ANY_ARGUMENT = frozenset({"NVL", "COALESCE", "GREATEST", "LEAST", "NVL2"})
_NO_PAREN: dict[type[exp.Expr], OracleType] = {
    exp.CurrentTimestamp: TIMESTAMP_TZ,
    exp.CurrentDate: DATE,
    exp.Systimestamp: TIMESTAMP_TZ,
    exp.Localtimestamp: TIMESTAMP,
    exp.CurrentUser: VARCHAR,
    exp.Boolean: NUMBER,
}


def dotted(node: exp.Dot) -> str:
    """``package.function`` in capitals."""
    parts = [upper(node.this) if isinstance(node.this, exp.Identifier) else node.this.name.upper()]
    return ".".join([*parts, node.expression.name.upper()])
