"""One database for the tests of expressions and queries: they leave nothing behind in it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from simulator.database.engine import Database
from simulator.database.interface import OracleError, Result, Value
from simulator.database.session import EngineSession
from tests.simulator.database import engines

_T = TypeVar("_T")


class Shell:
    """SQL in one line, for tests that need no concurrency."""

    def __init__(self, directory: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self.clock = engines.ManualClock()
        self.database: Database = engines.create(directory, self.clock)
        self.session: EngineSession = self.do(engines.logon(self.database))

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self.do(self.database.close())
        self._loop.close()

    def run(self, text: str, *rows: list[Value], commit: bool = True) -> Result:
        return self.do(engines.sql(self.session, text, *rows, commit=commit))

    def rows(self, text: str, *binds: Value) -> list[list[Value]]:
        return self.do(engines.rows(self.session, text, *binds))

    def value(self, text: str, *binds: Value) -> Value:
        return self.do(engines.value(self.session, text, *binds))

    def of(self, expression: str, *binds: Value) -> Value:
        """An expression's value."""
        return self.value(f"SELECT {expression} FROM dual", *binds)

    def error(self, text: str, *rows: list[Value]) -> OracleError:
        with pytest.raises(OracleError) as caught:
            self.run(text, *rows)
        self.do(self.session.rollback())
        return caught.value

    def code(self, text: str, *rows: list[Value]) -> int:
        return self.error(text, *rows).code


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shell]:
    opened = Shell(tmp_path_factory.mktemp("sql") / "db")
    yield opened
    opened.close()
