"""The Health Checks service by the real SDK, probing real HTTPS servers from three vantage points."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.healthchecks import HealthChecksClient
from oci.healthchecks.models import CreateHttpMonitorDetails, CreateOnDemandHttpProbeDetails, UpdateHttpMonitorDetails

from simulator.kernel.certificates import issue_server_certificate
from simulator.kernel.clock import jump
from simulator.kernel.worldfile import Address
from tests.simulator.edge.worlds import until
from tests.worlds import RunningWorld, data, running_world

pytestmark = pytest.mark.wire

NAME = "app.fittrack.example"
POINTS = ["aws-sea", "azr-sat", "goo-chs"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """A world on a clock that only jumps."""
    with running_world(tmp_path_factory.mktemp("health") / "w", rate=0) as running:
        yield running


@pytest.fixture(scope="module")
def phoenix(world: RunningWorld) -> HealthChecksClient:
    return world.client(HealthChecksClient, region="us-phoenix-1")


@pytest.fixture(scope="module")
def ashburn(world: RunningWorld) -> HealthChecksClient:
    return world.client(HealthChecksClient, region="us-ashburn-1")


def target_address(world: RunningWorld) -> Address:
    return Address(f"{world.world.block}.200", 8443)


class Target:
    """A web server, at an address of the world's that nothing else uses, that answers with ``status``."""

    def __init__(self, world: RunningWorld, names: list[str]) -> None:
        self.status = 200
        self.asked: list[tuple[str, str, str]] = []
        self.address = target_address(world)
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.asked.append((self.client_address[0], self.headers["Host"], self.path))
                self.send_response(target.status)
                self.end_headers()
                self.wfile.write(b"ready")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the overridden name
                """Say nothing."""

        self.server = ThreadingHTTPServer((self.address.host, self.address.port), Handler)
        context = issue_server_certificate(world.world, names).server_context()
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)


