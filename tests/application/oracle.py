"""The test's side of the database process: starts it, steers it, and knows how to reach it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.kernel.clock import jump, write_anchor
from tests.application.oracle_server import PASSWORD, SERVICE
from tests.application.processes import free_port

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SMALL = ("--rows", "2000")


class Oracle:
    """One database on a fixed port; ``stop`` and ``start`` take its process away and bring it back."""

    def __init__(self, directory: Path, *, start: datetime = START) -> None:
        self.database = directory / "database"
        self._clock = directory / "clock.json"
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        write_anchor(self._clock, world=start, rate=1.0)

    def start(self) -> None:
        """Start, or start again from disk."""
        self.database.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.application.oracle_server"),
                *(str(self.database), str(self._clock), str(self.port)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """Let it end by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(20)
        process.stdout.close()

    def freeze(self) -> None:
        """Stop the process by a signal: the kernel still accepts connections, nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def tell(self, command: str) -> Any:
        """One line to the server; its answer."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(command + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def sql(self, statement: str) -> list[list[str]]:
        """Run a statement inside the database, past the application; the rows as texts."""
        return self.tell(f"sql {statement}")

    def count(self, table: str, condition: str = "1 = 1") -> int:
        """How many rows satisfy the condition."""
        return int(self.sql(f"SELECT COUNT(*) FROM {table} WHERE {condition}")[0][0])

    def advance(self, seconds: float) -> None:
        """Let the database's clock jump."""
        jump(self._clock, seconds)

    def environment(self) -> dict[str, str]:
        """What the application's programs need to reach it."""
        return {
            "REGION": "us-ashburn-1",
            "DATABASE_DSN": f"127.0.0.1:{self.port}/{SERVICE}",
            "DATABASE_USER": "ADMIN",
            "DATABASE_PASSWORD": PASSWORD,
        }

    def run(self, module: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run one of the application's tools to its end; fails the test when it does not end with ``code``."""
        done = subprocess.run(
            [sys.executable, "-m", f"application.{module}", *arguments],
            env={"PATH": os.environ["PATH"], **self.environment()},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@contextmanager
def running_oracle(directory: Path, *, copy_of: Path | None = None) -> Generator[Oracle]:
    """A running database: a new and empty one, or a copy of a stopped one's files, an hour later."""
    oracle = Oracle(directory, start=START + timedelta(hours=1) if copy_of else START)
    if copy_of is not None:
        shutil.copytree(copy_of, oracle.database)
    oracle.start()
    try:
        yield oracle
    finally:
        oracle.stop()
