"""Names on the wire: the record by compare-and-swap, the servers by question."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from oci.dns import DnsClient
from oci.dns.models import CreateZoneDetails, PatchRRSetDetails, RecordDetails, RecordOperation, UpdateRRSetDetails

from fittrack_dr.clients.dns import NameServers, Records, Reply
from fittrack_dr.clients.profile import Address, Profile, load_profile
from fittrack_dr.clients.session import Session
from fittrack_dr.errors import ChangedError, ConfigError, NotFoundError, PermanentError, UnreachableError
from simulator.kernel.clock import jump
from tests.simulator.edge.worlds import addresses, ask, fault, heal, until
from tests.worlds import RunningWorld, data, running_world

pytestmark = pytest.mark.wire

ZONE, NAME = "fittrack.example", "app.fittrack.example"
OLD, NEW, THIRD = "127.9.9.34", "127.9.9.66", "127.9.9.99"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """A world on a clock that only jumps."""
    with running_world(tmp_path_factory.mktemp("names") / "w", rate=0) as running:
        yield running


@pytest.fixture(scope="module")
def profile(world: RunningWorld) -> Profile:
    return load_profile(world.environment())


@pytest.fixture(scope="module")
def servers(profile: Profile) -> NameServers:
    return NameServers(profile, attempt=0.5)


@pytest.fixture(scope="module")
def sdk(world: RunningWorld) -> DnsClient:
    return world.client(DnsClient)


@pytest.fixture(scope="module")
def zone(world: RunningWorld, sdk: DnsClient) -> str:
    details = CreateZoneDetails(name=ZONE, zone_type="PRIMARY", compartment_id=world.world.compartment)
    return data(sdk.create_zone(details)).id


@pytest.fixture
def records(profile: Profile, sdk: DnsClient, zone: str) -> Generator[Records]:
    """The record with the old address, by Phoenix's API."""
    put(sdk, zone, OLD)
    with Session(profile) as session:
        yield Records(session, "us-phoenix-1", zone)


def put(sdk: DnsClient, zone: str, *held: str, ttl: int = 60) -> None:
    items = [RecordDetails(domain=NAME, rtype="A", rdata=address, ttl=ttl) for address in held]
    sdk.update_rr_set(zone, NAME, "A", UpdateRRSetDetails(items=items))


def published(world: RunningWorld, address: str) -> None:
    """Let the address reach the authoritative server, and the caches forget whatever was before."""
    server = world.world.edge.authoritative
    jump(world.world.clock_file, 10)
    until(lambda: addresses(ask(server, NAME)) == [(address, 60)], f"{address} is served")
    jump(world.world.clock_file, 3600)


def test_the_record_is_read_with_its_ttl(records: Records) -> None:
    held = records.read(NAME)
    assert (held.addresses, held.ttl, str(held)) == ((OLD,), 60, OLD)
    nothing = records.read("none.fittrack.example")
    assert (nothing.addresses, nothing.ttl, str(nothing)) == ((), None, "no address")


def test_a_swap_replaces_exactly_what_was_read(records: Records) -> None:
    records.swap(records.read(NAME), NEW, 60)
    assert records.read(NAME).addresses == (NEW,)


def test_a_swap_of_several_records(records: Records, sdk: DnsClient, zone: str) -> None:
    put(sdk, zone, OLD, THIRD)
    records.swap(records.read(NAME), NEW, 60)
    assert records.read(NAME).addresses == (NEW,)


def test_a_swap_from_nothing(records: Records, sdk: DnsClient, zone: str) -> None:
    sdk.delete_rr_set(zone, NAME, "A")
    records.swap(records.read(NAME), NEW, 60)
    assert records.read(NAME).addresses == (NEW,)


def test_a_swap_fails_when_somebody_else_was_first(records: Records, sdk: DnsClient, zone: str) -> None:
    held = records.read(NAME)
    put(sdk, zone, THIRD)
    with pytest.raises(ChangedError, match=rf"no longer {OLD}"):
        records.swap(held, NEW, 60)
    assert records.read(NAME).addresses == (THIRD,)


def test_a_swap_fails_on_its_values_even_under_a_current_etag(records: Records) -> None:
    """The service's own precondition, apart from the entity tag: REQUIRE finds no such record."""
    held = replace(records.read(NAME), addresses=(THIRD,))
    with pytest.raises(ChangedError):
        records.swap(held, NEW, 60)
    assert records.read(NAME).addresses == (OLD,)