@contextmanager
def serving(world: RunningWorld, names: list[str] | None = None) -> Generator[Target]:
    target = Target(world, names or [NAME])
    thread = threading.Thread(target=target.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield target
    finally:
        target.server.shutdown()
        thread.join()
        target.server.server_close()


@pytest.fixture
def target(world: RunningWorld) -> Generator[Target]:
    with serving(world) as running:
        yield running


def details(world: RunningWorld, **fields: Any) -> CreateHttpMonitorDetails:
    address = target_address(world)
    standard: dict[str, Any] = {
        "compartment_id": world.world.compartment,
        "display_name": "ashburn",
        "targets": [address.host],
        "port": address.port,
        "protocol": "HTTPS",
        "method": "GET",
        "path": "/health/ready",
        "headers": {"Host": NAME},
        "interval_in_seconds": 30,
        "timeout_in_seconds": 10,
    }
    return CreateHttpMonitorDetails(**standard | fields)


@pytest.fixture
def monitor(world: RunningWorld, phoenix: HealthChecksClient) -> Generator[Any]:
    created = data(phoenix.create_http_monitor(details(world)))
    yield created
    phoenix.delete_http_monitor(created.id)


def results(client: HealthChecksClient, identity: str, **query: Any) -> list[Any]:
    return data(client.list_http_probe_results(identity, **query))


def newest_round(client: HealthChecksClient, identity: str, *, rounds: int) -> list[Any]:
    """The results of the latest round, once that many rounds were made."""
    until(lambda: len(results(client, identity)) >= 3 * rounds, f"{rounds} rounds of probes")
    return results(client, identity)[:3]


def error(caught: pytest.ExceptionInfo[ServiceError]) -> tuple[int, str]:
    return caught.value.status, caught.value.code


def test_vantage_points(phoenix: HealthChecksClient) -> None:
    points = data(phoenix.list_health_checks_vantage_points())
    assert [point.name for point in points] == POINTS
    assert points[0].geo.city_name == "Seattle"
    assert [p.name for p in data(phoenix.list_health_checks_vantage_points(name="goo-chs"))] == ["goo-chs"]


def test_a_monitor_probes_from_every_vantage_point_at_its_interval(
    world: RunningWorld, phoenix: HealthChecksClient, target: Target, monitor: Any
) -> None:
    jump(world.world.clock_file, 5)
    first = newest_round(phoenix, monitor.id, rounds=1)
    assert sorted(result.vantage_point_name for result in first) == POINTS
    assert {(result.is_healthy, result.status_code, result.is_timed_out) for result in first} == {(True, 200, False)}
    assert {result.error_category for result in first} == {"NONE"}
    assert {result.start_time for result in first} == {world.clock.now().timestamp() * 1000}
    assert first[0].connection.port == 8443
    assert first[0].duration > 0
    assert {host for _, host, _ in target.asked} == {NAME}
    assert {path for _, _, path in target.asked} == {"/health/ready"}
    assert len({source for source, _, _ in target.asked}) == 3

    target.status = 503
    jump(world.world.clock_file, 29)
    assert len(results(phoenix, monitor.id)) == 3, "the interval has not passed"
    jump(world.world.clock_file, 1)
    second = newest_round(phoenix, monitor.id, rounds=2)
    assert {(result.is_healthy, result.status_code) for result in second} == {(False, 503)}
    assert second[0].start_time - first[0].start_time == 30_000


def test_results_are_filtered_ordered_and_paged(
    world: RunningWorld, phoenix: HealthChecksClient, target: Target, monitor: Any
) -> None:
    for count in (1, 2, 3):
        jump(world.world.clock_file, 30)
        newest_round(phoenix, monitor.id, rounds=count)
    everything = results(phoenix, monitor.id)
    starts = [result.start_time for result in everything]
    assert starts == sorted(starts, reverse=True)
    assert [r.start_time for r in results(phoenix, monitor.id, sort_order="ASC")] == sorted(starts)
    middle = starts[4]
    assert len(results(phoenix, monitor.id, start_time_greater_than_or_equal_to=middle)) == 6
    assert len(results(phoenix, monitor.id, start_time_less_than_or_equal_to=middle)) == 6
    assert results(phoenix, monitor.id, target="192.0.2.1") == []
    page: Any = phoenix.list_http_probe_results(monitor.id, limit=5)
    rest = phoenix.list_http_probe_results(monitor.id, limit=5, page=page.headers["opc-next-page"])
    assert [r.key for r in page.data + data(rest)] == [r.key for r in everything]


def test_nothing_listening_is_a_network_error(world: RunningWorld, phoenix: HealthChecksClient, monitor: Any) -> None:
    jump(world.world.clock_file, 5)
    found = newest_round(phoenix, monitor.id, rounds=1)
    assert {(r.is_healthy, r.error_category, r.status_code) for r in found} == {(False, "NETWORK", None)}


def test_silence_is_a_time_out(world: RunningWorld, phoenix: HealthChecksClient, monitor: Any) -> None:
    address = target_address(world)
    with socket.create_server((address.host, address.port)):
        jump(world.world.clock_file, 5)
        found = newest_round(phoenix, monitor.id, rounds=1)
    assert {(r.is_healthy, r.is_timed_out, r.error_category) for r in found} == {(False, True, "NETWORK")}


def test_a_certificate_for_another_name_is_a_transport_error(world: RunningWorld, phoenix: HealthChecksClient) -> None:
    with serving(world, ["other.example"]):
        created = data(phoenix.create_http_monitor(details(world)))
        jump(world.world.clock_file, 5)
        found = newest_round(phoenix, created.id, rounds=1)
    assert {(r.is_healthy, r.error_category) for r in found} == {(False, "TRANSPORT")}
    phoenix.delete_http_monitor(created.id)


def test_a_name_nobody_serves_is_a_dns_error(world: RunningWorld, phoenix: HealthChecksClient) -> None:
    created = data(
        phoenix.create_http_monitor(details(world, targets=["nowhere.example"], vantage_point_names=["aws-sea"]))
    )
    jump(world.world.clock_file, 5)
    until(lambda: results(phoenix, created.id), "a result")
    assert results(phoenix, created.id)[0].error_category == "DNS"
    phoenix.delete_http_monitor(created.id)


def test_results_are_had_in_the_home_region_only(
    ashburn: HealthChecksClient, phoenix: HealthChecksClient, monitor: Any
) -> None:
    """What watches a region must not go dark with it: a monitor is asked where it was made."""
    assert monitor.home_region == "us-phoenix-1"
    assert data(ashburn.get_http_monitor(monitor.id)).id == monitor.id
    with pytest.raises(ServiceError) as caught:
        results(ashburn, monitor.id)
    assert error(caught) == (404, "NotAuthorizedOrNotFound")
    with pytest.raises(ServiceError):
        ashburn.delete_http_monitor(monitor.id)


def test_a_disabled_monitor_rests(
    world: RunningWorld, phoenix: HealthChecksClient, target: Target, monitor: Any
) -> None:
    jump(world.world.clock_file, 5)
    newest_round(phoenix, monitor.id, rounds=1)
    changed = data(phoenix.update_http_monitor(monitor.id, UpdateHttpMonitorDetails(is_enabled=False)))
    assert (changed.is_enabled, changed.targets) == (False, monitor.targets)
    jump(world.world.clock_file, 600)
    asked = len(target.asked)
    probe = data(phoenix.create_on_demand_http_probe(on_demand(world)))
    newest_round(phoenix, probe.id, rounds=1)
    assert len(target.asked) == asked + 3, "only the on-demand probe asked"
    assert len(results(phoenix, monitor.id)) == 3


def on_demand(world: RunningWorld) -> CreateOnDemandHttpProbeDetails:
    whole = details(world)
    names = ("compartment_id", "targets", "port", "protocol", "method", "path", "headers")
    return CreateOnDemandHttpProbeDetails(**{name: getattr(whole, name) for name in names})


def test_monitors_are_listed(world: RunningWorld, phoenix: HealthChecksClient, monitor: Any) -> None:
    listed = data(phoenix.list_http_monitors(world.world.compartment))
    assert [(row.id, row.display_name, row.interval_in_seconds) for row in listed] == [(monitor.id, "ashburn", 30)]
    assert data(phoenix.list_http_monitors(world.world.compartment, display_name="none")) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"interval_in_seconds": 15},
        {"timeout_in_seconds": 60},
        {"targets": []},
        {"path": "health"},
        {"vantage_point_names": ["mars"]},
        {"headers": {"Authorization": "x"}},
        {"port": 70000},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_monitors_that_cannot_be(world: RunningWorld, phoenix: HealthChecksClient, fields: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as caught:
        phoenix.create_http_monitor(details(world, **fields))
    assert error(caught) == (400, "InvalidParameter")
    assert next(iter(fields)).split("_")[0] in str(caught.value.message).lower()


def test_an_unknown_monitor(phoenix: HealthChecksClient) -> None:
    with pytest.raises(ServiceError) as caught:
        phoenix.get_http_monitor("ocid1.healthchecksmonitor.oc1..none")
    assert error(caught) == (404, "NotAuthorizedOrNotFound")
