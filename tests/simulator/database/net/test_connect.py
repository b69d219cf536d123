"""Connecting: what the driver is told, and every way of being turned away."""

from __future__ import annotations

import os
import threading

import oracledb
import pytest

from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny

pytestmark = pytest.mark.wire


def _failure(server: Tiny, **options: object) -> oracledb.DatabaseError:
    with pytest.raises(oracledb.DatabaseError) as caught:
        server.connect(**options)
    return caught.value


def test_a_connection_knows_its_database(connection: oracledb.Connection) -> None:
    assert connection.version == "19.28.0.0.0"
    assert (connection.db_name, connection.service_name, connection.instance_name) == ("TINY", "tiny_tp", "tiny")
    assert connection.max_open_cursors == 1000
    assert connection.thin
    connection.ping()


def test_the_first_query(cursor: oracledb.Cursor) -> None:
    cursor.execute("select 1 + 1 as two, 'text' as word")
    assert cursor.fetchall() == [(2, "text")]


def test_the_session_learns_who_the_client_is(server: Tiny) -> None:
    with server.connect(program="drill", machine="box", osuser="oncall") as connection:
        row = connection.cursor().execute(
            "select sys_context('userenv', 'program') as a, sys_context('userenv', 'host') as b,"
            " sys_context('userenv', 'os_user') as c, sys_context('userenv', 'session_user') as d"
        )
        assert row is not None
        assert row.fetchone() == ("drill", "box", "oncall", "SCOTT")


def test_a_quoted_user_keeps_its_case(server: Tiny) -> None:
    server.connect(user='"Mixed"', password="Mixed-case-1").close()
    assert "ORA-01017" in str(_failure(server, user="Mixed", password="Mixed-case-1"))


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD), (USER, PASSWORD + " ")])
def test_a_wrong_password_and_an_unknown_user_fail_alike(server: Tiny, user: str, password: str) -> None:
    error = _failure(server, user=user, password=password)
    assert error.args[0].full_code == "ORA-01017"
    assert "invalid username/password; logon denied" in str(error)


def test_a_locked_account_is_told_only_to_who_knows_its_password(server: Tiny) -> None:
    assert "ORA-28000" in str(_failure(server, user="locked", password="locked-Locked-1"))
    assert "ORA-01017" in str(_failure(server, user="locked", password="guess"))


def test_administrative_logons_are_refused(server: Tiny) -> None:
    assert "ORA-01031" in str(_failure(server, mode=oracledb.AUTH_MODE_SYSDBA))


def test_what_a_session_cannot_be_given_is_refused(server: Tiny) -> None:
    assert "ORA-03001" in str(_failure(server, user="scott[mixed]"))
    assert "ORA-03001" in str(_failure(server, edition="ora$base"))
    assert "ORA-03001" in str(_failure(server, appcontext=[("ns", "key", "value")]))


@pytest.mark.parametrize(
    ("descriptor", "code"),
    [
        ("(service_name=nowhere)", "DPY-6001"),
        ("(sid=TINY)", "DPY-6003"),
        ("(service_name=tiny_blocked)", "Similar to ORA-12528"),
        ("(server=dedicated)", "Similar to ORA-12504"),
    ],
)
def test_the_listener_refuses_with_a_tns_code(server: Tiny, descriptor: str, code: str) -> None:
    address = f"(address=(protocol=tcp)(host={server.host})(port={server.port}))"
    assert code in str(_failure(server, dsn=f"(description={address}(connect_data={descriptor}))"))


def test_a_long_descriptor_follows_in_a_packet_of_its_own(server: Tiny) -> None:
    address = f"(address=(protocol=tcp)(host={server.host})(port={server.port}))"
    program = "p" * 400
    dsn = f"(description={address}(connect_data=(service_name=tiny_tp)))"
    with server.connect(dsn=dsn, program=program) as connection:
        cursor = connection.cursor()
        cursor.execute("select sys_context('userenv', 'program') as p")
        assert cursor.fetchone() == (program,)


# On a retry the driver lets go of the refused socket without closing it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_retries_gets_in_once_the_service_opens(server: Tiny) -> None:
    """A failover client waits in its descriptor's retries until the promoted side opens its services."""
    server.ask("refuse tiny_low 12514")
    opening = threading.Timer(0.3, server.ask, ["offer tiny_low"])
    opening.start()
    address = f"(address=(protocol=tcp)(host={server.host})(port={server.port}))"
    dsn = f"(description=(retry_count=20)(retry_delay=1){address}(connect_data=(service_name=tiny_low)))"
    with server.connect(dsn=dsn) as connection:
        assert connection.service_name == "tiny_low"
    opening.join()


def test_changing_a_password_in_a_session_and_at_the_logon(server: Tiny) -> None:
    with server.connect(user='"Mixed"', password="Mixed-case-1") as connection:
        with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
            connection.changepassword("wrong", "Mixed-case-2")
        with pytest.raises(oracledb.DatabaseError, match="ORA-28003"):
            connection.changepassword("Mixed-case-1", "short")
        connection.changepassword("Mixed-case-1", "Mixed-case-2")
        connection.ping()
    server.connect(user='"Mixed"', password="Mixed-case-2", newpassword="Mixed-case-1").close()
    server.connect(user='"Mixed"', password="Mixed-case-1").close()


def test_a_time_zone_set_at_the_logon_reaches_the_session(server: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "ORA_SDTZ", "+05:30")
    server.connect().close()
    assert "TIME_ZONE='+05:30'" in server.ask("events")
