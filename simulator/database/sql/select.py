"""Queries: what sqlglot does not turn, and SQLite does not have, of Oracle's SELECT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from simulator.database.interface import Column, OracleError
from simulator.database.sql.dialect import generate, parse
from simulator.database.sql.infer import Types
from simulator.database.sql.lexer import Token
from simulator.database.sql.rewrite import AsOf, Rewriter
from simulator.database.sql.scope import Analysis, Names, Output, Scope, upper


@dataclass(frozen=True)
class Translated:
    """A query for SQLite; ``describe`` is the same without past images, ``outputs`` have the types that are known."""

    sql: str
    outputs: tuple[Output, ...]
    as_of: tuple[AsOf, ...]
    locking: bool
    wait: float | None
    skip_locked: bool


def translate_query(sql: str, original: str, tokens: Sequence[Token], names: Names) -> Translated:
    """A SELECT as SQLite runs it.

    ``sql`` has its binds as ``:B<i>``; ``original``, with its tokens, names the columns.
    """
    tree = parse(sql)
    if isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.unnest()
    label_expressions(tree, original, tokens)
    return _translate(tree, names)


def translate_tree(tree: exp.Expr, names: Names) -> Translated:
    """The same for a tree that is part of another statement."""
    return _translate(tree, names)


def _translate(tree: exp.Expr, names: Names) -> Translated:
    prepare_selects(tree)
    locking, wait, skip = _locks(tree)
    analysis = Analysis(names)
    types = Types(analysis)
    outputs = analysis.query(tree, {}, None)
    rewriter = Rewriter(names.catalog, names.schema, analysis, types)
    tree = rewriter.tree(tree)
    return Translated(generate(tree), tuple(outputs), tuple(rewriter.as_of), locking, wait, skip)


def label_expressions(tree: exp.Expr, sql: str, tokens: Sequence[Token]) -> None:
    """Name unnamed select-list expressions as Oracle does: by their text in capitals, without blanks."""
    select = tree
    while isinstance(select, (exp.SetOperation, exp.Subquery)):
        select = select.this
    if not isinstance(select, exp.Select):
        return
    texts = _select_list(sql, tokens)
    if texts and not all(texts):
        raise OracleError(936, "missing expression")
    if len(texts) != len(select.expressions):
        return
    labelled: list[exp.Expr] = []
    for item, text in zip(select.expressions, texts, strict=True):
        if isinstance(item, (exp.Alias, exp.Star)) or (isinstance(item, exp.Column) and not _is_pseudo(item)):
            labelled.append(item)
        else:
            alias = exp.to_identifier(text[:128], quoted=True)
            labelled.append(exp.Alias(this=item, alias=alias))
    select.set("expressions", labelled)


def _is_pseudo(column: exp.Column) -> bool:
    return not isinstance(column.this, exp.Star) and upper(column.this) in (
        "SYSDATE", "USER", "ROWNUM", "NEXTVAL", "CURRVAL", "LEVEL", "ROWID", "VALUE", "SESSIONTIMEZONE",
    )  # fmt: skip


def _select_list(sql: str, tokens: Sequence[Token]) -> list[str]:
    """The texts of the first SELECT list outside parentheses."""
    depth = 0
    parts: list[list[str]] = []
    for token in tokens:
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and not parts and token.is_word("SELECT"):
            parts.append([])
        elif parts:
            if depth == 0 and token.is_word("FROM"):
                break
            if depth == 0 and token.is_op(","):
                parts.append([])
            elif not (not parts[-1] and len(parts) == 1 and token.is_word("DISTINCT", "UNIQUE", "ALL")):
                parts[-1].append(sql[token.start : token.end].upper())
    return ["".join(part) for part in parts]


def _locks(tree: exp.Expr) -> tuple[bool, float | None, bool]:
    """FOR UPDATE [NOWAIT | WAIT n | SKIP LOCKED]: whether, how long to wait (None: the default), skip."""
    locks = tree.args.get("locks") or []
    if not locks:
        return False, None, False
    wait = locks[0].args.get("wait")
    tree.set("locks", None)
    if isinstance(wait, exp.Expr):
        return True, float(wait.name), False
    if wait is True:
        return True, 0.0, False
    return True, None, wait is False


def prepare_selects(tree: exp.Expr) -> None:
    """Rewrite each SELECT's Oracle-only clauses, before names are resolved."""
    marks = any(c.args.get("join_mark") for c in tree.find_all(exp.Column))
    if marks:
        from sqlglot.transforms import eliminate_join_marks

        eliminate_join_marks(tree)
    for select in list(tree.find_all(exp.Select)):
        select.set("hint", None)
        _refuse(select)
        _row_limit(select)
        _connect_by_level(select)


