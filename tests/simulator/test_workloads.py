"""Pods: declared, kept, tied to their region."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from simulator.kernel.admin import AdminRefusedError
from simulator.kernel.worldfile import World
from simulator.workloads.component import POD_LIMIT
from tests.simulator.pods import (
    REGION,
    created,
    declaration,
    eventually,
    gone,
    region_of,
    running_pids,
    workloads_of,
)
from tests.worlds import RunningWorld, run_simulator, wait_until

__all__ = ["created"]


def test_declared_pods_run_on_their_own_addresses(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            shown = await workloads.apply(declaration(tmp_path, replicas=2))
            place = created.regions[REGION]
            assert [pod["address"] for pod in shown["pods"]] == [place.pod(0).host, place.pod(1).host]
            for number in range(2):
                answer = await _get(place.pod(number).url + "/echo")
                assert answer["pod"] == f"web-{number}"

    asyncio.run(check())


def test_applying_the_same_again_leaves_the_pods_alone(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            wanted = declaration(tmp_path, secrets={"TOKEN": "one"})
            await workloads.apply(wanted)
            before = await running_pids(workloads, "web")
            await workloads.apply(wanted)
            assert await running_pids(workloads, "web") == before
            for change in (declaration(tmp_path, env={"SAY": "more"}), {"secrets": {"TOKEN": "two"}}):
                await workloads.apply(wanted | change)
                after = await running_pids(workloads, "web")
                assert after != before
                assert all(gone(pid) for pid in before)
                before = after

    asyncio.run(check())


def test_scaling_starts_and_ends_only_the_difference(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path))
            first = await running_pids(workloads, "web")
            await workloads.scale({"name": "web", "replicas": 3})
            three = await running_pids(workloads, "web")
            assert three[:1] == first
            await workloads.scale({"name": "web", "replicas": 0})
            assert workloads.pods("web") == []
            assert all(gone(pid) for pid in three)

    asyncio.run(check())


def test_a_deleted_workload_leaves_no_process_address_or_secret(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, replicas=2, secrets={"TOKEN": "hush"}))
            pids = await running_pids(workloads, "web")
            await workloads.delete({"name": "web"})
            assert all(gone(pid) for pid in pids)
            assert workloads.describe() == {"workloads": []}
            assert not list((region.home / "workloads").rglob("TOKEN"))
            shown = await workloads.apply(declaration(tmp_path, "other"))
            assert shown["pods"][0]["address"] == created.regions[REGION].pod(0).host

    asyncio.run(check())


def test_a_pod_that_ends_is_started_again_and_its_end_is_told(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, env={"SAY": "hello"}))
            url = created.regions[REGION].pod(0).url
            assert (await _get(url + "/echo"))["pod"] == "web-0"
            (before,) = await running_pids(workloads, "web")
            os.kill(before, signal.SIGKILL)
            pod = workloads.pods("web")[0]
            await eventually(lambda: pod.status()["restarts"] == 1 and pod.running, what="the restart")
            assert pod.status()["last_exit"] == -signal.SIGKILL
            assert (await _get(url + "/echo"))["pod"] == "web-0"
            assert pod.spec.log_file.read_text().splitlines() == ["hello", "hello"]

    asyncio.run(check())


@pytest.mark.parametrize(("image", "code"), [("ends", 7), ("missing", 1)])
def test_a_program_that_cannot_stay_is_tried_again(created: World, tmp_path: Path, image: str, code: int) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, image=image))
            pod = workloads.pods("web")[0]
            await eventually(lambda: pod.status()["restarts"] >= 1, what="a second try")
            assert pod.status()["last_exit"] == code

    asyncio.run(check())


def test_secrets_reach_the_pod_by_file_and_nothing_else(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            shown = await workloads.apply(declaration(tmp_path, secrets={"DATABASE_PASSWORD": "hush-hush"}))
            assert shown["secrets"] == ["DATABASE_PASSWORD"]
            assert "hush-hush" not in json.dumps(workloads.describe())
            assert "hush-hush" not in json.dumps(region.store.find("workload"))
            file = Path(workloads.pods("web")[0].spec.env["DATABASE_PASSWORD_FILE"])
            assert file.read_text() == "hush-hush"
            assert file.stat().st_mode & 0o777 == 0o600
            assert "hush-hush" not in workloads.pods("web")[0].spec.env.values()

    asyncio.run(check())


def test_a_reference_finds_another_workload(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, "cache"))
            env = {"REDIS_URL": "redis://$(CACHE_SERVICE_HOST):$(CACHE_SERVICE_PORT)/0", "ODD": "$(NOT_KNOWN)"}
            await workloads.apply(declaration(tmp_path, "web", env=env))
            seen = workloads.pods("web")[0].spec.env
            assert seen["REDIS_URL"] == f"redis://{created.regions[REGION].pod(0)}/0"
            assert seen["ODD"] == "$(NOT_KNOWN)"

    asyncio.run(check())


def test_a_region_that_starts_again_runs_what_was_declared(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, "first"))
            await workloads.apply(declaration(tmp_path, "second", secrets={"TOKEN": "kept"}))
            before = [pod.spec for name in ("first", "second") for pod in workloads.pods(name)]
        async with region_of(created, fresh=False) as region, workloads_of(region) as workloads:
            await running_pids(workloads, "second")
            after = [pod.spec for name in ("first", "second") for pod in workloads.pods(name)]
            assert after == before
            assert Path(after[1].env["TOKEN_FILE"]).read_text() == "kept"

    asyncio.run(check())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../up"}, "name: lower-case letters"),
        ({"image": "unknown"}, "image: 'unknown' is not one of"),
        ({"replicas": -1}, "replicas: -1 is not a whole number from 0 to 16"),
        ({"replicas": True}, "replicas: True is not"),
        ({"env": {"lower": "x"}}, "env: 'lower' is not a variable's name"),
        ({"secrets": {"TOKEN": 5}}, "secrets: TOKEN is not a text"),
        ({"env": {"TOKEN": "a"}, "secrets": {"TOKEN": "b"}}, "TOKEN: both in env and in secrets"),
        ({"command": ["rm"]}, "command: no such field"),
        ({"name": "a/b", "image": "x"}, "31, beginning with a letter; image:"),
    ],
)
def test_a_wrong_declaration_changes_nothing(
    created: World, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            with pytest.raises(AdminRefusedError) as refused:
                await workloads.apply(declaration(tmp_path, **changes))
            assert words in str(refused.value)
            assert workloads.describe() == {"workloads": []}

    asyncio.run(check())


def test_more_pods_than_addresses_are_refused(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region) as workloads:
            await workloads.apply(declaration(tmp_path, "web", replicas=1))
            with pytest.raises(AdminRefusedError, match="15 of the region's 16 addresses are free"):
                await workloads.apply(declaration(tmp_path, "other", replicas=POD_LIMIT))
            with pytest.raises(AdminRefusedError, match="no workload 'other'; there are: web"):
                await workloads.scale({"name": "other", "replicas": 1})

    asyncio.run(check())


@pytest.mark.wire
def test_pods_share_their_regions_fate(world: RunningWorld) -> None:
    """Killed with the region's leader alone, back after its return; stopped and continued with the group."""
    world.simulator("workload", "apply", "--region", REGION, "redis", "--image", "redis")
    first = wait_until(lambda: _redis_answers(world) and _pod(world)["pid"], what="redis")

    leader = json.loads((world.world.home_of(REGION) / "process.json").read_text())["pid"]
    os.kill(leader, signal.SIGKILL)
    wait_until(lambda: gone(first), what="the pod's end")
    world.simulator("return", REGION)
    second = wait_until(lambda: _redis_answers(world) and _pod(world)["pid"], what="redis again")
    assert second != first

    world.simulator("lose", REGION, "--how", "blackhole")
    wait_until(lambda: psutil.Process(second).status() == psutil.STATUS_STOPPED, what="the pod stopped")
    world.simulator("return", REGION)
    wait_until(lambda: _redis_answers(world), what="redis as it was")
    assert _pod(world)["pid"] == second

    listed = world.simulator("workload", "list", "--region", REGION).stdout
    assert "redis  redis  1/1 running" in listed
    world.simulator("workload", "scale", "--region", REGION, "redis", "0")
    assert gone(second)
    assert world.simulator("workload", "delete", "--region", REGION, "redis").stdout == "deleted redis\n"


