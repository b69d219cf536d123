"""A tiny server process per test session (and worker), and connections to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import oracledb
import pytest

ROOT = Path(__file__).parents[4]
USER, PASSWORD = "scott", "tiger-Tiger-1"


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited for 10 seconds in vain"
        time.sleep(0.005)


@dataclass
class Tiny:
    """A running server: where it listens, and a line in and out for its control."""

    process: subprocess.Popen[str]
    host: str
    port: int

    @property
    def dsn(self) -> str:
        return f"{self.host}:{self.port}/tiny_tp"

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def connect(self, **options: object) -> oracledb.Connection:
        return oracledb.connect(**{"user": USER, "password": PASSWORD, "dsn": self.dsn} | options)  # pyright: ignore


@contextmanager
def running(database: Path, **settings: str) -> Generator[Tiny]:
    """A server process for as long as the block lasts."""
    arguments = json.dumps({"database": str(database)} | settings)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.simulator.database.net.tiny_server", arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        word, host, port = process.stdout.readline().split()
        assert word == "ready"
        yield Tiny(process, host, int(port))
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    with running(tmp_path_factory.mktemp("tiny") / "tiny.db") as tiny:
        yield tiny


@pytest.fixture
def connection(server: Tiny) -> Iterator[oracledb.Connection]:
    with server.connect() as connected:
        yield connected


@pytest.fixture
def cursor(connection: oracledb.Connection) -> Iterator[oracledb.Cursor]:
    with connection.cursor() as opened:
        yield opened