def _refuse(select: exp.Select) -> None:
    for key in ("laterals", "pivots", "sample", "match", "kind", "into"):
        if select.args.get(key):
            raise OracleError(3001, f"unimplemented feature: {key.upper()} in a query")
    group = select.args.get("group")
    if group is not None and any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets")):
        raise OracleError(3001, "unimplemented feature: ROLLUP, CUBE and GROUPING SETS")
    limit = select.args.get("limit")
    options = limit.args.get("limit_options") if isinstance(limit, exp.Fetch) else None
    if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
        raise OracleError(3001, "unimplemented feature: FETCH ... PERCENT or WITH TIES")


def _conjuncts(node: exp.Expr) -> list[exp.Expr]:
    return [*_conjuncts(node.this), *_conjuncts(node.expression)] if isinstance(node, exp.And) else [node]


def _is_name(node: exp.Expr, name: str) -> bool:
    return isinstance(node, exp.Column) and not node.args.get("table") and upper(node.this) == name


def _row_limit(select: exp.Select) -> None:
    """``WHERE ROWNUM <= n`` becomes LIMIT n."""
    where = select.args.get("where")
    if where is None:
        return
    kept: list[exp.Expr] = []
    limit: exp.Expr | None = None
    for condition in _conjuncts(where.this):
        if isinstance(condition, exp.Binary) and _is_name(condition.this, "ROWNUM"):
            limit = _limit_of(condition)
        else:
            kept.append(condition)
    if limit is None:
        return
    if any(select.args.get(key) for key in ("order", "group", "distinct", "limit", "having")):
        raise OracleError(3001, "unimplemented feature: ROWNUM beside ORDER BY, GROUP BY or DISTINCT; use a subquery")
    select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    select.set("limit", exp.Limit(expression=limit))


def _limit_of(condition: exp.Binary) -> exp.Expr:
    bound = condition.expression
    match condition:
        case exp.LTE():
            return bound
        case exp.LT():
            return exp.Sub(this=bound, expression=exp.Literal.number(1))
        case exp.EQ() if bound.is_int and int(bound.name) == 1:
            return bound
        case _:
            raise OracleError(3001, "unimplemented feature: this comparison with ROWNUM")


def _connect_by_level(select: exp.Select) -> None:
    """``FROM dual CONNECT BY LEVEL <= n``, the row generator; other hierarchies are not there."""
    connect = select.args.get("connect")
    if connect is None:
        return
    condition = connect.args.get("connect")
    source = select.args.get("from_")
    table = source.this if source is not None else None
    simple = isinstance(table, exp.Table) and upper(table.this) == "DUAL" and isinstance(condition, (exp.LTE, exp.LT))
    if not simple or not _is_name(condition.this, "LEVEL") or select.args.get("joins"):
        raise OracleError(3001, "unimplemented feature: CONNECT BY other than LEVEL <= n on DUAL")
    comparison = "<" if isinstance(condition, exp.LTE) else "< -1 +"
    generator = parse(
        'WITH "RECURSE"("LEVEL") AS (SELECT 1 FROM dual UNION ALL SELECT "LEVEL" + 1 FROM "RECURSE"'
        f' WHERE "LEVEL" {comparison} (1)) SELECT "LEVEL" FROM "RECURSE"'
    )
    bound = next(generator.find_all(exp.Paren))
    bound.set("this", condition.expression)
    select.set("connect", None)
    subquery = exp.Subquery(this=generator, alias=exp.TableAlias(this=exp.to_identifier("LEVELS", quoted=True)))
    select.set("from_", exp.From(this=subquery))


def wire_column(output: Output, name: str) -> Column | None:
    """The description of a typed output, or None when only the value tells. Raises OracleError 3001 for intervals."""
    if output.type is None:
        return None
    if output.type.interval:
        raise OracleError(3001, "unimplemented feature: an interval as a column of a result; use TO_CHAR or EXTRACT")
    return output.type.column(name, nullable=output.nullable)


def expression_sql(tree: exp.Expr, names: Names, columns: dict[str, list[Output]]) -> str:
    """An expression (a default, a check) for SQLite; ``columns`` are the sources it may name."""
    analysis = Analysis(names)
    types = Types(analysis)
    scope = Scope(None, columns)
    analysis.expression(tree, scope, {})
    holder = exp.Paren(this=tree)
    return generate(Rewriter(names.catalog, names.schema, analysis, types).tree(holder).this)
