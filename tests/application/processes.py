"""The application's programs as processes on free ports, and what they answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

START_SECONDS = 30.0


class Program:
    """``python -m application.<name>`` with exactly these variables; its output goes to a file."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"application.{name}"],
                env={"PATH": os.environ["PATH"], "MALLOC_ARENA_MAX": "2", **environment},
                stdout=output,
                stderr=output,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(15)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def megabytes(self) -> float:
        """Resident memory."""
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    def messages(self) -> list[dict[str, Any]]:
        """What it logged; each line is one JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


class Api(Program):
    """The API, and a client for it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        settings = {"HOST": "127.0.0.1", "PORT": str(self.port), "PROBE_SECONDS": "0.05"}
        super().__init__("api", {**settings, **environment}, log)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=20)
        eventually(self._listens, what="the API listening")

    def __exit__(self, *details: object) -> None:
        self.client.close()
        super().__exit__(*details)

    def get(self, path: str) -> httpx.Response:
        """A GET."""
        return self.client.get(path)

    def post(self, path: str, **body: Any) -> httpx.Response:
        """A POST of these members."""
        return self.client.post(path, json=body)

    def reasons(self) -> list[str]:
        """Why it is not ready; empty when it is."""
        answer = self.get("/health/ready")
        reasons: list[str] = answer.json()["reasons"]
        assert (answer.status_code == 200) == (not reasons)
        return reasons

    def await_ready(self) -> None:
        """Wait until it says so."""
        eventually(lambda: not self.reasons(), what="the API ready")

    def await_reason(self, words: str) -> None:
        """Wait until it says that it is not ready, and why."""
        eventually(lambda: any(words in reason for reason in self.reasons()), what=f"the reason {words!r}")

    def _listens(self) -> bool:
        assert self.running, self.log.read_text()
        try:
            return self.get("/health/live").status_code == 200
        except httpx.ConnectError:
            return False


def free_port() -> int:
    """A port that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def eventually(condition: Callable[[], Any], *, timeout: float = START_SECONDS, what: str = "the condition") -> Any:
    """Ask again until the condition gives something true; that."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        time.sleep(0.02)
    return answer
