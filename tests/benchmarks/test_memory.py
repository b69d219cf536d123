"""Which processes are a box's, and how their memory is read."""

from __future__ import annotations

from benchmarks.memory import members, pss_bytes, short

ROLLUP = """55d0 ---p 00000000 00:00 0  [rollup]
Rss:               91000 kB
Pss:               70321 kB
Pss_Dirty:         60000 kB
"""


def test_the_proportional_size_is_read_in_bytes() -> None:
    assert pss_bytes(ROLLUP) == 70321 * 1024
    assert pss_bytes("") == 0


def test_a_box_is_what_names_its_directory_with_all_children_and_what_the_command_started() -> None:
    parents = {1: 0, 10: 1, 11: 10, 20: 1, 21: 20, 22: 21, 30: 1}
    commands = {1: "init", 10: "drill", 11: "users", 20: "region --dir /t/box/world", 21: "pod", 22: "x", 30: "other"}
    assert members(parents, commands, "/t/box", 10) == {10, 11, 20, 21, 22}


def test_a_command_that_ended_counts_for_nothing() -> None:
    assert members({1: 0}, {1: "init"}, "/t/box", 10) == set()


def test_a_process_is_called_by_what_it_runs() -> None:
    region = "/v/bin/python -m simulator.region --region us-phoenix-1 --dir /t/w"
    assert short(region.split()) == "simulator.region us-phoenix-1"
    assert short(["/v/bin/python", "/v/bin/fittrack-dr", "failover"]) == "fittrack-dr"
    assert short(["redis"]) == "redis"
