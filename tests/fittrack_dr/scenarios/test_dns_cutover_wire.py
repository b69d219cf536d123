"""``fittrack-dr dns`` against a running world: both regions' APIs, databases, name servers.

The database in us-ashburn-1 is PRIMARY throughout and the one in us-phoenix-1 its standby; the name begins at
us-phoenix-1, so that every cutover that may happen goes to us-ashburn-1. The applications are played by the test.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from oci.database import DatabaseClient
from oci.database.models import CreateAutonomousDatabaseDetails, CreateCrossRegionAutonomousDatabaseDataGuardDetails
from oci.dns import DnsClient
from oci.dns.models import CreateZoneDetails, RecordDetails, UpdateRRSetDetails
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreateBucketDetails

from fittrack_dr.cli import root
from simulator.kernel import clock
from simulator.kernel.admin import ask_admin
from simulator.kernel.certificates import issue_server_certificate
from simulator.world import exports
from tests.simulator.edge.worlds import addresses, ask, until
from tests.worlds import RunningWorld, data, running_world, wait_until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(150)]

ROOT = Path(__file__).parents[3]
ASHBURN, PHOENIX = "us-ashburn-1", "us-phoenix-1"
ZONE, NAME, TTL = "fittrack.example", "app.fittrack.example", 60
CONTROL = "fittrack-dr-control"
PROVISIONING, RUNNING = 1200.0, 60.0
"""Rates of the clock."""


class Application:
    """A region's application behind its load balancer's address."""

    def __init__(self, world: RunningWorld, address: str) -> None:
        self.address = address
        self.status = 200
        self.before_answer: Callable[[int], None] = lambda _: None
        self._asked = 0
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                application.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the overridden name
                """Say nothing."""

        self.server = ThreadingHTTPServer((address, 8443), Handler)
        context = issue_server_certificate(world.world, [NAME]).server_context()
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self._asked += 1
        self.before_answer(self._asked)
        handler.send_response(self.status)
        handler.end_headers()

    def reset(self) -> None:
        self.status, self._asked, self.before_answer = 200, 0, lambda _: None


@contextmanager
def serving(application: Application) -> Generator[Application]:
    thread = threading.Thread(target=application.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield application
    finally:
        application.server.shutdown()
        thread.join()
        application.server.server_close()


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Estate:
    """A provisioned world and the commands that are run against it."""

    world: RunningWorld
    policy: Path
    applications: dict[str, Application]
    zone: str = ""
    databases: dict[str, str] = field(default_factory=dict[str, str])

    def run(self, *arguments: str, environment: dict[str, str] | None = None) -> Ended:
        """``fittrack-dr`` with these arguments: what its process runs, in this process, which saves it the start."""
        settings = exports(self.world.world, "oncall") | {"FITTRACK_POLICY": str(self.policy)} | (environment or {})
        out, err = io.StringIO(), io.StringIO()
        with patch.dict("os.environ", settings), redirect_stdout(out), redirect_stderr(err):
            code = root.run(arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command as a process of its own."""
        environment = self.world.environment() | {"FITTRACK_POLICY": str(self.policy)}
        return subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """How the process ended."""
        with process:
            out, err = process.communicate(timeout=100)
        return Ended(process.returncode, out, err)

    def cutover(self, *arguments: str, target: str = ASHBURN, **options: Any) -> Ended:
        return self.run("dns", "cutover", "--to", target, *arguments, **options)

    @property
    def dns(self) -> DnsClient:
        return self.world.client(DnsClient, region=ASHBURN)

    def put(self, *held: str) -> None:
        """Let the name have exactly these addresses at the API."""
        records = [RecordDetails(domain=NAME, rtype="A", rdata=address, ttl=TTL) for address in held]
        self.dns.update_rr_set(self.zone, NAME, "A", UpdateRRSetDetails(items=records))

    @property
    def record(self) -> list[str]:
        return sorted(row.rdata for row in data(self.dns.get_rr_set(self.zone, NAME, "A")).items)

    def address(self, region: str) -> str:
        return self.applications[region].address

    @property
    def last_run(self) -> str:
        """The id of the run that was opened last."""
        storage = self.world.client(ObjectStorageClient, region=ASHBURN)
        return data(storage.list_objects("fittrack", CONTROL, prefix="runs/", delimiter="/")).prefixes[-1].split("/")[1]

    @property
    def state(self) -> dict[str, Any]:
        """The recovery state."""
        storage = self.world.client(ObjectStorageClient, region=ASHBURN)
        return json.loads(data(storage.get_object("fittrack", CONTROL, "recovery-state.json")).content)

    def heal(self) -> None:
        """Clear all faults, point the name at Phoenix everywhere, let both applications answer."""
        for process in ("edge", ASHBURN, PHOENIX):
            ask_admin(self.world.world.admin_socket(process), "POST", "/faults/clear")
        for application in self.applications.values():
            application.reset()
        self.put(self.address(PHOENIX))
        edge = self.world.world.edge
        wanted = [self.address(PHOENIX)]
        clock.set_rate(self.world.world.clock_file, RUNNING)
        until(lambda: [a for a, _ in addresses(ask(edge.authoritative, NAME))] == wanted, "the old address is served")
        clock.jump(self.world.world.clock_file, 3600)
        for resolver in edge.resolvers:
            assert [a for a, _ in addresses(ask(resolver, NAME))] == wanted