def test_a_swap_fails_when_the_record_was_changed_and_changed_back(records: Records, sdk: DnsClient, zone: str) -> None:
    held = records.read(NAME)
    extra = RecordOperation(operation="ADD", domain=NAME, rtype="A", rdata=THIRD, ttl=60)
    sdk.patch_rr_set(zone, NAME, "A", PatchRRSetDetails(items=[extra]))
    put(sdk, zone, OLD)
    with pytest.raises(ChangedError):
        records.swap(held, NEW, 60)


def test_an_unknown_zone(profile: Profile, zone: str) -> None:
    with Session(profile) as session, pytest.raises(NotFoundError, match="us-phoenix-1"):
        Records(session, "us-phoenix-1", "none.example").read(NAME)


def test_every_server_is_asked_for_itself(
    world: RunningWorld, records: Records, servers: NameServers, sdk: DnsClient, zone: str
) -> None:
    published(world, OLD)
    (own,) = servers.authoritative(ZONE)
    assert servers.ask(own, NAME).ttl == 60
    first, second = servers.resolvers
    assert servers.ask(first, NAME).addresses == (OLD,)
    put(sdk, zone, NEW)
    jump(world.world.clock_file, 20)
    until(lambda: servers.ask(own, NAME).addresses == (NEW,), "the new address is served")
    behind, ahead = servers.ask_resolvers(NAME)
    assert (behind.server, behind.addresses, behind.ttl) == (first, (OLD,), 40)
    assert (ahead.server, ahead.addresses, ahead.ttl) == (second, (NEW,), 60)
    assert servers.resolve(NAME) == OLD


def test_what_else_a_server_may_say(world: RunningWorld, records: Records, servers: NameServers) -> None:
    published(world, OLD)
    (own,) = servers.authoritative(ZONE)
    resolver = servers.resolvers[0]
    assert servers.ask(own, "none.fittrack.example").reply is Reply.NO_SUCH_NAME
    assert servers.ask(own, ZONE).reply is Reply.NO_ADDRESS
    assert servers.ask(own, "www.oracle.example").reply is Reply.REFUSED
    assert servers.ask(resolver, "www.oracle.example").reply is Reply.FAILED
    nobody = servers.ask(Address(f"{world.world.block}.250", 5353), NAME)
    assert (nobody.reply, nobody.addresses, nobody.ttl, str(nobody)) == (Reply.SILENT, (), None, "no answer")
    with pytest.raises(NotFoundError, match="no such name"):
        servers.resolve("none.fittrack.example")


def test_a_dark_resolver_is_passed_over(world: RunningWorld, records: Records, servers: NameServers) -> None:
    published(world, OLD)
    fault(world.world, "resolver-1", "dark")
    assert servers.resolve(NAME) == OLD
    fault(world.world, "resolver-2", "dark")
    with pytest.raises(UnreachableError, match="no answer"):
        servers.resolve(NAME)
    heal(world.world)


def test_the_zones_servers_are_found_by_its_records_when_the_profile_names_none(
    profile: Profile, world: RunningWorld, records: Records
) -> None:
    """Nobody serves the addresses of the zone's NS names in a rehearsal; the question must end, with one clear line."""
    published(world, OLD)
    alone = NameServers(replace(profile, authoritative=None))
    with pytest.raises(UnreachableError, match=ZONE):
        alone.authoritative(ZONE)


def test_a_rehearsal_asks_no_real_server(servers: NameServers) -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.53"):
        servers.ask(Address("192.0.2.53", 53), NAME)


def test_what_is_no_name(servers: NameServers) -> None:
    with pytest.raises(PermanentError, match="no domain name"):
        servers.ask(servers.resolvers[0], "a..b")


def test_a_region_that_does_not_answer(make_world: Any) -> None:
    with make_world() as world:
        profile = load_profile(world.environment())
        world.simulator("lose", "us-phoenix-1", "--how", "kill")
        with Session(profile, connect=1, read=1) as session, pytest.raises(UnreachableError, match="us-phoenix-1"):
            Records(session, "us-phoenix-1", "ocid1.dns-zone.oc1..x").read(NAME)
