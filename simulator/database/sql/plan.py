"""From text to plan: what kind of statement it is, its binds, what to run. Plans are cached by text and user."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import apsw

from simulator.database.errors import to_oracle
from simulator.database.interface import BindSlot, Column, Direction, OracleError, Statement, StatementKind
from simulator.database.sql.assign import Assigner, make_assigner
from simulator.database.sql.catalog import Catalog, Table
from simulator.database.sql.dml import TranslatedDml, translate_dml
from simulator.database.sql.lexer import Kind, Token, bind_names, original_offset, replace_binds, tokenize
from simulator.database.sql.privileges import Privileges
from simulator.database.sql.scope import Names, Output
from simulator.database.sql.select import Translated, translate_query, wire_column
from simulator.database.sql.types import VARCHAR, Cell

_CACHE: Final = 500
_QUERY: Final = frozenset({"SELECT", "WITH"})
_DML: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_PLSQL: Final = frozenset({"BEGIN", "DECLARE", "CALL"})
_DDL: Final = frozenset(
    {"CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "COMMENT", "RENAME", "PURGE", "FLASHBACK", "ANALYZE"}
)
_BY_KEY: Final = re.compile(r"^SEARCH .* USING (INTEGER PRIMARY KEY|INDEX sqlite_autoindex_\S+) \([^<>]*=\?\)$")
_OTHER: Final = frozenset({"COMMIT", "ROLLBACK", "SAVEPOINT", "SET", "LOCK"})


@dataclass(frozen=True)
class Plan:
    """A statement that was understood; ``tokens`` are those of the text as it came."""

    statement: Statement
    tokens: tuple[Token, ...] = field(repr=False, default=())


@dataclass(frozen=True)
class SqliteText:
    """A text for SQLite; ``order`` gives for each of its parameters the index of the Oracle bind."""

    sql: str
    order: tuple[int, ...]


@dataclass(frozen=True)
class QueryPlan(Plan):
    """A query; ``hints`` are the columns as far as their types are known before a row is seen."""

    text: SqliteText = field(default_factory=lambda: SqliteText("", ()))
    query: Translated | None = None
    hints: tuple[Column | None, ...] = ()


@dataclass(frozen=True)
class DmlPlan(Plan):
    """A DML statement; ``converters`` has one entry per bind, None where the value goes in as it is.

    ``short``: it touches rows by their keys only, so it is done in a moment.
    """

    texts: tuple[SqliteText, ...] = ()
    check: SqliteText | None = None
    dml: TranslatedDml | None = None
    converters: tuple[Assigner | None, ...] = ()
    short: bool = False


class Planner:
    """Plans statements against one state of the catalog."""

    def __init__(
        self,
        catalog: Catalog,
        connection: apsw.Connection,
        privileges: Privileges,
        implicit_date: Callable[[str], str],
    ) -> None:
        self._implicit_date = implicit_date
        self.catalog = catalog
        self.privileges = privileges
        self._connection = connection
        self._plans: OrderedDict[tuple[str, str, str], Plan] = OrderedDict()
        self._assigners: dict[str, Assigner] = {}
        self.lasting: set[str] = set()  # texts of queries that once took longer than a moment

    def names(self, user: str, schema: str) -> Names:
        """How this user resolves names."""
        return Names(self.catalog, schema, lambda item, privilege: self.privileges.check(user, item, privilege))

    def plan(self, sql: str, user: str, schema: str) -> Plan:
        """The plan of a text. Raises OracleError."""
        key = (sql, user, schema)
        plan = self._plans.get(key)
        if plan is None:
            try:
                plan = self._make(sql, user, schema)
            except apsw.Error as error:
                raise to_oracle(error, self.catalog) from error
            except RecursionError:
                raise OracleError(3001, "unimplemented feature: a statement nested so deeply") from None
            self._plans[key] = plan
            if len(self._plans) > _CACHE:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(key)
        return plan

    def assign(self, value: Cell, key: str) -> Cell:
        """Convert a value for a column, named as ``OWNER.TABLE.COLUMN``."""
        return self.assigner(key)(value)

    def assigner(self, key: str) -> Assigner:
        """The conversion for a column, named as ``OWNER.TABLE.COLUMN``."""
        found = self._assigners.get(key)
        if found is None:
            physical, _, name = key.rpartition(".")
            table = self.catalog.by_physical(physical)
            column = table.column(name) if isinstance(table, Table) else None
            if not isinstance(table, Table) or column is None:
                raise OracleError(904, f'"{name}": invalid identifier')
            found = self._assigners[key] = make_assigner(table, column, self._implicit_date)
        return found

    def _make(self, sql: str, user: str, schema: str) -> Plan:
        tokens = tokenize(sql)
        if not tokens:
            raise OracleError(900, "invalid SQL statement")
        word = next((t.value for t in tokens if not t.is_op("(")), "")
        if word in _QUERY:
            return self._query(sql, tokens, user, schema)
        if word in _DML:
            return self._dml(sql, tokens, user, schema)
        if word in _PLSQL:
            return Plan(Statement(sql, StatementKind.PLSQL, _block_slots(tokens)), tuple(tokens))
        if word in _OTHER or (word == "ALTER" and len(tokens) > 1 and tokens[1].is_word("SESSION", "SYSTEM")):
            return Plan(Statement(sql, StatementKind.OTHER), tuple(tokens))
        if word in _DDL:
            return Plan(Statement(sql, StatementKind.DDL), tuple(tokens))
        raise OracleError(900, "invalid SQL statement", offset=tokens[0].start)

    def _query(self, sql: str, tokens: list[Token], user: str, schema: str) -> QueryPlan:
        text = replace_binds(sql, tokens)
        with _offsets_of(tokens):
            translated = translate_query(text, sql, tokens, self.names(user, schema))
        names = _describe(self._connection, translated)
        outputs = list(translated.outputs)
        if len(outputs) != len(names):
            outputs = [Output(name, None) for name in names]
        hints = tuple(wire_column(output, name) for output, name in zip(outputs, names, strict=True))
        columns = tuple(h or VARCHAR.column(n) for h, n in zip(hints, names, strict=True))
        slots = tuple(BindSlot(name) for name in bind_names(tokens))
        statement = Statement(sql, StatementKind.QUERY, slots, columns)
        return QueryPlan(statement, tuple(tokens), ordered(translated.sql), translated, hints)

    def _dml(self, sql: str, tokens: list[Token], user: str, schema: str) -> DmlPlan:
        body, cut = _without_into(sql, tokens)
        kept = [t for t in tokens if t.end <= len(body)]
        text = replace_binds(body, kept)
        with _offsets_of(tokens):
            translated = translate_dml(text, tokenize(text), self.names(user, schema))
        slots = [BindSlot(name) for name in bind_names(kept)]
        into = [BindSlot(name, Direction.RETURNING) for name in bind_names(cut)]
        if len(into) != len(translated.returning):
            raise OracleError(913 if len(into) < len(translated.returning) else 947, "wrong number of RETURNING values")
        converters: list[Assigner | None] = [None] * len(slots)
        for index, key in translated.assigned:
            converters[index] = self.assigner(key)
        texts = tuple(map(ordered, translated.statements))
        for item in texts:
            sql_now = item.sql
            for version in translated.as_of:
                sql_now = sql_now.replace(f'"{version.schema}".', "")
            _check_text(self._connection, SqliteText(sql_now, item.order))
        return DmlPlan(
            Statement(sql, StatementKind.DML, (*slots, *into)),
            tuple(tokens),
            texts,
            None if translated.check is None else ordered(translated.check),
            translated,
            tuple(converters),
            short=_is_short(self._connection, translated, texts),
        )


@contextmanager
def _offsets_of(tokens: list[Token]) -> Generator[None]:
    """Errors name their place in the text as it came, not in the one whose binds were renamed."""
    try:
        yield
    except OracleError as error:
        error.offset = original_offset(tokens, error.offset)
        raise


def _without_into(sql: str, tokens: list[Token]) -> tuple[str, list[Token]]:
    """A DML text without the INTO clause of its RETURNING, and the tokens cut off."""
    depth = 0
    returning = False
    for index, token in enumerate(tokens):
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_word("RETURNING", "RETURN"):
            returning = True
        elif returning and depth == 0 and token.is_word("INTO"):
            return sql[: token.start].rstrip(), tokens[index + 1 :]
    if returning:
        raise OracleError(925, "missing INTO keyword", offset=len(sql))
    return sql.rstrip().removesuffix(";"), []


def _block_slots(tokens: list[Token]) -> tuple[BindSlot, ...]:
    """A block's binds by name: OUT where first written to (``:x := ``, or INTO), IN OUT where read before."""
    names = dict.fromkeys(token.value for token in tokens if token.kind is Kind.BIND)
    directions: dict[str, Direction] = {}
    reads: list[str] = []
    writes: list[str] = []
    for index, token in enumerate([*tokens, Token(Kind.OP, ";", 0, 0)]):
        if token.is_op(";"):
            for name in reads:
                directions.setdefault(name, Direction.IN)
            for name in writes:
                known = directions.setdefault(name, Direction.OUT)
                if known is Direction.IN:
                    directions[name] = Direction.IN_OUT
            reads, writes = [], []
        elif token.kind is Kind.BIND:
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            written = (following is not None and following.is_op(":=")) or _after_into(tokens, index)
            (writes if written else reads).append(token.value)
    return tuple(BindSlot(name, directions[name]) for name in names)