def provision(estate: Estate) -> None:
    """Zone, databases, control bucket with inventory and recovery state."""
    world = estate.world
    compartment = world.world.compartment
    zone = CreateZoneDetails(name=ZONE, zone_type="PRIMARY", compartment_id=compartment)
    estate.zone = data(estate.dns.create_zone(zone)).id
    _databases(estate)
    storage = world.client(ObjectStorageClient, region=ASHBURN)
    storage.create_bucket("fittrack", CreateBucketDetails(name=CONTROL, compartment_id=compartment))
    state = {
        "schema": 1,
        "active_region": PHOENIX,
        "postures": {"prod": "pilot-light", "dr": "active"},
        "epoch": 1,
        "run": None,
    }
    for name, document in (("inventory.json", _inventory(estate)), ("recovery-state.json", state)):
        storage.put_object("fittrack", CONTROL, name, json.dumps(document).encode())


def _databases(estate: Estate) -> None:
    def available(region: str) -> bool:
        client = estate.world.client(DatabaseClient, "dba", region)
        return data(client.get_autonomous_database(estate.databases[region])).lifecycle_state == "AVAILABLE"

    compartment = estate.world.world.compartment
    details = CreateAutonomousDatabaseDetails(
        compartment_id=compartment,
        db_name="fittrack",
        compute_model="ECPU",
        compute_count=2,
        admin_password="Correct-Horse-1",
    )
    primary = estate.world.client(DatabaseClient, "dba", ASHBURN)
    estate.databases[ASHBURN] = data(primary.create_autonomous_database(details)).id
    wait_until(lambda: available(ASHBURN), what="the primary is available")
    standby = CreateCrossRegionAutonomousDatabaseDataGuardDetails(
        compartment_id=compartment, source_id=estate.databases[ASHBURN], display_name="standby"
    )
    secondary = estate.world.client(DatabaseClient, "dba", PHOENIX)
    estate.databases[PHOENIX] = data(secondary.create_autonomous_database(standby)).id
    wait_until(lambda: available(PHOENIX), what="the standby is available")


def _inventory(estate: Estate) -> dict[str, Any]:
    return {
        "schema": 1,
        "written_at": estate.world.clock.now().isoformat(),
        "compartment_id": estate.world.world.compartment,
        "tenancy_id": estate.world.world.tenancy,
        "regions": {
            region: {
                "database": {"id": estate.databases[region], "connect_alias": f"{region}_tp"},
                "load_balancer": {"address": estate.address(region), "port": 8443},
                "heartbeat_bucket": "fittrack-heartbeats",
                "health_monitor_id": "ocid1.healthchecksmonitor.oc1..none",
            }
            for region in (ASHBURN, PHOENIX)
        },
        "dns": {"zone_id": estate.zone, "zone": ZONE, "name": NAME},
        "schema_revision": "0001",
    }


