"""Reaching the database: bounded against one that says nothing, and no connection left over."""

from __future__ import annotations

import socket
import threading
import time
from typing import cast

import oracledb
import pytest
from sqlalchemy.exc import DBAPIError

from application.database import UNAVAILABLE, Connector, UnreachableError, explain, open_engine
from application.readiness import Finding, ReadinessMonitor, look
from application.settings import DatabaseSettings


class FakeConnection:
    """Knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        """Closed."""
        self.closed.set()


def settings(port: int) -> DatabaseSettings:
    """A database said to be at that port."""
    return DatabaseSettings(f"127.0.0.1:{port}/fittrack_tp", "FITTRACK", "Secret-1", pool_size=1)


def test_hopeless_attempts_do_not_pile_up() -> None:
    release = threading.Event()
    begun: list[FakeConnection] = []

    def connect() -> oracledb.Connection:
        connection = FakeConnection()
        begun.append(connection)
        release.wait(30)
        return cast("oracledb.Connection", connection)

    connector = Connector(connect, 0.05)
    for _ in range(4):
        with pytest.raises(UnreachableError, match="no connection within"):
            connector()
    with pytest.raises(UnreachableError, match="4 earlier attempts"):
        connector()
    assert len(begun) == 4
    release.set()
    for connection in begun:  # what comes in after it was given up is closed, not leaked
        assert connection.closed.wait(10)
    assert connector() is not None


def test_a_database_that_refuses_is_told_from_one_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    engine = open_engine(settings(port))
    with pytest.raises(DBAPIError) as refused, engine.connect():
        pass
    assert isinstance(refused.value, UNAVAILABLE)
    assert "DPY-6005" in explain(refused.value)
    assert "CONNECTION_ID" in str(refused.value)
    assert "CONNECTION_ID" not in explain(refused.value)
    finding = look(engine)
    assert not finding.ready
    assert finding.reasons[0].startswith("database: DPY-6005")
    assert "Secret-1" not in finding.reasons[0]


def test_readiness_ends_when_the_looking_hangs() -> None:
    """What was last seen says nothing about now."""
    looked, release = threading.Event(), threading.Event()
    clock = [100.0]

    def take(_: object) -> Finding:
        if looked.is_set():
            release.wait(30)
        looked.set()
        return Finding((), clock[0], "PRIMARY", "READ WRITE", "0001")

    monitor = ReadinessMonitor(open_engine(settings(1)), interval=0.05, take=take, monotonic=lambda: clock[0])
    assert monitor.current().reasons == ("database: not looked at yet",)
    monitor.start()
    try:
        assert looked.wait(10)
        while not monitor.current().ready:
            time.sleep(0.005)
        clock[0] += 2.0
        assert monitor.current().ready
        clock[0] += 1.0
        assert monitor.current().reasons == ("database: no answer for 3 s",)
        release.set()
        while not monitor.current().ready:
            time.sleep(0.005)
    finally:
        release.set()
        monitor.stop()