def _after_into(tokens: list[Token], index: int) -> bool:
    """Whether a bind stands in an INTO list."""
    while index > 0:
        index -= 1
        token = tokens[index]
        if token.is_word("INTO"):
            return True
        if not (token.kind is Kind.BIND or token.is_op(",")):
            return False
    return False


def ordered(sql: str) -> SqliteText:
    """An SQLite text with the order of its ``:B<i>`` parameters worked out."""
    order: dict[int, None] = {}
    for token in tokenize(sql):
        if token.kind is Kind.BIND:
            order[int(token.value[1:])] = None
    return SqliteText(sql, tuple(order))


def _describe(connection: apsw.Connection, query: Translated) -> list[str]:
    """The names of a query's columns; SQLite checks the text on the way. Past images are not attached for it."""
    sql = query.sql
    for item in query.as_of:
        sql = sql.replace(f'"{item.schema}".', "")
    return _check_text(connection, ordered(sql))


def _is_short(connection: apsw.Connection, dml: TranslatedDml, texts: tuple[SqliteText, ...]) -> bool:
    """Whether a change inserts given values, or finds its rows by a primary or unique key."""
    if dml.kind == "MERGE" or dml.as_of:
        return False
    (text,) = texts
    nothing = (None,) * len(text.order)
    steps = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {text.sql}", nothing)]
    return (dml.given_values and not steps) or (bool(steps) and all(map(_BY_KEY.search, steps)))


def _check_text(connection: apsw.Connection, text: SqliteText) -> list[str]:
    """Prepare a text without running it; its column names. Raises apsw.Error."""
    names: list[str] = []

    def stop(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
        names.extend(column[0] for column in cursor.get_description())
        return False

    cursor = connection.cursor()
    cursor.exec_trace = stop
    try:
        cursor.execute(text.sql, (None,) * len(text.order))
    except apsw.ExecTraceAbort:
        pass
    finally:
        cursor.close()
    return names
