"""Two regions and one truth: what survives a lost region, a cut link and a change of roles, counted on the wire."""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import timedelta
from typing import Any

import oracledb
import pytest
from oci.exceptions import ServiceError

from simulator.kernel.process import ProcessRecord
from tests.simulator.database.association import (
    ASHBURN,
    FAST,
    PHOENIX,
    SERVING,
    Association,
    Writer,
    association,
)
from tests.worlds import RunningWorld, WorldFactory, data, wait_until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]


def fail_over(pair: Association) -> Any:
    return pair.database(PHOENIX).fail_over_autonomous_database(pair.ids[PHOENIX], peer_db_id=pair.ids[ASHBURN])


def switch_over(pair: Association, to: str) -> Any:
    other = ASHBURN if to == PHOENIX else PHOENIX
    return pair.database(to).switchover_autonomous_database(pair.ids[to], peer_db_id=pair.ids[other])


def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(ServiceError) as caught:
        call()
    return caught.value.status, caught.value.code


def kill(world: RunningWorld, region: str) -> None:
    record = ProcessRecord.read(world.world.home_of(region))
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: not record.alive, what=f"{region} is dead")


def assert_fenced(pair: Association, region: str) -> None:
    """It says so at its own endpoint, and its listener takes no session."""
    seen = pair.until(region, role="DISABLED_STANDBY")
    assert "epoch 2" in str(seen.lifecycle_details)
    with pytest.raises(oracledb.Error, match=r"ORA-12514|DPY-6001|DPY-6005"):
        pair.connect(region)


def test_a_lost_region_costs_what_was_not_shipped(make_world: WorldFactory) -> None:
    """Dark primary, failover, the promoting region killed in its midst; then the old one comes back."""
    with make_world(rate=FAST) as world, association(world) as pair:
        writer = Writer(pair, ASHBURN)
        writer.wrote(60)
        world.simulator("lose", ASHBURN)
        writer.ended()
        dark_since = pair.world.clock.now()
        answer = fail_over(pair)
        assert data(answer).lifecycle_state == "ROLE_CHANGE_IN_PROGRESS"
        assert refused(lambda: fail_over(pair)) == (409, "IncorrectState")

        kill(world, PHOENIX)
        world.simulator("return", PHOENIX)
        assert pair.get(PHOENIX).lifecycle_state == "ROLE_CHANGE_IN_PROGRESS"
        pair.rate(FAST)
        promoted = pair.until(PHOENIX, role="PRIMARY")
        pair.rate(SERVING)
        assert pair.work(PHOENIX, answer).status == "SUCCEEDED"
        assert promoted.time_of_last_failover is not None
        assert 2 <= promoted.failed_data_recovery_in_seconds < 60

        kept = pair.numbers(PHOENIX)
        lost = [n for n in writer.acknowledged if n not in kept]
        assert lost, "a lag of two seconds costs something"
        assert kept, "and not everything"
        assert min(lost) > max(kept), "what is lost is newer than all that was shipped"
        assert max(kept.values()) <= dark_since

        second = Writer(pair, PHOENIX, first=10_000)
        second.wrote(5)
        world.simulator("return", ASHBURN)
        assert_fenced(pair, ASHBURN)
        second.stop()
        divergence = pair.guard(ASHBURN)["divergence"]
        # The commit that was cut off may have become durable without its acknowledgement.
        assert divergence["transactions"] - len(lost) in (0, 1)
        assert pair.guard(ASHBURN)["epoch"] == pair.guard(PHOENIX)["epoch"] == 2
        assert refused(lambda: fail_over(pair)) == (409, "IncorrectState")


def test_a_cut_link_leaves_two_primaries_until_it_heals(make_world: WorldFactory) -> None:
    """A promotion that cannot reach the old primary does not stop it; the link's return does."""
    with make_world(rate=FAST) as world, association(world) as pair:
        before = pair.peer_lag(PHOENIX)
        assert before, "lag is measured while all is well"
        world.simulator("lose", ASHBURN, "--how", "link")
        cut_at = pair.world.clock.now()
        writer = Writer(pair, ASHBURN)
        writer.wrote(10)
        pair.rate(FAST)
        fail_over(pair)
        wait_until(lambda: pair.peer_lag(PHOENIX)[-1][0] > cut_at + timedelta(minutes=2), what="lag measured when cut")
        moment, lag = pair.peer_lag(PHOENIX)[-1]
        assert lag >= (moment - cut_at).total_seconds() - 1
        pair.until(PHOENIX, role="PRIMARY")
        pair.rate(SERVING)

        count = len(writer.acknowledged)
        writer.wrote(count + 10)
        assert pair.get(ASHBURN).role == "PRIMARY"
        assert not pair.numbers(PHOENIX)
        world.simulator("return", ASHBURN)
        writer.ended()
        assert_fenced(pair, ASHBURN)
        assert pair.guard(ASHBURN)["divergence"]["transactions"] - len(writer.acknowledged) in (0, 1)


