"""PL/SQL blocks: assignments, SQL statements and the few package calls that clients send.

Statements run one after another; there are no variables, loops or handlers, and a block that has them is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.database.interface import Direction, OracleError, Result, Value
from simulator.database.sql.lexer import Kind, Token
from simulator.database.sql.plan import DmlPlan, Plan, QueryPlan

if TYPE_CHECKING:
    from simulator.database.session import EngineSession


async def run_block(session: EngineSession, plan: Plan, rows: Sequence[Sequence[Value]]) -> Result:
    """Run a block once per bind row; OUT binds in the order of the non-IN slots. Raises OracleError."""
    outs: list[list[Value]] = []
    slots = plan.statement.binds
    given = [slot.name for slot in slots if slot.direction is not Direction.OUT]
    for row in rows:
        block = _Block(session, plan, dict(zip(given, row, strict=True)))
        await block.run()
        outs.append([block.binds.get(slot.name) for slot in slots if slot.direction is not Direction.IN])
    return Result(out_binds=outs)


def _error(text: str, token: Token | None = None) -> OracleError:
    return OracleError(6550, f"line 1, column 1:\n{text}", offset=0 if token is None else token.start)


class _Block:
    """One execution of one block."""

    def __init__(self, session: EngineSession, plan: Plan, binds: dict[str, Value]) -> None:
        self._session = session
        self._sql = plan.statement.sql
        self._statements = _split(plan.tokens)
        self.binds = binds

    async def run(self) -> None:
        """Run all statements."""
        for tokens in self._statements:
            await self._statement(tokens)

    async def _statement(self, tokens: Sequence[Token]) -> None:
        first = tokens[0]
        if first.kind is Kind.BIND and len(tokens) > 1 and tokens[1].is_op(":="):
            self.binds[first.value] = await self._value(tokens[2:])
        elif first.is_word("NULL"):
            return
        elif first.is_word("INSERT", "UPDATE", "DELETE", "MERGE"):
            await self._sql_statement(tokens)
        elif first.is_word("SELECT"):
            await self._select_into(tokens)
        elif first.is_word("COMMIT"):
            await self._session.commit_now()
        elif first.is_word("ROLLBACK"):
            self._session.rollback_now()
        elif first.is_word("EXECUTE"):
            await self._execute_immediate(tokens)
        elif first.kind is Kind.NAME:
            await self._call(tokens)
        else:
            raise _error("PLS-00103: Encountered an unexpected symbol", first)

    def _text(self, tokens: Sequence[Token]) -> str:
        return self._sql[tokens[0].start : tokens[-1].end]

    def _arguments(self, tokens: Sequence[Token]) -> list[Value]:
        return [self.binds.get(token.value) for token in tokens if token.kind is Kind.BIND]

    async def _value(self, tokens: Sequence[Token]) -> Value:
        """An expression's value, by way of SELECT ... FROM dual."""
        if not tokens:
            raise _error('PLS-00103: Encountered the symbol ";"')
        if len(tokens) == 1 and tokens[0].is_word("TRUE", "FALSE"):
            return tokens[0].value == "TRUE"
        plan = self._session.plan(f"SELECT {self._text(tokens)} FROM dual")
        assert isinstance(plan, QueryPlan)
        result = await self._session.query(plan, self._arguments(tokens))
        return result.rows[0][0]

    async def _sql_statement(self, tokens: Sequence[Token]) -> None:
        plan = self._session.plan(self._text(tokens))
        assert isinstance(plan, DmlPlan)
        slots = plan.statement.binds
        names = [slot.name for slot in slots if slot.direction is Direction.RETURNING]
        given = [self.binds.get(slot.name) for slot in slots if slot.direction is Direction.IN]
        result = await self._session.dml(plan, [given])
        for index, name in enumerate(names):
            values = result.returning[0][index]
            if len(values) > 1:
                raise OracleError(1422, "exact fetch returns more than requested number of rows")
            self.binds[name] = values[0] if values else None

    async def _select_into(self, tokens: Sequence[Token]) -> None:
        into = next((i for i, t in enumerate(tokens) if t.is_word("INTO")), None)
        if into is None:
            raise _error("PLS-00428: an INTO clause is expected in this SELECT statement", tokens[0])
        end = next((i for i in range(into, len(tokens)) if tokens[i].is_word("FROM")), None)
        if end is None:
            raise _error("PL/SQL: ORA-00923: FROM keyword not found where expected", tokens[into])
        targets = [t.value for t in tokens[into + 1 : end] if t.kind is Kind.BIND]
        sql = f"{self._text(tokens[:into])} {self._text(tokens[end:])}"
        plan = self._session.plan(sql)
        assert isinstance(plan, QueryPlan)
        result = await self._session.query(plan, self._arguments([*tokens[:into], *tokens[end:]]))
        if len(result.rows) != 1:
            if result.rows:
                raise OracleError(1422, "exact fetch returns more than requested number of rows")
            raise OracleError(1403, "no data found")
        for name, value in zip(targets, result.rows[0], strict=True):
            self.binds[name] = value

    async def _execute_immediate(self, tokens: Sequence[Token]) -> None:
        if len(tokens) < 3 or not tokens[1].is_word("IMMEDIATE"):
            raise _error("PLS-00103: Encountered an unexpected symbol", tokens[0])
        using = next((i for i, t in enumerate(tokens) if t.is_word("USING")), len(tokens))
        if any(t.is_word("INTO", "RETURNING") for t in tokens[2:using]):
            raise OracleError(3001, "unimplemented feature: EXECUTE IMMEDIATE ... INTO")
        text = await self._value(tokens[2:using])
        arguments = [await self._value(part) for part in _commas(tokens[using + 1 :])]
        await self._session.run_text(str(text), arguments)

    async def _call(self, tokens: Sequence[Token]) -> None:
        """A procedure of a package."""
        opening = next((i for i, t in enumerate(tokens) if t.is_op("(")), len(tokens))
        name = "".join(token.value for token in tokens[:opening])
        inner = list(tokens[opening + 1 : -1])
        arguments = [await self._value(_after_arrow(part)) for part in _commas(inner)]
        await call_procedure(self._session, name, arguments)


