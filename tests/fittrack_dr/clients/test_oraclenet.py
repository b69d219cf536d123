"""Databases as a session sees them: open, closed, refusing us or silent, told apart within seconds."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from fittrack_dr.clients.oraclenet import OracleNet
from fittrack_dr.domain.cloud import DatabaseView, NetAnswer, TableCheck
from fittrack_dr.errors import ConfigError, PermanentError, UnreachableError
from fittrack_dr.recovery import CriticalTable
from tests.fittrack_dr.clients.profiles import make_profile
from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny, running

TABLES = """
create view "v$database" as select 'PRIMARY' as database_role, 'READ WRITE' as open_mode
create table users (id NUMBER, status VARCHAR2(10))
insert into users values (1, 'active'), (2, 'active'), (3, 'gone')
create table tickets (id NUMBER, points NUMBER)
create table heartbeats (region VARCHAR2(30), beat_at TIMESTAMP)
insert into heartbeats values ('us-ashburn-1', '2026-03-01 08:15:30.250000')
insert into heartbeats values ('us-ashburn-1', '2026-03-01 08:15:00.250000')
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    with running(tmp_path_factory.mktemp("tiny") / "tiny.db") as tiny:
        with tiny.connect() as connection, connection.cursor() as cursor:
            for statement in TABLES.strip().splitlines():
                cursor.execute(statement)
            connection.commit()
        yield tiny


def names(directory: Path, host: str, port: int, service: str = "tiny_tp", protocol: str = "tcp") -> None:
    (directory / "tnsnames.ora").write_text(
        "db = (description=(retry_count=20)(retry_delay=3)"
        f"(address=(protocol={protocol})(port={port})(host={host}))(connect_data=(service_name={service})))\n"
    )


def at(directory: Path, host: str, port: int, *, password: str = PASSWORD, seconds: float = 5.0) -> OracleNet:
    (directory / "password").write_text(password + "\n")
    if not (directory / "tnsnames.ora").exists():
        names(directory, host, port)
    profile = make_profile(directory, fittrack_db_user=USER)
    return OracleNet(profile, "db", schema=USER.upper(), seconds=seconds)


def test_an_open_primary(server: Tiny, tmp_path: Path) -> None:
    view = at(tmp_path, server.host, server.port).view()
    assert view == DatabaseView(NetAnswer.OPEN, "PRIMARY", "READ WRITE", "PRIMARY, READ WRITE")
    assert view.accepts_writes is True


@pytest.mark.parametrize(
    ("code", "answer", "accepts_writes"),
    [
        (12514, NetAnswer.CLOSED, False),  # a mounted standby, a stopped database
        (12528, NetAnswer.CLOSED, False),
        (12516, NetAnswer.DENIED, None),  # no handler free: it may well be taking writes from others
    ],
)
def test_a_listener_that_refuses_the_service(
    server: Tiny, tmp_path: Path, code: int, answer: NetAnswer, accepts_writes: bool | None
) -> None:
    assert server.ask(f"refuse tiny_tp {code}") == "ok"
    try:
        start = time.monotonic()
        view = at(tmp_path, server.host, server.port).view()
    finally:
        assert server.ask("offer tiny_tp") == "ok"
    assert (view.answer, view.role, view.accepts_writes) == (answer, None, accepts_writes)
    assert time.monotonic() - start < 4, "the alias's own retries are not ours"
    assert "\n" not in view.detail


