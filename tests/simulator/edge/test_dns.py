"""The authoritative server and the resolvers, asked over UDP and TCP, on a clock that only jumps."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import pytest

from simulator.kernel.clock import jump
from simulator.kernel.worldfile import World
from tests.simulator.edge.worlds import (
    NAME,
    ZONE,
    addresses,
    ask,
    call,
    fault,
    heal,
    new_world,
    process,
    refused_fault,
    set_address,
    until,
    zone_with,
)

pytestmark = pytest.mark.wire

OLD, NEW = "127.9.9.34", "127.9.9.66"
LONG = " ".join(f'"{"x" * 200}{number}"' for number in range(8))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return new_world(tmp_path_factory.mktemp("edge") / "world")


@pytest.fixture(scope="module")
def zone(world: World) -> Generator[str]:
    """The edge with a published zone of one name and some company."""
    with process(world, "edge"):
        identity = zone_with(
            world,
            (NAME, "A", OLD, 60),
            (NAME, "TXT", '"hello"', 300),
            (NAME, "AAAA", "::1", 60),
            ("www.fittrack.example", "CNAME", "app.fittrack.example", 120),
            ("gone.fittrack.example", "CNAME", "nowhere.elsewhere.example", 120),
            ("deep.below.fittrack.example", "TXT", LONG, 60),
        )
        publish(world)
        yield identity


@pytest.fixture(autouse=True)
def healthy(world: World, zone: str) -> Generator[None]:
    """Each test starts and leaves with the old address published, empty caches and no faults."""
    set_address(world, zone, OLD)
    publish(world)
    yield
    heal(world)
    jump(world.clock_file, 700000)  # past every TTL: what a test cached is no longer told


def publish(world: World) -> None:
    """Let the old address reach the authoritative server."""
    jump(world.clock_file, 60)
    until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(OLD, 60)], "the old address is served")


def serial(world: World) -> int:
    return int(ask(world.edge.authoritative, ZONE, "SOA").answer[0].to_text().split()[6])


def test_authoritative_answers_with_authority(world: World) -> None:
    reply = ask(world.edge.authoritative, NAME)
    assert addresses(reply) == [(OLD, 60)]
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA


@pytest.mark.parametrize(("rtype", "data"), [("TXT", '"hello"'), ("AAAA", "::1"), ("A", OLD)])
def test_types(world: World, rtype: str, data: str) -> None:
    assert next(iter(ask(world.edge.authoritative, NAME, rtype).answer[0])).to_text() == data


def test_apex_has_soa_and_name_servers(world: World) -> None:
    assert ask(world.edge.authoritative, ZONE, "SOA").answer[0].ttl == 300
    assert len(ask(world.edge.authoritative, ZONE, "NS").answer[0]) == 2


def test_alias_is_followed_within_the_zone(world: World) -> None:
    for server in (world.edge.authoritative, world.edge.resolvers[0]):
        reply = ask(server, "www.fittrack.example")
        assert [rrset.rdtype.name for rrset in reply.answer] == ["CNAME", "A"]


def test_alias_to_nowhere_of_ours(world: World) -> None:
    reply = ask(world.edge.authoritative, "gone.fittrack.example")
    assert [rrset.rdtype.name for rrset in reply.answer] == ["CNAME"]
    assert ask(world.edge.resolvers[0], "gone.fittrack.example").rcode() == dns.rcode.SERVFAIL


def test_names_that_are_not_there(world: World) -> None:
    missing = ask(world.edge.authoritative, "none.fittrack.example")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].rdtype.name == "SOA"
    nodata = ask(world.edge.authoritative, NAME, "MX")
    assert (nodata.rcode(), nodata.answer) == (dns.rcode.NOERROR, [])
    assert nodata.authority[0].rdtype.name == "SOA"
    between = ask(world.edge.authoritative, "below.fittrack.example")
    assert (between.rcode(), between.answer) == (dns.rcode.NOERROR, [])


def test_other_peoples_zones_are_refused(world: World) -> None:
    reply = ask(world.edge.authoritative, "www.oracle.example")
    assert reply.rcode() == dns.rcode.REFUSED
    assert not reply.flags & dns.flags.AA
    assert ask(world.edge.resolvers[1], "www.oracle.example").rcode() == dns.rcode.SERVFAIL


def test_what_does_not_fit_a_datagram_is_truncated_and_had_by_tcp(world: World) -> None:
    server = world.edge.authoritative
    short = ask(server, "deep.below.fittrack.example", "TXT")
    assert short.flags & dns.flags.TC
    assert short.answer == []
    whole = ask(server, "deep.below.fittrack.example", "TXT", tcp=True)
    assert len(whole.answer[0].to_text()) > 1600
    # The resolver falls back to TCP by itself, and truncates in its turn.
    assert ask(world.edge.resolvers[0], "deep.below.fittrack.example", "TXT").flags & dns.flags.TC
    through = ask(world.edge.resolvers[0], "deep.below.fittrack.example", "TXT", tcp=True)
    assert through.answer[0] == whole.answer[0]


def test_several_questions_over_one_connection(world: World) -> None:
    server = world.edge.authoritative
    with socket.create_connection((server.host, server.port), 5) as connection:
        for name in (NAME, "none.fittrack.example"):
            query = dns.message.make_query(name, "A")
            reply = dns.query.tcp(query, server.host, 5, sock=connection)
            assert reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


def test_what_is_no_question(world: World) -> None:
    """Garbage gets FORMERR, a notification NOTIMP, a foreign class REFUSED, an unknown EDNS version BADVERS."""
    server = world.edge.authoritative
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(5)
        plain.sendto(b"\x12\x34" + bytes(10) + b"\xff" * 5, (server.host, server.port))
        reply = plain.recv(512)
    assert reply[:2] == b"\x12\x34"
    assert reply[3] & 15 == dns.rcode.FORMERR
    update = dns.message.make_query(NAME, "A")
    update.set_opcode(dns.opcode.NOTIFY)
    assert dns.query.udp(update, server.host, 5, server.port).rcode() == dns.rcode.NOTIMP
    chaos = dns.message.make_query("version.bind", "TXT", "CH")
    assert dns.query.udp(chaos, server.host, 5, server.port).rcode() == dns.rcode.REFUSED
    newer = dns.message.make_query(NAME, "A", use_edns=1)
    assert dns.query.udp(newer, server.host, 5, server.port).rcode() == dns.rcode.BADVERS


def test_a_change_reaches_the_name_server_after_its_time_and_bumps_the_serial(world: World, zone: str) -> None:
    before = serial(world)
    set_address(world, zone, NEW)
    jump(world.clock_file, 5)
    assert addresses(ask(world.edge.authoritative, NAME)) == [(OLD, 60)]
    jump(world.clock_file, 5)
    until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(NEW, 60)], "the new address is served")
    assert serial(world) == before + 1


def test_resolver_keeps_an_answer_for_its_ttl_in_world_time(world: World, zone: str) -> None:
    first, second = world.edge.resolvers
    assert addresses(ask(first, NAME)) == [(OLD, 60)]
    set_address(world, zone, NEW)
    jump(world.clock_file, 20)
    until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(NEW, 60)], "the new address is served")
    assert addresses(ask(first, NAME)) == [(OLD, 40)]
    assert addresses(ask(second, NAME)) == [(NEW, 60)], "the other resolver had not asked before"
    jump(world.clock_file, 39)
    assert addresses(ask(first, NAME)) == [(OLD, 1)]
    jump(world.clock_file, 1)
    assert addresses(ask(first, NAME)) == [(NEW, 60)]


def test_resolver_remembers_an_absence_for_the_soas_time(world: World, zone: str) -> None:
    resolver = world.edge.resolvers[0]
    name = "later.fittrack.example"
    assert ask(resolver, name).rcode() == dns.rcode.NXDOMAIN
    zone_records = {"zoneNameOrId": zone}
    line = {"operation": "ADD", "domain": name, "rtype": "A", "rdata": NEW, "ttl": 60}
    call(world, "dns", "patch_zone_records", path=zone_records, body={"items": [line]})
    jump(world.clock_file, 299)
    until(lambda: addresses(ask(world.edge.authoritative, name)) == [(NEW, 60)], "the new name is served")
    assert ask(resolver, name).rcode() == dns.rcode.NXDOMAIN
    assert ask(resolver, name).authority[0].ttl == 1
    jump(world.clock_file, 1)
    assert addresses(ask(resolver, name)) == [(NEW, 60)]


def test_resolver_serves_what_it_knows_while_the_authority_is_dark(world: World) -> None:
    resolver = world.edge.resolvers[0]
    assert addresses(ask(resolver, NAME)) == [(OLD, 60)]
    fault(world, "authoritative", "dark")
    with pytest.raises(dns.exception.Timeout):
        ask(world.edge.authoritative, NAME, timeout=0.2)
    jump(world.clock_file, 59)
    assert addresses(ask(resolver, NAME)) == [(OLD, 1)]
    jump(world.clock_file, 1)
    started = time.monotonic()
    assert ask(resolver, NAME).rcode() == dns.rcode.SERVFAIL
    assert time.monotonic() - started < 3, "a dark authority must not outlast an asker's patience"
    heal(world)
    assert addresses(ask(resolver, NAME)) == [(OLD, 60)]


def test_resolver_without_recursion_tells_only_what_it_holds(world: World) -> None:
    resolver = world.edge.resolvers[0]
    query = dns.message.make_query(NAME, "A", flags=0)
    assert dns.query.udp(query, resolver.host, 5, resolver.port).rcode() == dns.rcode.REFUSED
    ask(resolver, NAME)
    assert addresses(dns.query.udp(query, resolver.host, 5, resolver.port)) == [(OLD, 60)]


def test_faults_of_a_resolver(world: World, zone: str) -> None:
    """A stale resolver goes on telling the old address; a dark one says nothing; both come back."""
    first, second = world.edge.resolvers
    assert addresses(ask(first, NAME)) == [(OLD, 60)]
    fault(world, "resolver-1", "stale")
    set_address(world, zone, NEW)
    jump(world.clock_file, 3600)
    until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(NEW, 60)], "the new address is served")
    assert addresses(ask(second, NAME)) == [(NEW, 60)]
    assert addresses(ask(first, NAME)) == [(OLD, 30)]
    fault(world, "resolver-1", "dark")
    with pytest.raises(dns.exception.Timeout):
        ask(first, NAME, timeout=0.2)
    heal(world)
    assert addresses(ask(first, NAME)) == [(NEW, 60)]


def test_faults_that_make_no_sense_are_refused(world: World) -> None:
    assert "resolver-9" in refused_fault(world, "resolver-9", "dark")
    assert "upside-down" in refused_fault(world, "resolver-1", "upside-down")
    assert "caches nothing" in refused_fault(world, "authoritative", "stale")


def test_port_taken_is_one_line_and_status_two(tmp_path: Path) -> None:
    world = new_world(tmp_path / "world")
    with socket.create_server((world.edge.resolvers[0].host, world.edge.resolvers[0].port)):
        command = [sys.executable, "-m", "simulator.edge", "--dir", str(world.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(world.edge.resolvers[0].port) in done.stderr


def test_no_world_is_one_line_and_status_two(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulator.edge", "--dir", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "no world here" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_killed_edge_comes_back_with_its_zones_and_what_was_still_to_be_published(tmp_path: Path) -> None:
    world = new_world(tmp_path / "world")
    with process(world, "edge") as running:
        zone = zone_with(world, (NAME, "A", OLD, 60))
        publish(world)
        set_address(world, zone, NEW)
        fault(world, "resolver-1", "dark")
        running.kill()
        running.wait(10)
    with process(world, "edge"):
        assert addresses(ask(world.edge.authoritative, NAME)) == [(OLD, 60)]
        jump(world.clock_file, 10)
        until(lambda: addresses(ask(world.edge.authoritative, NAME)) == [(NEW, 60)], "the change is published")
        with pytest.raises(dns.exception.Timeout):
            ask(world.edge.resolvers[0], NAME, timeout=0.2)


def test_a_stopped_edge_holds_no_address(tmp_path: Path) -> None:
    world = new_world(tmp_path / "world")
    with process(world, "edge") as running:
        running.terminate()
        assert running.wait(10) == 0
    for address in (world.edge.authoritative, *world.edge.resolvers, world.edge.internal, world.edge.neutral_target):
        with socket.create_server((address.host, address.port)):
            pass
