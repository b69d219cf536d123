"""The cache over the wire: used when it is there, missed when it is not, waited for never."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator

import pytest

from application import cache as cache_module
from application.cache import NoCache, RedisCache, open_cache


class RedisPod:
    """The Redis pod as a process, on a port of its own."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port: int = server.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As in REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator.workloads.redis"],
            env=dict(os.environ) | {"HOST": "127.0.0.1", "PORT": str(self.port)},
        )
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, "redis does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop; everything in it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def redis_pod() -> Generator[RedisPod]:
    """A running one."""
    pod = RedisPod()
    pod.start()
    yield pod
    pod.stop()


def test_no_url_means_no_cache() -> None:
    cache = open_cache(None)
    assert isinstance(cache, NoCache)
    cache.put("k", "v")
    assert cache.get("k") is None


def test_the_cache_comes_goes_and_comes_back(redis_pod: RedisPod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_REST_SECONDS", 0.0)
    cache = RedisCache(redis_pod.url)
    try:
        cache.put("k", "v")
        assert cache.get("k") == "v"
        redis_pod.stop()
        assert cache.get("k") is None
        cache.put("k", "lost")
        redis_pod.start()
        assert cache.get("k") is None
        cache.put("k", "again")
        assert cache.get("k") == "again"
    finally:
        cache.close()


def test_a_cache_that_hangs_costs_one_request_its_timeout_and_the_next_ones_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        cache = RedisCache(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        try:
            begun = time.monotonic()
            assert cache.get("k") is None
            first = time.monotonic() - begun
            begun = time.monotonic()
            for _ in range(100):
                assert cache.get("k") is None
                cache.put("k", "v")
            rest = time.monotonic() - begun
        finally:
            cache.close()
    assert first < 2
    assert rest < first