def mirrored(policy: str) -> str:
    """The policy with prod in Phoenix, and so the control region in Ashburn."""
    before, places, after = re.split(r"(?m)^(stacks:\n.*?)(?=^retention:)", policy, maxsplit=1, flags=re.DOTALL)
    other = {ASHBURN: PHOENIX, PHOENIX: ASHBURN}
    return before + re.sub("|".join(other), lambda found: other[found[0]], places) + after


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Generator[Estate]:
    """The estate of this module. Its control region is Ashburn, so that Phoenix can be lost."""
    home = tmp_path_factory.mktemp("cutover")
    policy = home / "recovery.yaml"
    policy.write_text(mirrored((ROOT / "recovery.yaml").read_text()))
    with running_world(home / "w", rate=PROVISIONING) as world:
        block = world.world.block
        with (
            serving(Application(world, f"{block}.200")) as ashburn,
            serving(Application(world, f"{block}.201")) as phoenix,
        ):
            estate = Estate(world, policy, {ASHBURN: ashburn, PHOENIX: phoenix})
            provision(estate)
            yield estate


@pytest.fixture
def estate(provisioned: Estate) -> Estate:
    """The estate with the name at Phoenix, everybody in agreement, nothing broken."""
    provisioned.heal()
    return provisioned


def one_line(ended: Ended) -> str:
    """The one line on stderr."""
    (line,) = ended.err.strip().splitlines()
    assert line.startswith("fittrack-dr: ")
    return line


def test_status_tells_every_place_and_both_regions(estate: Estate) -> None:
    told = estate.run("dns", "status", "--json")
    assert told.code == 0
    seen = json.loads(told.out)
    assert seen["rehearsal"] is True
    assert seen["record"] == {
        "api": ASHBURN,
        "addresses": [estate.address(PHOENIX)],
        "ttl": TTL,
        "region": PHOENIX,
    }
    assert [row["region"] for row in seen["authoritative"]] == [PHOENIX]
    assert [row["region"] for row in seen["resolvers"]] == [PHOENIX, PHOENIX]
    assert all(0 <= row["ttl"] <= TTL for row in seen["resolvers"])
    assert {name: (row["role"], row["ready"]) for name, row in seen["regions"].items()} == {
        ASHBURN: ("PRIMARY", True),
        PHOENIX: ("STANDBY", True),
    }


def test_status_for_people(estate: Estate) -> None:
    estate.applications[PHOENIX].status = 503
    told = estate.end(estate.start("-m", "fittrack_dr.cli", "dns", "status"))
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0] == "REHEARSAL"
    assert any("us-phoenix-1: database STANDBY" in line and "not ready (503)" in line for line in lines)
    assert sum("s left" in line for line in lines) == 2


def test_status_with_a_dark_resolver_and_a_lost_region(estate: Estate) -> None:
    estate.world.simulator("fault", "dns", "a", "--target", "resolver-2", "--kind", "dark")
    estate.world.simulator("lose", PHOENIX)
    try:
        told = estate.run("dns", "status", "--json")
    finally:
        estate.world.simulator("return", PHOENIX)
    assert told.code == 0
    seen = json.loads(told.out)
    assert seen["resolvers"][1]["reply"] == "no answer"
    assert seen["regions"][PHOENIX]["role"] is None
    assert "unknown" in seen["regions"][PHOENIX]["detail"]


def test_status_when_nobody_knows(estate: Estate) -> None:
    estate.world.simulator("fault", "dns", "a", "--target", "authoritative", "--kind", "dark")
    for region in (ASHBURN, PHOENIX):
        estate.world.simulator("fault", "http", region, "b", "--kind", "status", "--operation", "get_rr_set")
    assert estate.run("dns", "status").code == 4


def test_without_apply_the_plan_is_shown_and_nothing_changes(estate: Estate) -> None:
    ended = estate.cutover()
    assert ended.code == 0
    assert "Plan: dns-cutover" in ended.out
    assert "--apply" in ended.out
    assert estate.record == [estate.address(PHOENIX)]