async def call_procedure(session: EngineSession, name: str, arguments: list[Value]) -> None:
    """Run a package's procedure. Raises OracleError 6550 for one that is not there."""
    match name, arguments:
        case (("DBMS_SESSION.SLEEP" | "DBMS_LOCK.SLEEP"), [seconds]):
            await session.sleep(float(str(seconds)))
        case "DBMS_SESSION.SET_IDENTIFIER", [identifier]:
            session.client_identifier = _text(identifier)
        case "DBMS_SESSION.CLEAR_IDENTIFIER", []:
            session.client_identifier = ""
        case "DBMS_APPLICATION_INFO.SET_MODULE", [module, action]:
            session.module, session.action = _text(module), _text(action)
        case "DBMS_APPLICATION_INFO.SET_ACTION", [action]:
            session.action = _text(action)
        case "DBMS_APPLICATION_INFO.SET_CLIENT_INFO", [info]:
            session.client_info = _text(info)
        case "DBMS_OUTPUT.PUT_LINE", [line]:
            session.output.append(_text(line))
        case (("DBMS_OUTPUT.ENABLE" | "DBMS_OUTPUT.DISABLE"), _):
            session.output.clear()
        case "RAISE_APPLICATION_ERROR", [code, message, *_]:
            raise OracleError(-int(str(code)), _text(message))
        case _:
            raise _error(f"PLS-00201: identifier '{name}' must be declared")


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The statements between BEGIN and END, or the one after CALL."""
    if tokens[0].is_word("CALL"):
        return [[t for t in tokens[1:] if not t.is_op(";")]]
    if not tokens[0].is_word("BEGIN"):
        raise OracleError(3001, "unimplemented feature: DECLARE in a block", offset=tokens[0].start)
    body = list(tokens[1:])
    while body and body[-1].is_op(";", "/"):
        body.pop()
    if body and body[-1].kind in (Kind.NAME, Kind.QUOTED) and not body[-1].is_word("END"):
        body.pop()
    if not body or not body[-1].is_word("END"):
        raise _error('PLS-00103: Encountered the symbol "end-of-file"')
    statements: list[list[Token]] = [[]]
    for token in body[:-1]:
        if token.is_op(";"):
            statements.append([])
            continue
        if not statements[-1] and token.is_word("IF", "LOOP", "FOR", "WHILE", "EXCEPTION", "BEGIN", "DECLARE", "RAISE"):
            raise OracleError(3001, f"unimplemented feature: {token.value} in a block", offset=token.start)
        statements[-1].append(token)
    if statements[-1]:
        raise _error('PLS-00103: Encountered the symbol "END"', statements[-1][-1])
    return [statement for statement in statements if statement]


def _commas(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_op(","):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _after_arrow(tokens: list[Token]) -> list[Token]:
    """The value of ``name => value``; calls here take their arguments in order."""
    return tokens[2:] if len(tokens) > 2 and tokens[1].is_op("=>") else tokens