def test_a_switchover_loses_nothing_and_can_be_taken_back(make_world: WorldFactory) -> None:
    """There under load, and back."""
    with make_world(rate=FAST) as world, association(world) as pair:
        writer = Writer(pair, ASHBURN)
        writer.wrote(20)
        answer = switch_over(pair, PHOENIX)
        assert data(answer).lifecycle_state == "ROLE_CHANGE_IN_PROGRESS"
        pair.until(ASHBURN, state="ROLE_CHANGE_IN_PROGRESS", role="PRIMARY")
        writer.ended()
        promoted = pair.until(PHOENIX, role="PRIMARY")
        demoted = pair.until(ASHBURN, role="STANDBY")
        assert pair.work(PHOENIX, answer).status == "SUCCEEDED"
        assert promoted.time_of_last_switchover is not None
        assert demoted.time_of_last_switchover is not None
        assert set(writer.acknowledged) <= set(pair.numbers(PHOENIX))
        assert promoted.source_id == pair.ids[ASHBURN]
        assert promoted.peer_db_ids == [pair.ids[ASHBURN]]
        assert promoted.dataguard_region_type == "REMOTE_STANDBY_DG_REGION"
        with pytest.raises(oracledb.Error):
            pair.connect(ASHBURN)

        second = Writer(pair, PHOENIX, first=10_000)
        second.wrote(20)
        switch_over(pair, ASHBURN)
        second.ended()
        pair.until(ASHBURN, role="PRIMARY")
        pair.until(PHOENIX, role="STANDBY")
        assert set(writer.acknowledged + second.acknowledged) <= set(pair.numbers(ASHBURN))
        assert pair.guard(ASHBURN)["epoch"] == 3


def test_a_switchover_to_a_dark_primary_fails_and_changes_nothing(make_world: WorldFactory) -> None:
    """It ends by its deadline; the primary, back, goes on as if nothing had been asked."""
    with make_world(rate=FAST) as world, association(world) as pair:
        world.simulator("lose", ASHBURN)
        answer = switch_over(pair, PHOENIX)
        pair.rate(FAST)
        failed = pair.until(PHOENIX, role="STANDBY")
        assert "did not answer in time" in str(failed.lifecycle_details)
        assert pair.work(PHOENIX, answer).status == "FAILED"
        world.simulator("return", ASHBURN)
        pair.rate(SERVING)
        pair.until(ASHBURN, role="PRIMARY")
        with pair.connect(ASHBURN) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO t (n) VALUES (1)")
            connection.commit()


@pytest.mark.crash
@pytest.mark.parametrize("victim", [ASHBURN, PHOENIX])
def test_a_switchover_outlives_the_death_of_either_side(make_world: WorldFactory, victim: str) -> None:
    """Killed once the primary has closed: it ends as a switchover, with one primary and nothing lost."""
    with make_world(rate=FAST) as world, association(world) as pair:
        writer = Writer(pair, ASHBURN)
        writer.wrote(20)
        pair.rate(FAST)
        switch_over(pair, PHOENIX)
        wait_until(lambda: not pair.guard(ASHBURN)["open"], what="the primary is closed")
        kill(world, victim)
        world.simulator("return", victim)
        writer.ended()
        wait_until(lambda: settled(pair), timeout=40, what="one primary, one standby")
        (primary,) = [region for region in pair.ids if pair.get(region).role == "PRIMARY"]
        pair.rate(SERVING)
        assert set(writer.acknowledged) <= set(pair.numbers(primary))


def settled(pair: Association) -> bool:
    with contextlib.suppress(ServiceError):
        seen = [pair.get(region) for region in pair.ids]
        return sorted(str(s.role) for s in seen) == ["PRIMARY", "STANDBY"] and {s.lifecycle_state for s in seen} == {
            "AVAILABLE"
        }
    return False