@pytest.mark.wire
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("apply", "--region", "mars", "web", "--image", "redis"), "region 'mars': this world has"),
        (("apply", "--region", REGION, "web", "--image", "nginx"), "image: 'nginx' is not one of"),
        (("apply", "--region", REGION, "web", "--image", "redis", "--env", "X"), "--env 'X': write it as NAME=VALUE"),
        (
            ("apply", "--region", REGION, "web", "--image", "redis", "--secret", "X=/no"),
            "--secret X: /no cannot be read",
        ),
        (("scale", "--region", REGION, "web", "1"), "no workload 'web'; there are: none"),
        (("logs", "--region", REGION, "web-0"), "no pod 'web-0' has written a log"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(world: RunningWorld, arguments: tuple[str, ...], words: str) -> None:
    done = run_simulator("--dir", str(world.directory), "workload", *arguments, code=2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def _pod(world: RunningWorld) -> dict[str, Any]:
    listed = world.simulator("workload", "list", "--region", REGION, "--json").stdout
    return json.loads(listed)["workloads"][0]["pods"][0]


def _redis_answers(world: RunningWorld) -> bool:
    address = world.world.regions[REGION].pod(0)
    try:
        with socket.create_connection((address.host, address.port), timeout=2) as connection:
            connection.sendall(b"*1\r\n$4\r\nPING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


async def _get(url: str) -> dict[str, Any]:
    """The answer, once the pod listens."""
    async with httpx.AsyncClient(trust_env=False) as client:

        async def ask() -> dict[str, Any] | None:
            try:
                return (await client.get(url)).json()
            except httpx.ConnectError:
                return None

        while (answer := await ask()) is None:
            await asyncio.sleep(0.02)
        return answer
