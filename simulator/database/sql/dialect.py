"""Oracle's grammar as the engine wants it from sqlglot: every function stays a plain call by its name.

sqlglot would turn NVL, TO_CHAR, TRUNC, ... into neutral forms and those into the target's; formats and Oracle's
meaning are lost on the way. Here functions are translated by this package's own table.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, UnsupportedError
from sqlglot.tokenizer_core import TokenType

from simulator.database.interface import OracleError

RETURNING: Final = "returning"
ON_ERROR: Final = "on_error"
WRAPPER: Final = "wrapper"

_KEPT_PARSERS = ("CAST", "EXTRACT", "TRIM", "LISTAGG", "JSON_OBJECT", "JSON_OBJECTAGG", "JSON_ARRAYAGG", "JSON_TABLE")


class EngineOracle(Oracle):
    """Oracle, with functions left alone."""

    class Parser(Oracle.Parser):
        FUNCTIONS: ClassVar[Any] = {}
        FUNCTION_PARSERS: ClassVar[Any] = {
            **{name: Oracle.Parser.FUNCTION_PARSERS[name] for name in _KEPT_PARSERS},
            "JSON_VALUE": lambda self: self.parse_json_call("JSON_VALUE"),
            "JSON_QUERY": lambda self: self.parse_json_call("JSON_QUERY"),
            "JSON_EXISTS": lambda self: self.parse_json_call("JSON_EXISTS"),
        }
        TYPE_LITERAL_PARSERS: ClassVar[Any] = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar[Any] = {
            name: Oracle.Parser.NO_PAREN_FUNCTION_PARSERS[name] for name in ("CASE", "PRIOR", "ANY")
        }

        def parse_json_call(self, name: str) -> exp.Expr:
            """``JSON_VALUE(document, path [RETURNING type] [... WRAPPER] [... ON ERROR|EMPTY])``."""
            document = self._parse_bitwise()
            self._match_text_seq("FORMAT", "JSON")
            self._match(TokenType.COMMA)
            path = self._parse_bitwise()
            call = exp.Anonymous(this=name, expressions=[document, path])
            while self._curr and self._curr.token_type != TokenType.R_PAREN:
                if self._match_text_seq("RETURNING"):
                    call.meta[RETURNING] = self._parse_types()
                elif self._match_text_seq("ERROR", "ON", "ERROR"):
                    call.meta[ON_ERROR] = "ERROR"
                elif self._match_text_seq("WITH"):
                    call.meta[WRAPPER] = True
                else:
                    self._advance()
            return call


class EngineSQLite(SQLite):
    """SQLite, with casts and types left as they are given."""

    class Generator(SQLite.Generator):
        TRANSFORMS: ClassVar[Any] = {
            k: v for k, v in SQLite.Generator.TRANSFORMS.items() if k not in (exp.Select, exp.Create)
        }
        TYPE_MAPPING: ClassVar[Any] = {}

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            return f"CAST({self.sql(expression, 'this')} AS {self.sql(expression, 'to')})"

        def div_sql(self, expression: exp.Div) -> str:
            return self.binary(expression, "/")


def parse(sql: str) -> exp.Expr:
    """One query or DML statement as a tree. Raises OracleError 900-family where it cannot be parsed."""
    try:
        tree = sqlglot.parse_one(sql, read=EngineOracle)
    except ParseError as error:
        raise _syntax_error(sql, error) from None
    except SqlglotError:
        raise OracleError(900, "invalid SQL statement") from None
    if isinstance(tree, exp.Command):
        raise OracleError(900, "invalid SQL statement")
    return tree


def parse_expression(sql: str) -> exp.Expr:
    """A value or condition as a tree. Raises OracleError."""
    tree = parse(f"SELECT CASE WHEN {sql} THEN 1 END FROM dual")
    case = tree.expressions[0]
    return case.args["ifs"][0].this


def generate(tree: exp.Expr) -> str:
    """The tree as SQLite's SQL. Raises OracleError 3001 for what SQLite has no form of."""
    try:
        return tree.sql(dialect=EngineSQLite, comments=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise OracleError(3001, f"unimplemented feature: {error}") from None


def _syntax_error(sql: str, error: ParseError) -> OracleError:
    first = error.errors[0] if error.errors else {}
    lines = sql.split("\n")
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    end = sum(len(text) + 1 for text in lines[: line - 1]) + column
    offset = max(end - len(str(first.get("highlight") or "")), 0)
    description = str(first.get("description"))
    if "Expecting )" in description:
        return OracleError(907, "missing right parenthesis", offset=end)
    if "Required keyword" in description:
        return OracleError(936, "missing expression", offset=offset)
    return OracleError(933, "SQL command not properly ended", offset=offset)