def test_a_database_that_refuses_our_password(server: Tiny, tmp_path: Path) -> None:
    net = at(tmp_path, server.host, server.port, password="wrong-Wrong-1")
    view = net.view()
    assert (view.answer, view.accepts_writes) == (NetAnswer.DENIED, None)
    assert "ORA-01017" in view.detail
    with pytest.raises(ConfigError, match="check fittrack_db_user in the profile") as caught:
        net.last_heartbeat("us-ashburn-1")
    assert "wrong-Wrong-1" not in str(caught.value)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    net = at(tmp_path, "127.0.0.1", port)
    view = net.view()
    assert (view.answer, view.accepts_writes) == (NetAnswer.SILENT, None)
    with pytest.raises(UnreachableError, match="could not ask the database db: "):
        net.check([CriticalTable(table="users", query="SELECT COUNT(*) FROM users")])


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_listener_that_says_nothing(tmp_path: Path, protocol: str) -> None:
    """No time-out of the driver covers this: it waits for ever after the connection stands."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        names(tmp_path, "127.0.0.1", port, protocol=protocol)
        wallet(tmp_path, trustme.CA())
        start = time.monotonic()
        view = at(tmp_path, "127.0.0.1", port, seconds=0.5).view()
    assert (view.answer, view.detail) == (NetAnswer.SILENT, "no answer within 0.5 s")
    assert time.monotonic() - start < 3


def test_a_region_that_was_stopped(tmp_path: Path) -> None:
    with running(tmp_path / "tiny.db") as tiny:
        net = at(tmp_path, tiny.host, tiny.port, seconds=0.5)
        os.kill(tiny.process.pid, signal.SIGSTOP)
        try:
            assert net.view().answer is NetAnswer.SILENT
        finally:
            os.kill(tiny.process.pid, signal.SIGCONT)


def test_a_query_that_never_ends_is_cut_off(server: Tiny, tmp_path: Path) -> None:
    endless = (
        "SELECT COUNT(*) FROM users, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n)"
    )
    net = at(tmp_path, server.host, server.port, seconds=0.7)
    start = time.monotonic()
    with pytest.raises(UnreachableError, match=r"no answer within 0\.7 s"):
        net.check([CriticalTable(table="users", query=endless)])
    assert time.monotonic() - start < 4
    assert at(tmp_path, server.host, server.port).view().answer is NetAnswer.OPEN


def test_critical_queries_give_numbers_or_reasons(server: Tiny, tmp_path: Path) -> None:
    net = at(tmp_path, server.host, server.port)
    active, missing, empty = net.check(
        [
            CriticalTable(table="users", query="SELECT COUNT(*) FROM users WHERE status = 'active'"),
            CriticalTable(table="drawings", query="SELECT COUNT(*) FROM drawings"),
            CriticalTable(table="tickets", query="SELECT SUM(points) FROM tickets"),
        ]
    )
    assert active == TableCheck("users", 2.0, "2")
    assert missing.value is None
    assert "ORA-00942" in missing.detail
    assert empty == TableCheck("tickets", None, "the query gave no number")


def test_a_database_without_heartbeats(server: Tiny, tmp_path: Path) -> None:
    net = at(tmp_path, server.host, server.port)
    assert net.last_heartbeat("us-phoenix-1") is None
    assert net.last_heartbeat("' OR '1' = '1") is None
    with pytest.raises(PermanentError, match="the last heartbeat in db is no time but str"):
        net.last_heartbeat("us-ashburn-1")


def test_a_database_without_the_table_is_an_error_that_names_it(tmp_path: Path) -> None:
    with running(tmp_path / "tiny.db") as tiny:
        net = at(tmp_path, tiny.host, tiny.port)
        with pytest.raises(PermanentError, match="a query of the database db failed: ORA-00942"):
            net.last_heartbeat("us-ashburn-1")
        with pytest.raises(PermanentError, match="ORA-00942"):
            net.view()


def wallet(directory: Path, authority: trustme.CA) -> None:
    (directory / "ewallet.pem").write_bytes(authority.cert_pem.bytes())


@pytest.mark.parametrize(
    ("common_name", "trusted", "answer"),
    [
        ("127.0.0.1", True, NetAnswer.OPEN),
        ("127.0.0.1", False, NetAnswer.DENIED),
        ("elsewhere.example", True, NetAnswer.DENIED),
    ],
)
def test_a_server_that_is_not_who_it_should_be_answers_but_is_no_database_of_ours(
    tmp_path: Path, common_name: str, trusted: bool, answer: NetAnswer
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert(common_name, common_name=common_name)
    chain, key = tmp_path / "chain.pem", tmp_path / "server-key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    wallet(tmp_path, authority if trusted else trustme.CA())
    with running(tmp_path / "tiny.db", certificate=str(chain), key=str(key)) as tiny:
        names(tmp_path, tiny.host, tiny.port, protocol="tcps")
        net = at(tmp_path, tiny.host, tiny.port)
        if answer is NetAnswer.OPEN:
            with pytest.raises(PermanentError, match="ORA-00942"):  # connected; this one has no v$database
                net.view()
        else:
            view = net.view()
            assert (view.answer, view.accepts_writes) == (answer, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (None, "DPY-4026"),
        ("other = (description=(address=(protocol=tcp)(host=127.0.0.1)(port=1)))", "DPY-4000"),
        ("db = (description=(address=", "cannot use db of "),
        (
            "db = (description=(address=(protocol=tcps)(host=adb.us-phoenix-1.oraclecloud.com)(port=1522)))",
            "has loopback endpoints, but the host of db in .* is adb.us-phoenix-1.oraclecloud.com, a real one",
        ),
    ],
)
def test_aliases_that_cannot_be_used(tmp_path: Path, line: str | None, reason: str) -> None:
    profile = make_profile(tmp_path)
    if line:
        (tmp_path / "tnsnames.ora").write_text(line + "\n")
    with pytest.raises(ConfigError, match=reason) as caught:
        OracleNet(profile, "db", schema="FITTRACK").view()
    assert "\n" not in str(caught.value)


def test_a_password_that_cannot_be_read(tmp_path: Path) -> None:
    net = at(tmp_path, "127.0.0.1", 1)
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="the password in it cannot be read"):
        net.view()