def test_the_name_is_moved_and_seen_at_every_resolver(estate: Estate) -> None:
    ended = estate.cutover("--apply")
    assert ended.code == 0, ended.out + ended.err
    assert estate.record == [estate.address(ASHBURN)]
    for server in (estate.world.world.edge.authoritative, *estate.world.world.edge.resolvers):
        assert [address for address, _ in addresses(ask(server, NAME))] == [estate.address(ASHBURN)]
    assert "at its own servers and at 2 resolvers" in ended.out
    run = estate.last_run
    shown = estate.run("runs", "show", run)
    assert shown.code == 0
    assert "chain intact" in shown.out
    serial = data(estate.dns.get_zone(estate.zone)).serial

    again = estate.cutover("--apply")
    assert again.code == 0
    assert "already" in again.out
    assert data(estate.dns.get_zone(estate.zone)).serial == serial
    assert estate.last_run == run


def test_the_script_does_the_same(estate: Estate) -> None:
    command = [
        sys.executable,
        str(ROOT / "scripts" / "dns_cutover.py"),
        "--to",
        ASHBURN,
        "--policy",
        str(estate.policy),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=estate.world.environment()
    )
    assert done.returncode == 0
    assert "Plan: dns-cutover" in done.stdout


def test_a_standby_is_refused(estate: Estate) -> None:
    estate.put(estate.address(ASHBURN))
    ended = estate.cutover("--apply", target=PHOENIX)
    assert ended.code == 3
    assert "STANDBY, not PRIMARY" in one_line(ended)
    assert estate.record == [estate.address(ASHBURN)]


def test_an_application_that_is_not_ready_is_refused(estate: Estate) -> None:
    estate.applications[ASHBURN].status = 503
    ended = estate.cutover("--apply")
    assert ended.code == 3
    assert "not ready (503" in one_line(ended)
    assert estate.record == [estate.address(PHOENIX)]


def test_an_application_that_stumbles_before_the_move_is_refused(estate: Estate) -> None:
    def stumble(asked: int) -> None:
        estate.applications[ASHBURN].status = 200 if asked < 3 else 503

    estate.applications[ASHBURN].before_answer = stumble
    ended = estate.cutover("--apply")
    assert ended.code == 3
    assert estate.record == [estate.address(PHOENIX)]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(estate: Estate) -> None:
    """The fifth request is the look immediately before the write: after it the record is another's."""
    third = f"{estate.world.world.block}.250"
    estate.applications[ASHBURN].before_answer = lambda asked: estate.put(third) if asked == 5 else None
    ended = estate.cutover("--apply")
    assert ended.code == 3
    assert third in ended.out
    assert estate.address(PHOENIX) in ended.out
    assert estate.record == [third]


@pytest.mark.parametrize("held", ["nothing", "foreign", "both"])
def test_a_record_that_is_not_one_of_ours(estate: Estate, held: str) -> None:
    values = {
        "nothing": [],
        "foreign": [f"{estate.world.world.block}.250"],
        "both": [estate.address(ASHBURN), estate.address(PHOENIX)],
    }[held]
    estate.dns.delete_rr_set(estate.zone, NAME, "A")
    if values:
        estate.put(*values)
    ended = estate.cutover("--apply")
    assert ended.code == 3
    assert "somebody" in one_line(ended)
    assert estate.record == values


def test_a_write_whose_answer_is_lost_is_looked_after(estate: Estate) -> None:
    estate.world.simulator(
        "fault", "http", ASHBURN, "a", "--kind", "lost", "--operation", "patch_rr_set", "--times", "1"
    )
    ended = estate.cutover("--apply")
    assert ended.code == 0, ended.out + ended.err
    assert "found to be done" in ended.out
    assert estate.record == [estate.address(ASHBURN)]


