"""A world on a clock that only jumps, its processes, and the questions that tests put to them over the wire."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import dns.message
import dns.query
import httpx

from simulator import world as worlds
from simulator.kernel.admin import AdminRefusedError, ask_admin
from simulator.kernel.clock import jump
from simulator.kernel.worldfile import Address, World

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
PATIENCE = 20.0
"""Wall seconds after which a state that has not come about is a failure."""

ZONE = "fittrack.example"
NAME = "app.fittrack.example"

T = TypeVar("T")


def new_world(directory: Path, *, rate: float = 0.0) -> World:
    """A world of its own, on its own block of addresses; by default time moves by jumps only."""
    return worlds.create(directory, seed=7, block=None, start=START, rate=rate)


def until(question: Callable[[], T | None], what: str) -> T:
    """The first answer that counts as true; fails the test when there is none in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@contextmanager
def process(world: World, name: str) -> Generator[subprocess.Popen[bytes]]:
    """The edge, or a region, from ready to gone."""
    module = ["simulator.edge"] if name == "edge" else ["simulator.region", "--region", name]
    command = [sys.executable, "-m", *module, "--dir", str(world.directory)]
    log = world.directory / f"{name}.test.log"
    with log.open("ab") as stream, subprocess.Popen(command, stderr=stream, stdout=stream) as running:
        try:
            until(lambda: _ready(world, name, running, log), f"{name} is ready")
            yield running
        finally:
            running.terminate()
            running.wait(PATIENCE)


def _ready(world: World, name: str, running: subprocess.Popen[bytes], log: Path) -> bool:
    assert running.poll() is None, log.read_text()
    try:
        return bool(ask_admin(world.admin_socket(name), "GET", "/ready")["ready"])
    except OSError:
        return False


def fault(world: World, target: str, kind: str) -> Any:
    """Set a name server's fault at the edge."""
    document = {"layer": "dns", "id": f"{target}-{kind}", "target": target, "kind": kind}
    return ask_admin(world.admin_socket("edge"), "POST", "/faults", document)


def heal(world: World) -> None:
    """End all of the edge's faults."""
    ask_admin(world.admin_socket("edge"), "POST", "/faults/clear")


def refused_fault(world: World, target: str, kind: str) -> str:
    """Why the edge refuses a fault."""
    try:
        fault(world, target, kind)
    except AdminRefusedError as problem:
        return str(problem)
    raise AssertionError("the fault was accepted")


def ask(
    server: Address, name: str, rtype: str = "A", *, tcp: bool = False, timeout: float = 5.0
) -> dns.message.Message:
    """One recursive question with EDNS to one server; raises dns.exception.Timeout."""
    query = dns.message.make_query(name, rtype, use_edns=0)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, server.host, timeout, server.port)


def addresses(reply: dns.message.Message) -> list[tuple[str, int]]:
    """The address records of an answer with their TTLs."""
    return sorted((rdata.to_text(), rrset.ttl) for rrset in reply.answer for rdata in rrset if rrset.rdtype in (1, 28))


def call(world: World, service: str, operation: str, **parts: Any) -> Any:
    """One call as a region forwards it; the JSON answer, or (status, code) of a refusal."""
    document = {"region": "us-phoenix-1", "path": {}, "query": {}, "headers": {}, "body": {}, "request_id": "r"}
    url = f"{world.edge.internal.url}/{service}/{operation}"
    answer = httpx.post(url, json=document | parts, trust_env=False, timeout=30)
    told = answer.json()
    return (answer.status_code, told["code"]) if "code" in told else told


def zone_with(world: World, *records: tuple[str, str, str, int]) -> str:
    """A zone with these records (name, type, data, ttl); its OCID. Published only after a jump."""
    body = {"name": ZONE, "zoneType": "PRIMARY", "compartmentId": world.compartment}
    zone = call(world, "dns", "create_zone", body=body)["body"]["id"]
    lines = [
        {"operation": "ADD", "domain": name, "rtype": rtype, "rdata": rdata, "ttl": ttl}
        for name, rtype, rdata, ttl in records
    ]
    call(world, "dns", "patch_zone_records", path={"zoneNameOrId": zone}, body={"items": lines})
    return zone


def set_address(world: World, zone: str, address: str, ttl: int = 60) -> None:
    """Let the name have exactly this address at the API."""
    record = {"domain": NAME, "rtype": "A", "rdata": address, "ttl": ttl}
    path = {"zoneNameOrId": zone, "domain": NAME, "rtype": "A"}
    call(world, "dns", "update_rr_set", path=path, body={"items": [record]})


def publish_zone(world: World, address: str) -> str:
    """A zone whose one name has this address, served by the authoritative server; the zone's OCID."""
    zone = zone_with(world, (NAME, "A", address, 60))
    jump(world.clock_file, 10)
    until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(address, 60)], f"{address} is served")
    return zone
