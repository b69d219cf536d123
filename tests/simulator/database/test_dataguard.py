"""Two regions and one truth: what survives a lost region, a cut link and a change of roles, counted on the wire."""

from __future__ import annotations

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
    BRISK,
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
        pair.rate(BRISK)
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
        pair.rate(BRISK)
        wait_until(lambda: pair.peer_lag(PHOENIX), what="lag is measured while all is well")
        assert all(2 <= lag < 60 for _, lag in pair.peer_lag(PHOENIX)[-1:])
        pair.rate(SERVING)
        world.simulator("lose", ASHBURN, "--how", "link")
        cut_at = pair.world.clock.now()
        writer = Writer(pair, ASHBURN)
        writer.wrote(10)
        pair.rate(BRISK)
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


def test_a_switchover_loses_nothing_whoever_dies_in_its_midst(make_world: WorldFactory) -> None:
    """There under load; then back, with each side killed once the primary has closed."""
    with make_world(rate=FAST) as world, association(world) as pair:
        writer = Writer(pair, ASHBURN)
        writer.wrote(20)
        pair.rate(BRISK)
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

        pair.rate(SERVING)
        second = Writer(pair, PHOENIX, first=10_000)
        second.wrote(20)
        pair.rate(BRISK)
        switch_over(pair, ASHBURN)
        wait_until(lambda: not pair.guard(PHOENIX)["open"], what="the primary has closed")
        pair.rate(SERVING)  # the patience of both sides is in world time, a restart takes wall time
        for region in (PHOENIX, ASHBURN):
            kill(world, region)
            world.simulator("return", region)
        second.ended()
        pair.rate(BRISK)
        wait_until(lambda: settled(pair), timeout=40, what="one primary, one standby")
        primary = next(region for region in pair.ids if pair.get(region).role == "PRIMARY")
        assert set(writer.acknowledged + second.acknowledged) <= set(pair.numbers(primary))
        assert {pair.guard(region)["divergence"] for region in pair.ids} == {None}


def settled(pair: Association) -> bool:
    """One PRIMARY and one STANDBY, both at rest."""
    seen = [pair.get(region) for region in pair.ids]
    at_rest = {each.lifecycle_state for each in seen} == {"AVAILABLE"}
    return at_rest and {each.role for each in seen} == {"PRIMARY", "STANDBY"}
