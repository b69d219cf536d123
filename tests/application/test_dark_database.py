"""A region whose database is dark: the application lives, says why it is not ready, and keeps nobody waiting."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.application.processes import Api, Program, eventually, free_port

Darkness = Callable[[], AbstractContextManager[int]]


def environment(port: int) -> dict[str, str]:
    """A database said to be at that port."""
    return {
        "REGION": "us-phoenix-1",
        "DATABASE_DSN": f"127.0.0.1:{port}/fittrack_tp",
        "DATABASE_USER": "FITTRACK",
        "DATABASE_PASSWORD": "Secret-1",
    }


@contextlib.contextmanager
def silence() -> Generator[int]:
    """A port where the kernel accepts connections and nobody ever says a word, as a stopped region's does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def refusal() -> Generator[int]:
    """A port where nothing listens."""
    yield free_port()


@pytest.mark.wire
@pytest.mark.parametrize("darkness", [silence, refusal])
def test_the_api_lives_and_answers_at_once(darkness: Darkness, tmp_path: Path) -> None:
    with darkness() as port, Api(environment(port), tmp_path / "api.log") as api:
        api.await_reason("database: ")
        begun = time.monotonic()
        for _ in range(20):
            assert api.get("/health/live").status_code == 200
            ready = api.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["database"] == {"role": None, "open_mode": None, "revision": None}
            write = api.post("/activities", key="k", user_id=1, kind="walk", minutes=5)
            assert (write.status_code, write.headers["retry-after"]) == (503, "1")
            assert write.json()["error"] == "this region does not serve now"
            assert api.get("/leaderboard").status_code == 503
        assert time.monotonic() - begun < 5
        assert api.megabytes() < 80
        assert api.end() == -signal.SIGTERM  # uvicorn ends orderly, then hands the signal on
        assert "Secret-1" not in api.log.read_text()


@pytest.mark.wire
@pytest.mark.parametrize("darkness", [silence, refusal])
def test_the_worker_waits(darkness: Darkness, tmp_path: Path) -> None:
    with darkness() as port:
        settings = environment(port) | {"TICK_SECONDS": "0.05"}
        with Program("worker", settings, tmp_path / "worker.log") as worker:
            eventually(lambda: any(line["message"] == "idle" for line in worker.messages()), what="the worker idle")
            assert worker.end() == 0
            assert "Secret-1" not in worker.log.read_text()


@pytest.mark.wire
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "body: not JSON"),
        (b"[]", "body: not a JSON object"),
        (b'{"user_id": true, "kind": "nap", "minutes": 0, "detail": 5}', "key: give 1 to 36 ASCII characters"),
        (b'{"key": "k", "user_id": true, "kind": "walk", "minutes": 5}', "user_id: give a whole number"),
        (b'{"key": "k", "user_id": 1, "kind": "nap", "minutes": 5}', "kind: give one of walk, ride, run, swim"),
        (b'{"key": "k", "user_id": 1, "kind": "walk", "minutes": 1e3}', "minutes: give a whole number from 1 to 1440"),
        (b'{"key": "' + b"k" * 20000 + b'"}', "body: larger than 16384 bytes"),
    ],
)
def test_a_wrong_body_is_explained_whatever_the_database_does(dark_api: Api, body: bytes, problem: str) -> None:
    answer = dark_api.client.post("/activities", content=body)
    assert answer.status_code == 400
    assert any(problem in found for found in answer.json()["problems"])


@pytest.fixture(scope="module")
def dark_api(tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """An API beside a database that refuses."""
    with Api(environment(free_port()), tmp_path_factory.mktemp("api") / "log") as api:
        yield api
