"""The failover with the commands of the day, against two regions on the wire: what it does, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import oci
import pytest

from drills.box import Finished
from tests.estate import ASHBURN, PHOENIX, Command, Estate
from tests.worlds import wait_until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(170)]

FAILOVER = ("failover", "--to", PHOENIX)


def lost(estate: Estate) -> None:
    """us-ashburn-1 is dark, and the health checks have seen it."""
    estate.lose(ASHBURN)
    estate.pass_time(timedelta(minutes=2))


def role(estate: Estate, region: str) -> str:
    client = estate.box.client(oci.database.DatabaseClient, region)
    return client.get_autonomous_database(estate.built.databases[region]).data.role


def approve(estate: Estate, failover: Command, *more: str, user: str = "platform-lead") -> Finished:
    run = failover.run
    failover.await_line("waits until")
    return estate.operate("approve", run, *more, user=user)


@contextmanager
def recover(estate: Estate) -> Generator[Command]:
    """A failover that is approved and has come to its watch."""
    with estate.begin(*FAILOVER, "--apply") as failover:
        assert approve(estate, failover, "--assert-isolated", ASHBURN).code == 0
        failover.await_line("record: done")
        yield failover


def test_a_lost_region_is_recovered_in_the_other(estate: Estate) -> None:
    lost(estate)
    with recover(estate) as failover:
        estate.set_rate(1000)
        assert failover.end() == 0, failover.lines
    assert role(estate, PHOENIX) == "PRIMARY"
    status = json.loads(estate.operate("status", "--json").out)
    assert status["state"]["active_region"] == PHOENIX
    assert status["state"]["postures"] == {"prod": "pilot-light", "dr": "active"}
    assert status["state"]["run"] is None
    assert PHOENIX in status["name"]
    assert status["regions"][PHOENIX]["application"] == "ready"
    assert "control region" in " ".join(status["warnings"])
    again = estate.operate(*FAILOVER)
    assert again.code == 3
    assert "active region already" in again.err


def test_without_apply_the_plan_is_shown_and_nothing_changed(estate: Estate) -> None:
    lost(estate)
    shown = estate.operate(*FAILOVER)
    assert shown.code == 0, shown.err
    assert "REHEARSAL" in shown.out
    assert "CANNOT BE TAKEN BACK" in shown.out
    assert "nothing was changed" in shown.out
    assert role(estate, PHOENIX) == "STANDBY"
    assert json.loads(estate.operate("runs", "list", "--json").out) == []


def test_a_living_primary_is_refused_and_a_switchover_offered(estate: Estate) -> None:
    refused = estate.operate(*FAILOVER, "--apply")
    assert refused.code == 3
    assert "two primaries" in refused.err
    assert "fittrack-dr switchover --to us-phoenix-1" in refused.err
    assert role(estate, PHOENIX) == "STANDBY"


def test_the_offered_switchover_loses_nothing(estate: Estate) -> None:
    with estate.begin("switchover", "--to", PHOENIX, "--apply") as switchover:
        assert approve(estate, switchover).code == 0
        switchover.await_line("record: done")
        estate.set_rate(1000)
        assert switchover.end() == 0, switchover.lines
    assert role(estate, PHOENIX) == "PRIMARY"
    assert role(estate, ASHBURN) == "STANDBY"


def test_a_region_whose_database_alone_is_dark_is_not_lost(estate: Estate) -> None:
    estate.lose(ASHBURN, "--how", "data-plane")
    estate.pass_time(timedelta(minutes=2))
    refused = estate.operate(*FAILOVER, "--apply", "--force", "region-lost", "--reason", "I am sure")
    assert refused.code == 3
    assert "region-lost" in refused.err
    assert role(estate, PHOENIX) == "STANDBY"


def test_a_standby_too_far_behind_is_refused_unless_the_gate_is_waived_by_name(estate: Estate) -> None:
    estate.lose(ASHBURN, "--how", "link")
    estate.set_rate(600)
    estate.pass_time(timedelta(minutes=20))
    estate.set_rate(60)
    lost(estate)
    refused = estate.operate(*FAILOVER, "--apply")
    assert refused.code == 3
    assert "peer-lag" in refused.err
    assert estate.operate(*FAILOVER, "--force", "peer-lag").code == 2
    assert estate.operate(*FAILOVER, "--force", "nonsense", "--reason", "x").code == 2
    waived = estate.operate(*FAILOVER, "--force", "peer-lag", "--reason", "an hour of data is worth less than a day")
    assert waived.code == 0, waived.err


def test_nobody_approves_in_time(estate: Estate) -> None:
    lost(estate)
    with estate.begin(*FAILOVER, "--apply") as failover:
        failover.await_line("waits until")
        estate.set_rate(2000)
        assert failover.end() == 3, failover.lines
    assert role(estate, PHOENIX) == "STANDBY"


def test_only_the_right_role_and_never_the_operator_approves(estate: Estate) -> None:
    lost(estate)
    with estate.begin(*FAILOVER, "--apply") as failover:
        own = approve(estate, failover, "--assert-isolated", ASHBURN, user="oncall")
        assert own.code == 3
        assert "someone else" in own.err
        estate.operate("approve", failover.run, "--assert-isolated", ASHBURN, user="dba")
        assert role(estate, PHOENIX) == "STANDBY"
        assert estate.operate("runs", "abort", failover.run, "--reason", "test").code == 0
        assert failover.end() in {3, 130}, failover.lines
    assert role(estate, PHOENIX) == "STANDBY"


def test_an_approval_that_does_not_vouch_for_the_isolation_does_not_promote(estate: Estate) -> None:
    lost(estate)
    with estate.begin(*FAILOVER, "--apply") as failover:
        assert approve(estate, failover).code == 0
        assert failover.end() == 3, failover.lines
    assert any("--assert-isolated" in line for line in failover.lines)
    assert role(estate, PHOENIX) == "STANDBY"


def test_a_second_failover_is_refused_while_one_runs(estate: Estate) -> None:
    lost(estate)
    with estate.begin(*FAILOVER, "--apply") as first:
        first.await_line("waits until")
        second = estate.operate(*FAILOVER, "--apply", user="dba")
        assert second.code == 3
        assert first.run in second.err


def test_what_was_promoted_by_hand_is_not_promoted_again(estate: Estate) -> None:
    lost(estate)
    client = estate.box.client(oci.database.DatabaseClient, PHOENIX)
    databases = estate.built.databases
    client.fail_over_autonomous_database(databases[PHOENIX], peer_db_id=databases[ASHBURN])
    wait_until(lambda: role(estate, PHOENIX) == "PRIMARY", timeout=60)
    with recover(estate) as failover:
        failover.await_line("promote: already")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("failover", "--to", "eu-frankfurt-1"), 2, "eu-frankfurt-1"),
        (("failover",), 2, "--to"),
        (("failover", "--to", PHOENIX, "--policy", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("runs", "show", "20260101T000000Z-none-000000"), 2, "20260101T000000Z-none-000000"),
        (("runs", "resume", "../escape"), 2, "escape"),
        (("approve", "20260101T000000Z-none-000000"), 2, "20260101T000000Z-none-000000"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(
    estate: Estate, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = estate.operate(*arguments)
    assert ended.code == code, ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert said in ended.err


def test_a_killed_simulator_is_said_in_one_line(estate: Estate) -> None:
    estate.box.simulator("down")
    ended = estate.operate("status")
    assert ended.code in {1, 2, 4}
    assert len(ended.err.strip().splitlines()) == 1
    assert "Traceback" not in ended.err
