"""Heartbeat objects: put from a thread of their own, the newest first, their URL never told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from application.worker.heartbeat import ObjectPublisher
from tests.application.processes import eventually, free_port

PATH = "/p/secret-token/n/fittrack/b/fittrack-heartbeats/o/heartbeat/us-ashburn-1.json"


class Storage(ThreadingHTTPServer):
    """Takes PUTs, remembers them; ``open`` holds answers back, ``status`` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        self.puts: list[tuple[str, bytes]] = []
        self.open = threading.Event()
        self.open.set()
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """The pre-authenticated URL."""
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def bodies(self) -> list[bytes]:
        """What was put, in order."""
        return [body for _, body in self.puts]


class Handler(BaseHTTPRequestHandler):
    """One PUT."""

    def do_PUT(self) -> None:
        """Remember, wait, answer."""
        storage = self.server
        assert isinstance(storage, Storage)
        storage.puts.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        storage.open.wait(30)
        self.send_response(storage.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Quiet."""


@pytest.fixture
def storage() -> Generator[Storage]:
    """A running one."""
    server = Storage()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_beat_is_put_to_the_url(storage: Storage) -> None:
    publisher = ObjectPublisher(storage.url)
    publisher.publish(b"one")
    publisher.stop()
    assert storage.puts == [(PATH, b"one")]


def test_a_slow_far_side_holds_nobody_up_and_gets_the_newest_next(storage: Storage) -> None:
    storage.open.clear()
    publisher = ObjectPublisher(storage.url)
    publisher.publish(b"first")
    eventually(lambda: storage.bodies() == [b"first"], what="the first put")
    begun = time.monotonic()
    for number in range(100):
        publisher.publish(b"%d" % number)
    assert time.monotonic() - begun < 0.5
    storage.open.set()
    publisher.stop()
    assert storage.bodies() == [b"first", b"99"]


def test_failures_are_told_once_with_the_host_and_never_the_url(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    storage.status = 404
    publisher = ObjectPublisher(storage.url)
    for number in range(3):
        publisher.publish(b"%d" % number)
        eventually(lambda count=number + 1: len(storage.puts) == count, what="the put")
    storage.status = 200
    publisher.publish(b"last")
    publisher.stop()
    told = [record.getMessage() for record in caplog.records]
    host = f"127.0.0.1:{storage.server_port}"
    assert told == [
        f"heartbeat objects do not reach {host}: HTTP 404",
        f"heartbeat objects reach {host} again",
    ]


def test_a_far_side_that_refuses_is_a_failure_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    publisher = ObjectPublisher(f"http://127.0.0.1:{free_port()}{PATH}")
    publisher.publish(b"lost")
    publisher.stop()
    (record,) = caplog.records
    assert "ConnectionRefusedError" in record.getMessage()
    assert "secret-token" not in caplog.text