def test_a_service_that_is_briefly_unavailable_is_asked_again(estate: Estate) -> None:
    estate.world.simulator(
        "fault", "http", ASHBURN, "a", "--kind", "status", "--status", "429", "--operation", "patch_rr_set",
        "--times", "1",
    )  # fmt: skip
    ended = estate.cutover("--apply")
    assert ended.code == 0, ended.out + ended.err


def test_with_the_old_region_lost_the_other_one_does_it_all(estate: Estate) -> None:
    estate.world.simulator("lose", PHOENIX)
    try:
        ended = estate.cutover("--apply")
        assert ended.code == 0, ended.out + ended.err
        assert "will not be undone" in ended.out
        assert estate.record == [estate.address(ASHBURN)]
    finally:
        estate.world.simulator("return", PHOENIX)


def test_a_dark_resolver_is_said_to_be_not_measured(estate: Estate) -> None:
    estate.world.simulator("fault", "dns", "a", "--target", "resolver-2", "--kind", "dark")
    ended = estate.cutover("--apply")
    assert ended.code == 0, ended.out + ended.err
    assert f"not measured, for they do not answer: {estate.world.world.edge.resolvers[1]}" in ended.out


def test_a_stale_resolver_leaves_the_outcome_unknown_and_the_run_to_be_resumed(estate: Estate) -> None:
    estate.world.simulator("fault", "dns", "a", "--target", "resolver-1", "--kind", "stale")
    clock.set_rate(estate.world.world.clock_file, 300)
    ended = estate.cutover("--apply")
    assert ended.code == 4
    run = estate.last_run
    assert f"fittrack-dr runs resume {run}" in ended.out
    assert str(estate.world.world.edge.resolvers[0]) in ended.out
    assert estate.record == [estate.address(ASHBURN)]

    other = estate.cutover("--apply", target=PHOENIX)
    assert other.code == 3

    estate.world.simulator("fault", "clear", "edge")
    clock.set_rate(estate.world.world.clock_file, RUNNING)
    resumed = estate.run("runs", "resume", run, "--apply")
    assert resumed.code == 0, resumed.out + resumed.err
    assert estate.state["run"] is None


def test_an_unknown_region_is_a_usage_error(estate: Estate) -> None:
    ended = estate.cutover(target="eu-frankfurt-1")
    assert ended.code == 2
    assert "us-ashburn-1, us-phoenix-1" in one_line(ended)


def test_missing_credentials_are_a_usage_error(estate: Estate) -> None:
    ended = estate.cutover("--apply", environment={"OCI_CLI_PROFILE": "nobody"})
    assert ended.code == 2
    assert "no section [nobody]" in one_line(ended)


def test_wrong_credentials_are_a_usage_error(estate: Estate, tmp_path: Path) -> None:
    profile = tmp_path / "config"
    keys = estate.world.world.directory / "oci" / "keys"
    text = estate.world.world.profile_file.read_text()
    profile.write_text(text.replace(str(keys / "oncall.pem"), str(keys / "dba.pem")))
    ended = estate.cutover("--apply", environment={"OCI_CONFIG_FILE": str(profile)})
    assert ended.code == 2
    assert "401" in one_line(ended)


def test_another_plan_than_the_confirmed_one_is_refused(estate: Estate) -> None:
    ended = estate.cutover("--apply", "--plan", "0123456789abcdef")
    assert ended.code == 3
    assert estate.record == [estate.address(PHOENIX)]


def test_a_second_cutover_is_refused_while_one_runs(estate: Estate) -> None:
    """The clock stands still, so the first waits between its looks at the application until the second has ended."""
    clock.set_rate(estate.world.world.clock_file, 0)
    first = estate.start("-m", "fittrack_dr.cli", "dns", "cutover", "--to", ASHBURN, "--apply")
    try:
        wait_until(lambda: estate.state["run"] or first.poll(), timeout=60, what="the first run holds the recovery")
        run = estate.state["run"]
        second = estate.cutover("--apply")
    finally:
        clock.set_rate(estate.world.world.clock_file, RUNNING)
        ended = estate.end(first)
    assert (ended.code, second.code) == (0, 3), ended
    assert run in one_line(second)
    assert estate.record == [estate.address(ASHBURN)]
