"""A primary and its standby in a running world as the operator's clients see them, until the primary's region is lost.

The tests of this file are one story, in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import oracledb
import pytest
from oci.healthchecks import HealthChecksClient as HealthChecksSdk
from oci.healthchecks.models import CreateHttpMonitorDetails

from fittrack_dr.clients.database import DatabaseClient
from fittrack_dr.clients.healthchecks import HealthChecksClient
from fittrack_dr.clients.monitoring import MonitoringClient
from fittrack_dr.clients.oraclenet import OracleNet
from fittrack_dr.clients.profile import Profile, load_profile
from fittrack_dr.clients.session import Session
from fittrack_dr.domain.cloud import DatabaseRole, NetAnswer, WorkStatus
from fittrack_dr.errors import NotFoundError, PermanentError, RetryableError, UnreachableError
from fittrack_dr.recovery import CriticalTable
from tests.simulator.database.association import ASHBURN, BRISK, FAST, PASSWORD, PHOENIX, Association
from tests.worlds import data, running_world, wait_until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]

BEAT = datetime(2026, 3, 1, 8, 15, 30, 250000, tzinfo=UTC)
TABLES = [
    "CREATE TABLE users (id NUMBER PRIMARY KEY, status VARCHAR2(10))",
    "INSERT INTO users VALUES (1, 'active')",
    "INSERT INTO users VALUES (2, 'gone')",
    "CREATE TABLE tickets (id NUMBER PRIMARY KEY, points NUMBER)",
    "CREATE TABLE heartbeats (region VARCHAR2(30), beat_at TIMESTAMP)",
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Generator[Association]:
    with running_world(tmp_path_factory.mktemp("world") / "w", rate=FAST) as world:
        made = Association(world)
        made.build()
        with made.connect(ASHBURN) as connection, connection.cursor() as cursor:
            for statement in TABLES:
                cursor.execute(statement)
            cursor.setinputsizes(None, oracledb.DB_TYPE_TIMESTAMP)
            beats = [BEAT.replace(tzinfo=None) - timedelta(seconds=late) for late in (0, 30)]
            cursor.executemany("INSERT INTO heartbeats VALUES (:1, :2)", [(ASHBURN, beat) for beat in beats])
            connection.commit()
        yield made


@pytest.fixture(scope="module")
def profile(pair: Association) -> Profile:
    password = pair.world.directory / "password"
    password.write_text(PASSWORD)
    loaded = load_profile(pair.world.environment("dba"))
    return replace(
        loaded, tns_admin=pair.tns, db_user="ADMIN", db_password_file=password, wallet_password_file=password
    )


@pytest.fixture(scope="module")
def session(profile: Profile) -> Generator[Session]:
    with Session(profile, connect=1.0, read=4.0) as session:
        yield session


def net(profile: Profile, region: str, *, seconds: float = 8.0) -> OracleNet:
    return OracleNet(profile, profile.tns_alias(region), schema="ADMIN", seconds=seconds)


def test_each_region_knows_its_own_database(pair: Association, session: Session) -> None:
    primary = DatabaseClient(session, ASHBURN).get(pair.ids[ASHBURN])
    standby = DatabaseClient(session, PHOENIX).get(pair.ids[PHOENIX])
    assert (primary.role, primary.state, primary.peer_ids) == (DatabaseRole.PRIMARY, "AVAILABLE", (standby.id,))
    assert (standby.role, standby.peer_ids) == (DatabaseRole.STANDBY, (primary.id,))
    assert primary.name.lower() == "fittrack"
    assert (standby.last_failover, standby.lost_seconds) == (None, None)
    assert DatabaseClient(session, PHOENIX).list(session.profile.compartment) == (standby,)
    with pytest.raises(NotFoundError):
        DatabaseClient(session, PHOENIX).get(pair.ids[ASHBURN])


def test_only_the_primary_takes_sessions(profile: Profile) -> None:
    primary, standby = net(profile, ASHBURN).view(), net(profile, PHOENIX).view()
    assert (primary.answer, primary.role, primary.open_mode) == (NetAnswer.OPEN, "PRIMARY", "READ WRITE")
    assert (primary.accepts_writes, standby.accepts_writes) == (True, False)
    assert (standby.answer, standby.role) == (NetAnswer.CLOSED, None)


def test_what_the_primary_holds(profile: Profile) -> None:
    active, empty = net(profile, ASHBURN).check(
        [
            CriticalTable(table="users", query="SELECT COUNT(*) FROM users WHERE status = 'active'"),
            CriticalTable(table="tickets", query="SELECT SUM(points) FROM tickets"),
        ]
    )
    assert (active.value, empty.value) == (1.0, None)
    assert net(profile, ASHBURN).last_heartbeat(ASHBURN) == BEAT
    assert net(profile, ASHBURN).last_heartbeat(PHOENIX) is None
    with pytest.raises(UnreachableError):
        net(profile, PHOENIX).last_heartbeat(ASHBURN)


def test_the_standbys_region_measures_its_lag(pair: Association, session: Session) -> None:
    client = MonitoringClient(session, PHOENIX)

    def measured() -> object:
        now = pair.world.clock.now()
        return client.peer_lag(pair.ids[PHOENIX], since=now - timedelta(hours=1), until=now)

    points = wait_until(measured, what="a PeerLag")
    assert all(point.value >= 0 and point.at.tzinfo is UTC for point in points)
    assert [point.at for point in points] == sorted(point.at for point in points)
    before = pair.world.clock.now() - timedelta(days=30)
    assert client.peer_lag(pair.ids[PHOENIX], since=before, until=before + timedelta(hours=1)) == ()


def test_vantage_points_watch_from_outside(pair: Association, session: Session) -> None:
    world = pair.world
    details = CreateHttpMonitorDetails(
        compartment_id=world.world.compartment,
        display_name="neutral",
        targets=[world.world.edge.neutral_target.host],
        protocol="HTTP",
        port=world.world.edge.neutral_target.port,
        path="/",
        interval_in_seconds=10,
        timeout_in_seconds=10,
    )
    monitor = data(world.client(HealthChecksSdk, "dba", PHOENIX).create_http_monitor(details)).id
    client = HealthChecksClient(session, PHOENIX)

    def seen() -> object:
        now = world.clock.now()
        results = client.results(monitor, since=now - timedelta(hours=1), until=now)
        return results if len({each.vantage_point for each in results}) >= 2 else ()

    results = wait_until(seen, what="results of two vantage points")
    assert all(each.healthy and each.status_code == 200 and each.detail == "HTTP 200" for each in results)
    assert {each.target for each in results} == {world.world.edge.neutral_target.host}
    assert [each.at for each in results] == sorted(each.at for each in results)


def test_the_control_plane_says_no_to_what_makes_no_sense(pair: Association, session: Session) -> None:
    with pytest.raises((PermanentError, RetryableError)):
        DatabaseClient(session, ASHBURN).fail_over(pair.ids[ASHBURN], primary_id=pair.ids[PHOENIX], token="t0")
    assert DatabaseClient(session, ASHBURN).get(pair.ids[ASHBURN]).role is DatabaseRole.PRIMARY


def test_a_lost_primary_and_its_promoted_standby(pair: Association, profile: Profile, session: Session) -> None:
    pair.rate(BRISK)
    pair.world.simulator("lose", ASHBURN)
    assert net(profile, ASHBURN, seconds=0.7).view().answer is NetAnswer.SILENT
    with Session(profile, connect=0.5, read=0.5) as impatient, pytest.raises(UnreachableError):
        DatabaseClient(impatient, ASHBURN).get(pair.ids[ASHBURN])

    phoenix = DatabaseClient(session, PHOENIX)
    request = phoenix.fail_over(pair.ids[PHOENIX], primary_id=pair.ids[ASHBURN], token="t1")
    assert phoenix.fail_over(pair.ids[PHOENIX], primary_id=pair.ids[ASHBURN], token="t1") == request
    assert request in {each.id for each in phoenix.work_requests(profile.compartment, pair.ids[PHOENIX])}

    work = wait_until(lambda: (found := phoenix.work_request(request)).status.final and found, what="the failover")
    assert (work.status, work.percent) == (WorkStatus.SUCCEEDED, 100.0)
    assert pair.ids[PHOENIX] in work.resources
    assert work.finished > work.accepted
    assert phoenix.work_request_errors(request) == ()
    promoted = phoenix.get(pair.ids[PHOENIX])
    assert promoted.role is DatabaseRole.PRIMARY
    assert promoted.last_failover is not None
    assert promoted.lost_seconds is not None
    assert net(profile, PHOENIX).view().accepts_writes is True
    assert net(profile, PHOENIX).last_heartbeat(ASHBURN) == BEAT
