"""Losing a region in every way, bringing it back, and snapshots: what a client on the wire sees."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import Any

import httpx
import pytest
from oci.exceptions import ConnectTimeout, RequestException, ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreateBucketDetails

from simulator.kernel import clock
from tests.worlds import RunningWorld, WorldFactory, data, wait_until

pytestmark = pytest.mark.wire

LOST, OTHER = "us-ashburn-1", "us-phoenix-1"
NAMESPACE = "fittrack"
UNREACHABLE = (RequestException, ConnectTimeout)


def storage(world: RunningWorld, region: str = LOST, timeout: float = 20.0) -> ObjectStorageClient:
    return world.client(ObjectStorageClient, region=region, timeout=timeout)


def put(world: RunningWorld, name: str, body: bytes, region: str = LOST) -> None:
    client = storage(world, region)
    try:
        client.get_bucket(NAMESPACE, "kept")
    except ServiceError:
        details = CreateBucketDetails(name="kept", compartment_id=world.world.compartment)
        client.create_bucket(NAMESPACE, details)
    client.put_object(NAMESPACE, "kept", name, body)


def get(world: RunningWorld, name: str, region: str = LOST) -> bytes:
    content: bytes = data(storage(world, region).get_object(NAMESPACE, "kept", name)).content
    return content


def unreachable(world: RunningWorld, region: str = LOST) -> None:
    with pytest.raises(UNREACHABLE):
        storage(world, region, timeout=0.5).get_namespace()


def test_a_black_hole_times_out_and_comes_back_with_its_data(world: RunningWorld) -> None:
    put(world, "black", b"1")
    world.simulator("lose", LOST)
    assert world.status()[LOST] == "stopped"
    unreachable(world)
    put(world, "elsewhere", b"2", OTHER)
    world.simulator("return", LOST)
    assert world.status()[LOST] == "running"
    assert get(world, "black") == b"1"


def test_a_killed_region_refuses_and_comes_back_with_its_data(world: RunningWorld) -> None:
    put(world, "killed", b"1")
    world.simulator("lose", LOST, "--how", "kill")
    with pytest.raises(httpx.ConnectError, match="refused"):
        httpx.get(world.world.regions[LOST].api.url)
    assert world.status()[LOST] == "dead"
    world.simulator("return", LOST)
    assert get(world, "killed") == b"1"


def test_a_kill_in_the_midst_of_writes_loses_nothing_acknowledged(world: RunningWorld) -> None:
    """Write-once names are claimed until the region dies: each acknowledged one is there, whole."""
    put(world, "claims/000000", b"0")
    client = storage(world)
    pid = world.admin_pid(LOST)
    acknowledged: list[int] = []
    enough = threading.Event()

    def kill() -> None:
        """Not between two writes, but whenever this thread gets its turn."""
        enough.wait(60)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    for number in range(1, 10_000):
        try:
            client.put_object(NAMESPACE, "kept", f"claims/{number:06d}", str(number).encode(), if_none_match="*")
        except RequestException:
            break
        acknowledged.append(number)
        if number == 20:
            enough.set()
    killer.join()
    world.simulator("return", LOST)
    assert len(acknowledged) >= 20
    for number in acknowledged:
        assert get(world, f"claims/{number:06d}") == str(number).encode()


def test_one_plane_is_lost_and_the_other_goes_on(world: RunningWorld) -> None:
    place = world.world.regions[LOST]

    def net_answers() -> bool:
        """Oracle Net's TLS answers a handshake's first bytes, if only with an alert."""
        with socket.create_connection((place.net.host, place.net.port), timeout=1) as client:
            client.sendall(b"\x16\x03\x01\x00\x05hello")
            try:
                client.recv(1)
            except TimeoutError:
                return False
        return True

    world.simulator("lose", LOST, "--how", "control-plane")
    unreachable(world)
    assert net_answers()
    world.simulator("return", LOST)
    world.simulator("lose", LOST, "--how", "data-plane")
    storage(world).get_namespace()
    assert not net_answers()
    world.simulator("return", LOST)
    assert net_answers()


def test_the_operator_alone_is_cut_off(world: RunningWorld) -> None:
    world.simulator("lose", LOST, "--how", "operator")
    unreachable(world)
    url = world.world.regions[LOST].api.url
    inside = httpx.HTTPTransport(local_address=f"{world.world.block}.200")
    with httpx.Client(transport=inside) as user:
        assert user.get(url).status_code == 401
    world.simulator("return", LOST)
    storage(world).get_namespace()


def test_faults_survive_a_kill_and_end_when_cleared(world: RunningWorld) -> None:
    world.simulator(
        "fault", "http", LOST, "busy", "--kind", "status", "--operation", "get_namespace", "--status", "429"
    )
    world.simulator("lose", LOST, "--how", "kill")
    world.simulator("return", LOST)
    with pytest.raises(ServiceError) as caught:
        storage(world).get_namespace()
    assert caught.value.status == 429
    world.simulator("fault", "clear", LOST, "busy")
    assert data(storage(world).get_namespace()) == NAMESPACE


def test_a_lost_answer_is_work_that_was_done(world: RunningWorld) -> None:
    put(world, "first", b"1")
    world.simulator("fault", "http", LOST, "lost", "--kind", "lost", "--operation", "put_object", "--times", "1")
    with pytest.raises(UNREACHABLE):
        storage(world).put_object(NAMESPACE, "kept", "lost", b"done", if_none_match="*")
    assert get(world, "lost") == b"done"
    world.simulator("fault", "clear", LOST)


def test_a_snapshot_brings_back_state_time_and_losses(make_world: WorldFactory) -> None:
    with make_world(rate=0) as world:
        put(world, "a", b"before")
        world.simulator("snapshot", "save", "one")
        assert "exists already" in world.simulator("snapshot", "save", "one", code=2).stderr
        moment = world.clock.now()
        put(world, "a", b"after")
        put(world, "b", b"new")
        clock.jump(world.world.clock_file, 3600)
        world.simulator("lose", LOST)
        world.simulator("snapshot", "save", "dark")
        world.simulator("snapshot", "restore", "one")
        assert set(world.status().values()) == {"running"}
        assert world.clock.now() == moment
        assert get(world, "a") == b"before"
        with pytest.raises(ServiceError) as caught:
            get(world, "b")
        assert caught.value.status == 404
        world.simulator("snapshot", "restore", "dark")
        assert world.status() == {"edge": "running", LOST: "stopped", OTHER: "running"}
        unreachable(world)
        world.simulator("return", LOST)
        assert get(world, "b") == b"new"
        world.simulator("lose", LOST, "--how", "kill")
        world.simulator("snapshot", "save", "dead")
        world.simulator("snapshot", "restore", "dead")
        assert world.status() == {"edge": "running", LOST: "dead", OTHER: "running"}
        world.simulator("return", LOST)
        assert get(world, "b") == b"new"
        assert world.simulator("snapshot", "list").stdout.split() == ["dark", "dead", "one"]
        world.simulator("snapshot", "remove", "one")
        assert world.simulator("snapshot", "list").stdout.split() == ["dark", "dead"]


def test_a_fault_on_the_wire_is_met_by_the_sdk(world: RunningWorld) -> None:
    faults: list[tuple[str, Any]] = [("reset", UNREACHABLE), ("truncate", Exception)]
    for kind, error in faults:
        world.simulator("fault", "socket", LOST, "wire", "--plane", "control", "--kind", kind, "--times", "1")
        with pytest.raises(error):
            storage(world).get_namespace()
        wait_until(lambda: data(storage(world).get_namespace()) == NAMESPACE)
        world.simulator("fault", "clear", LOST)
