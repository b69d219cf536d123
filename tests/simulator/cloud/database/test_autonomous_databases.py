"""The Database service as its own SDK meets it: what it takes, what it refuses, and how long things take."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import oracledb
import pytest
from oci.database.models import (
    CreateAutonomousDatabaseCloneDetails,
    CreateAutonomousDatabaseDetails,
    CreateCrossRegionAutonomousDatabaseDataGuardDetails,
    GenerateAutonomousDatabaseWalletDetails,
    UpdateAutonomousDatabaseDetails,
)
from oci.exceptions import ServiceError

from simulator.cloud.durations import DURATIONS
from tests.simulator.database.association import ASHBURN, BRISK, FAST, PASSWORD, PHOENIX, Association
from tests.worlds import data, running_world, wait_until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Generator[Association]:
    """One association for all tests of this module, on a fast clock; nobody changes its roles."""
    with running_world(tmp_path_factory.mktemp("world") / "w", rate=FAST) as world:
        made = Association(world)
        made.build()
        yield made


def refused(call: Any, *arguments: Any, **keywords: Any) -> tuple[int, str, str]:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **keywords)
    return caught.value.status, str(caught.value.code), str(caught.value.message)


def details(pair: Association, **changed: Any) -> CreateAutonomousDatabaseDetails:
    fields: dict[str, Any] = {
        "compartment_id": pair.world.world.compartment,
        "db_name": "other",
        "compute_model": "ECPU",
        "compute_count": 2,
        "admin_password": PASSWORD,
    }
    return CreateAutonomousDatabaseDetails(**{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"db_name": None}, "dbName must not be null"),
        ({"db_name": "1st"}, "dbName must begin with a letter"),
        ({"db_name": "x" * 31}, "at most 30"),
        ({"db_name": "FitTrack"}, "is taken"),
        ({"compartment_id": None}, "compartmentId must not be null"),
        ({"compute_count": 1}, "at least 2"),
        ({"compute_count": None}, "computeCount is required"),
        ({"cpu_core_count": 1}, "cpuCoreCount cannot be given together"),
        ({"db_workload": "JSON"}, "dbWorkload must be one of"),
        ({"backup_retention_period_in_days": 61}, "from 1 to 60"),
        ({"backup_retention_period_in_days": 0}, "from 1 to 60"),
        ({"data_storage_size_in_tbs": 1, "data_storage_size_in_gbs": 100}, "cannot both be given"),
        ({"admin_password": None}, "adminPassword or secretId is required"),
        ({"secret_id": "ocid1.vaultsecret.oc1.iad.a"}, "cannot both be given"),
        ({"admin_password": "Short-1"}, "12 to 30"),
        ({"admin_password": "alllowercase1"}, "upper-case"),
        ({"admin_password": "MyAdmin-Password-1"}, "the name admin"),
        ({"admin_password": 'Quote"Quote-1'}, "double quote"),
        ({"is_local_data_guard_enabled": True}, "no local standby"),
    ],
)
def test_create_refuses(pair: Association, changed: dict[str, Any], part: str) -> None:
    if "db_workload" in changed:  # the SDK's model checks this one itself
        body = details(pair)
        body._db_workload = changed["db_workload"]  # pyright: ignore[reportPrivateUsage]
    else:
        body = details(pair, **changed)
    status, code, message = refused(pair.database(ASHBURN).create_autonomous_database, body)
    assert (status, code) == (400, "InvalidParameter")
    assert part in message
    assert str(changed.get("admin_password")) not in message
    assert len(data(pair.database(ASHBURN).list_autonomous_databases(pair.world.world.compartment))) == 1


def test_create_says_what_it_does_not_do(pair: Association) -> None:
    client = pair.database(ASHBURN)
    assert refused(client.create_autonomous_database, details(pair, kms_key_id="ocid1.key.oc1.iad.a"))[0] == 501
    clone = CreateAutonomousDatabaseCloneDetails(
        compartment_id=pair.world.world.compartment,
        db_name="clone",
        source_id=pair.ids[ASHBURN],
        clone_type="FULL",
        admin_password=PASSWORD,
    )
    status, _, message = refused(client.create_autonomous_database, clone)
    assert (status, message) == (501, "create_autonomous_database: source DATABASE")
    missing = details(pair, admin_password=None, secret_id="ocid1.vaultsecret.oc1.iad.a")
    assert refused(client.create_autonomous_database, missing)[:2] == (404, "NotAuthorizedOrNotFound")


def test_a_dry_run_changes_nothing(pair: Association) -> None:
    client = pair.database(ASHBURN)
    assert client.create_autonomous_database(details(pair), opc_dry_run=True).status == 200
    assert refused(client.create_autonomous_database, details(pair, db_name="-"), opc_dry_run=True)[0] == 400
    standby = pair.database(PHOENIX)
    standby.switchover_autonomous_database(pair.ids[PHOENIX], peer_db_id=pair.ids[ASHBURN], opc_dry_run=True)
    standby.fail_over_autonomous_database(pair.ids[PHOENIX], peer_db_id=pair.ids[ASHBURN], opc_dry_run=True)
    assert pair.get(PHOENIX).lifecycle_state == "AVAILABLE"
    assert pair.get(PHOENIX).role == "STANDBY"


def test_a_standby_is_as_its_primary_is(pair: Association) -> None:
    primary, standby = pair.get(ASHBURN), pair.get(PHOENIX)
    assert (primary.role, standby.role) == ("PRIMARY", "STANDBY")
    assert primary.peer_db_ids == [standby.id]
    assert standby.peer_db_ids == [primary.id]
    assert standby.source_id == primary.id
    assert standby.db_name == primary.db_name == "fittrack"
    assert standby.db_workload == primary.db_workload == "AJD"
    assert standby.is_remote_data_guard_enabled
    assert primary.is_remote_data_guard_enabled
    assert standby.local_standby_db is None
    assert (primary.dataguard_region_type, standby.dataguard_region_type) == (
        "PRIMARY_DG_REGION",
        "REMOTE_STANDBY_DG_REGION",
    )
    assert standby.remote_disaster_recovery_configuration.disaster_recovery_type == "ADG"
    (peer,) = data(pair.database(ASHBURN).list_autonomous_database_peers(primary.id)).items
    assert (peer.id, peer.region) == (standby.id, PHOENIX)
    with pytest.raises(oracledb.Error, match=r"DPY-6001|DPY-6005|ORA-12514"):
        pair.connect(PHOENIX)


def test_a_second_standby_and_a_standby_at_home_are_refused(pair: Association) -> None:
    body = CreateCrossRegionAutonomousDatabaseDataGuardDetails(
        compartment_id=pair.world.world.compartment, source_id=pair.ids[ASHBURN]
    )
    status, code, message = refused(pair.database(PHOENIX).create_autonomous_database, body)
    assert (status, code) == (409, "IncorrectState")
    assert "has a cross-region standby already" in message
    assert refused(pair.database(ASHBURN).create_autonomous_database, body)[0] == 400
    body.source_id = pair.ids[ASHBURN][:-4] + "aaaa"
    assert refused(pair.database(PHOENIX).create_autonomous_database, body)[0] == 404


def test_a_failover_without_its_peer_means_this_region(pair: Association) -> None:
    for call in (
        pair.database(PHOENIX).fail_over_autonomous_database,
        pair.database(PHOENIX).switchover_autonomous_database,
    ):
        status, code, message = refused(call, pair.ids[PHOENIX])
        assert (status, code) == (409, "IncorrectState")
        assert "no local standby" in message
    wrong = pair.ids[ASHBURN][:-4] + "aaaa"
    client = pair.database(PHOENIX)
    assert refused(client.fail_over_autonomous_database, pair.ids[PHOENIX], peer_db_id=wrong)[0] == 404


def test_roles_are_changed_at_the_standby_only(pair: Association) -> None:
    client = pair.database(ASHBURN)
    for call in (client.fail_over_autonomous_database, client.switchover_autonomous_database):
        status, code, message = refused(call, pair.ids[ASHBURN], peer_db_id=pair.ids[PHOENIX])
        assert (status, code) == (409, "IncorrectState")
        assert "not STANDBY" in message
    assert refused(pair.database(PHOENIX).get_autonomous_database, pair.ids[ASHBURN])[0] == 404


def test_a_standby_is_changed_at_its_primary(pair: Association) -> None:
    body = UpdateAutonomousDatabaseDetails(freeform_tags={"a": "b"})
    client = pair.database(PHOENIX)
    assert refused(client.update_autonomous_database, pair.ids[PHOENIX], body)[:2] == (409, "IncorrectState")
    assert refused(client.stop_autonomous_database, pair.ids[PHOENIX])[:2] == (409, "IncorrectState")
    assert refused(pair.database(ASHBURN).delete_autonomous_database, pair.ids[ASHBURN])[:2] == (
        409,
        "IncorrectState",
    )


def test_tags_change_at_once_and_only_under_the_right_etag(pair: Association) -> None:
    client = pair.database(ASHBURN)
    before: Any = client.get_autonomous_database(pair.ids[ASHBURN])
    body = UpdateAutonomousDatabaseDetails(freeform_tags={"stack": "prod"})
    answer: Any = client.update_autonomous_database(pair.ids[ASHBURN], body, if_match=before.headers["etag"])
    assert answer.data.freeform_tags == {"stack": "prod"}
    assert answer.data.lifecycle_state == "AVAILABLE"
    assert answer.headers["etag"] != before.headers["etag"]
    stale = refused(client.update_autonomous_database, pair.ids[ASHBURN], body, if_match=before.headers["etag"])
    assert stale[:2] == (412, "NoEtagMatch")


def test_scaling_takes_its_time(pair: Association) -> None:
    body = UpdateAutonomousDatabaseDetails(compute_count=4)
    answer: Any = pair.database(ASHBURN).update_autonomous_database(pair.ids[ASHBURN], body)
    assert answer.data.lifecycle_state == "SCALE_IN_PROGRESS"
    assert answer.data.compute_count == 2
    assert pair.until(ASHBURN).compute_count == 4
    work = pair.work(ASHBURN, answer)
    assert work.status == "SUCCEEDED"
    assert work.time_finished - work.time_accepted >= timedelta(seconds=59)


def test_a_locked_retention_is_never_shortened(pair: Association) -> None:
    client = pair.database(ASHBURN)
    lock = UpdateAutonomousDatabaseDetails(backup_retention_period_in_days=30, is_backup_retention_locked=True)
    client.update_autonomous_database(pair.ids[ASHBURN], lock)
    pair.until(ASHBURN)
    for fields in ({"backup_retention_period_in_days": 29}, {"is_backup_retention_locked": False}):
        body = UpdateAutonomousDatabaseDetails(**fields)
        assert refused(client.update_autonomous_database, pair.ids[ASHBURN], body)[0] == 400


def test_a_wallet_names_this_region_and_its_key_is_encrypted(pair: Association) -> None:
    archive = zipfile.ZipFile(io.BytesIO(pair.wallet(PHOENIX)))
    assert {"ewallet.pem", "tnsnames.ora", "sqlnet.ora"} <= set(archive.namelist())
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in archive.read("ewallet.pem")
    names = archive.read("tnsnames.ora").decode()
    assert "fittrack_tp = " in names
    assert pair.world.world.regions[PHOENIX].net.host in names
    primary = {p.display_name: p.value for p in pair.get(ASHBURN).connection_strings.profiles}
    standby = {p.display_name: p.value for p in pair.get(PHOENIX).connection_strings.profiles}
    assert standby["fittrack_tp"] in names
    assert primary["fittrack_tp"] != standby["fittrack_tp"]
    joined = (pair.tns / "tnsnames.ora").read_text()
    assert "fittrack_us_ashburn_1_tp = " in joined
    assert "fittrack_us_phoenix_1_tp = " in joined
    assert "retry_count" not in joined
    weak = GenerateAutonomousDatabaseWalletDetails(password="weak")
    assert refused(pair.database(PHOENIX).generate_autonomous_database_wallet, pair.ids[PHOENIX], weak)[0] == 400


def test_without_the_wallet_nobody_connects(pair: Association) -> None:
    dsn = next(iter(pair.get(ASHBURN).connection_strings.profiles)).value
    with pytest.raises(oracledb.Error):
        oracledb.connect(user="ADMIN", password=PASSWORD, dsn=dsn.replace("(retry_count=20)(retry_delay=3)", ""))


def test_stop_and_start(pair: Association) -> None:
    client = pair.database(ASHBURN)
    with pair.connect(ASHBURN) as connection:
        assert data(client.stop_autonomous_database(pair.ids[ASHBURN])).lifecycle_state == "STOPPING"
        with pytest.raises(oracledb.Error):
            connection.ping()
    pair.until(ASHBURN, state="STOPPED")
    with pytest.raises(oracledb.Error):
        pair.connect(ASHBURN)
    assert refused(client.stop_autonomous_database, pair.ids[ASHBURN])[:2] == (409, "IncorrectState")
    client.start_autonomous_database(pair.ids[ASHBURN])
    pair.until(ASHBURN)
    with pair.connect(ASHBURN):
        assert refused(client.start_autonomous_database, pair.ids[ASHBURN])[:2] == (409, "IncorrectState")
    assert data(client.restart_autonomous_database(pair.ids[ASHBURN])).lifecycle_state == "RESTARTING"
    pair.until(ASHBURN)
    with pair.connect(ASHBURN):
        assert pair.get(ASHBURN).role == "PRIMARY"


def test_the_admin_password_is_changed_for_both(pair: Association) -> None:
    client = pair.database(ASHBURN)
    other = "Battery-Staple-2"
    client.update_autonomous_database(pair.ids[ASHBURN], UpdateAutonomousDatabaseDetails(admin_password=other))
    with pytest.raises(oracledb.Error, match="ORA-01017"):
        pair.connect(ASHBURN)
    pair.until(ASHBURN)
    client.update_autonomous_database(pair.ids[ASHBURN], UpdateAutonomousDatabaseDetails(admin_password=PASSWORD))
    pair.until(ASHBURN)
    with pair.connect(ASHBURN):
        pass


def test_create_twice_with_one_token_makes_one_and_delete_ends_it(pair: Association) -> None:
    client = pair.database(ASHBURN)
    body = details(pair, display_name="Other")
    first = data(client.create_autonomous_database(body, opc_retry_token="t" * 32))
    second = data(client.create_autonomous_database(body, opc_retry_token="t" * 32))
    assert first.id == second.id
    assert first.role is None
    assert refused(client.delete_autonomous_database, first.id)[:2] == (409, "IncorrectState")
    compartment = pair.world.world.compartment
    found = data(client.list_autonomous_databases(compartment, display_name="Other"))
    assert [row.id for row in found] == [first.id]

    def state() -> str:
        return str(data(client.get_autonomous_database(first.id)).lifecycle_state)

    wait_until(lambda: state() == "AVAILABLE", what="provisioned")
    client.delete_autonomous_database(first.id)
    wait_until(lambda: state() == "TERMINATED", what="terminated")
    living = data(client.list_autonomous_databases(compartment, lifecycle_state_not_equal_to="TERMINATED"))
    assert first.id not in [row.id for row in living]


def test_a_switchover_to_a_dark_primary_fails_in_time_and_changes_nothing(pair: Association) -> None:
    pair.world.simulator("lose", ASHBURN)
    pair.rate(BRISK)
    asked_at = pair.world.clock.now()
    client = pair.database(PHOENIX)
    answer: Any = client.switchover_autonomous_database(pair.ids[PHOENIX], peer_db_id=pair.ids[ASHBURN])
    assert answer.data.lifecycle_state == "ROLE_CHANGE_IN_PROGRESS"
    busy = refused(client.fail_over_autonomous_database, pair.ids[PHOENIX], peer_db_id=pair.ids[ASHBURN])
    assert busy[:2] == (409, "IncorrectState")
    failed = pair.until(PHOENIX, role="STANDBY")
    assert "did not answer in time" in failed.lifecycle_details
    work = pair.work(PHOENIX, answer)
    assert work.status == "FAILED"
    patience = DURATIONS["database.switchover.dark"].typical
    assert timedelta(seconds=patience) <= work.time_finished - asked_at <= timedelta(seconds=patience + 300)
    pair.world.simulator("return", ASHBURN)
    pair.until(ASHBURN, role="PRIMARY")
    with pair.connect(ASHBURN) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO t (n) VALUES (1)")
        connection.commit()
