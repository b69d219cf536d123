"""The load balancer: TLS for the name, requests to ready pods only, and through the gate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from simulator.kernel.clock import set_rate
from simulator.kernel.faults import FaultKind, Plane, SocketFault
from simulator.kernel.worldfile import DNS_NAME, World
from simulator.loadbalancer import BACKEND, LoadBalancer
from simulator.workloads import Workloads
from tests.simulator.pods import REGION, created, declaration, eventually, region_of, running_pids, workloads_of

__all__ = ["created"]


class Front:
    """A balancer with backends, and a client that resolves the name by hand as users do."""

    def __init__(self, world: World, balancer: LoadBalancer, workloads: Workloads, client: httpx.AsyncClient) -> None:
        self.world = world
        self.balancer = balancer
        self.workloads = workloads
        self.client = client

    @property
    def health(self) -> dict[str, int | str]:
        """What the balancer last heard from each pod."""
        found = self.balancer.describe()["health"]
        assert isinstance(found, dict)
        return found

    async def request(self, method: str, path: str, **options: object) -> httpx.Response:
        """To the balancer's address, with the name in Host and SNI."""
        address = self.world.regions[REGION].load_balancer
        request = self.client.build_request(
            method,
            f"https://{address}{path}",
            headers={"host": DNS_NAME},
            extensions={"sni_hostname": DNS_NAME},
            **options,  # pyright: ignore[reportArgumentType]
        )
        return await self.client.send(request)

    async def get(self, path: str = "/echo") -> httpx.Response:
        """A GET."""
        return await self.request("GET", path)


@contextlib.asynccontextmanager
async def front_of(world: World, tmp_path: Path, *, replicas: int = 1, ready: bool = True) -> AsyncGenerator[Front]:
    """Backends and a balancer in front of them, at a rate at which it checks ten times a second."""
    set_rate(world.clock_file, 100)
    if ready:
        (tmp_path / "ready").touch()
    context = ssl.create_default_context(cafile=str(world.ca_file))
    async with region_of(world) as region, workloads_of(region) as workloads:
        balancer = LoadBalancer(region)
        await workloads.apply(declaration(tmp_path, BACKEND, replicas=replicas))
        await balancer.start()
        try:
            async with httpx.AsyncClient(verify=context, trust_env=False) as client:
                front = Front(world, balancer, workloads, client)
                expected = 200 if ready else 503
                await eventually(lambda: list(front.health.values()) == [expected] * replicas, what="the checks")
                yield front
        finally:
            await balancer.stop()


def with_front(
    world: World,
    tmp_path: Path,
    body: Callable[[Front], Awaitable[None]],
    *,
    replicas: int = 1,
    ready: bool = True,
) -> None:
    """Run the test's body."""

    async def check() -> None:
        async with front_of(world, tmp_path, replicas=replicas, ready=ready) as front:
            await body(front)

    asyncio.run(check())


def test_the_name_is_served_with_a_certificate_of_the_worlds_authority(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        answer = await front.get("/echo?a=1&b=%20x")
        seen = answer.json()
        assert (answer.status_code, seen["path"]) == (200, "/echo?a=1&b=%20x")
        headers = {name.lower(): value for name, value in seen["headers"].items()}
        assert headers["host"] == DNS_NAME
        assert headers["x-forwarded-proto"] == "https"
        assert headers["x-forwarded-for"].startswith("127.")

    with_front(created, tmp_path, body)


def test_a_body_goes_through_and_its_answer_comes_back(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        answer = await front.request("POST", "/activities", json={"key": "k"})
        assert (answer.status_code, answer.json()["body"]) == (201, '{"key":"k"}')
        large = await front.request("POST", "/activities", content=b"x" * ((1 << 20) + 1))
        assert large.status_code == 413

    with_front(created, tmp_path, body)


def test_ready_pods_take_turns(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        pods = [(await front.get()).headers["x-pod"] for _ in range(6)]
        assert sorted(pods) == [f"{BACKEND}-{number}" for number in (0, 0, 1, 1, 2, 2)]

    with_front(created, tmp_path, body, replicas=3)


def test_nothing_goes_to_a_pod_that_is_not_ready(created: World, tmp_path: Path) -> None:
    """The standby's application runs warm: no request reaches it before its database opens, all do from then on."""

    async def body(front: Front) -> None:
        refused = await front.get()
        assert refused.status_code == 503
        assert refused.json() == {
            "error": f"no pod of {BACKEND} is ready in {REGION}",
            "backends": {f"{BACKEND}-0": 503},
        }
        (tmp_path / "ready").touch()
        await eventually(lambda: front.health == {f"{BACKEND}-0": 200}, what="the pod's readiness seen")
        assert (await front.get()).status_code == 200
        (tmp_path / "ready").unlink()
        await eventually(lambda: front.health == {f"{BACKEND}-0": 503}, what="the pod's unreadiness seen")
        assert (await front.get()).status_code == 503

    with_front(created, tmp_path, body, ready=False)


def test_without_any_pod_the_answer_says_so(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        await front.workloads.scale({"name": BACKEND, "replicas": 0})
        answer = await front.get()
        assert answer.status_code == 503
        await eventually(lambda: front.health == {}, what="the check after the end")
        assert (await front.get()).json()["backends"] == {}

    with_front(created, tmp_path, body)


def test_a_killed_pod_costs_no_request_while_another_is_ready(created: World, tmp_path: Path) -> None:
    """A pod that refuses got nothing of the request, so the other may have it even before the next check."""

    async def body(front: Front) -> None:
        pids = await running_pids(front.workloads, BACKEND)
        os.kill(pids[0], signal.SIGKILL)
        await eventually(lambda: not front.workloads.pods(BACKEND)[0].running, what="the pod's end")
        for _ in range(4):
            assert (await front.get()).status_code == 200

    with_front(created, tmp_path, body, replicas=2)


def test_a_request_that_reached_a_pod_is_not_repeated(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        broken = await front.get("/exit")
        assert broken.status_code == 502
        assert "broke off" in broken.json()["error"]
        exits = [pod.status()["last_exit"] for pod in front.workloads.pods(BACKEND)]
        await eventually(
            lambda: any(not pod.running or pod.status()["restarts"] for pod in front.workloads.pods(BACKEND))
        )
        assert exits.count(3) <= 1

    with_front(created, tmp_path, body, replicas=2)


def test_an_answer_broken_off_midway_is_broken_off_for_the_user(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await front.get("/short")

    with_front(created, tmp_path, body)


def test_the_balancer_stands_behind_the_data_planes_gate(created: World, tmp_path: Path) -> None:
    async def check() -> None:
        async with region_of(created) as region, workloads_of(region):
            balancer = LoadBalancer(region)
            await balancer.start()
            try:
                address = created.regions[REGION].load_balancer
                await region.gate.set(SocketFault("cut", Plane.DATA, FaultKind.REFUSE))
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(address.host, address.port)
                await region.gate.clear("cut")
                _, writer = await asyncio.open_connection(address.host, address.port)
                writer.close()
                await writer.wait_closed()
            finally:
                await balancer.stop()

    asyncio.run(check())


def test_a_stopped_balancer_leaves_its_address_free(created: World, tmp_path: Path) -> None:
    async def body(front: Front) -> None:
        assert (await front.get()).status_code == 200

    with_front(created, tmp_path, body)
    address = created.regions[REGION].load_balancer
    with socket.create_server((address.host, address.port)):
        pass
