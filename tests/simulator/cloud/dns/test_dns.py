"""The DNS service, called by the real SDK through either region."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from oci.dns import DnsClient
from oci.dns.models import (
    CreateZoneDetails,
    PatchRRSetDetails,
    PatchZoneRecordsDetails,
    RecordDetails,
    RecordOperation,
    UpdateRRSetDetails,
    UpdateZoneDetails,
)
from oci.exceptions import ServiceError

from simulator.kernel.clock import jump
from tests.simulator.edge.worlds import addresses, ask, until
from tests.worlds import RunningWorld, data, running_world

pytestmark = pytest.mark.wire

NAME = "app.fittrack.example"
OLD, NEW, THIRD = "127.9.9.34", "127.9.9.66", "127.9.9.99"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """A world on a clock that only jumps."""
    with running_world(tmp_path_factory.mktemp("dns") / "w", rate=0) as running:
        yield running


@pytest.fixture(scope="module")
def ashburn(world: RunningWorld) -> DnsClient:
    return world.client(DnsClient, region="us-ashburn-1")


@pytest.fixture(scope="module")
def phoenix(world: RunningWorld) -> DnsClient:
    return world.client(DnsClient, region="us-phoenix-1")


@pytest.fixture
def zone(world: RunningWorld, phoenix: DnsClient) -> Generator[Any]:
    """A new zone in which the name has the old address."""
    details = CreateZoneDetails(
        name="fittrack.example", zone_type="PRIMARY", compartment_id=world.world.compartment, freeform_tags={"a": "b"}
    )
    created = data(phoenix.create_zone(details))
    phoenix.patch_rr_set(created.id, NAME, "A", patch(add(OLD)))
    yield data(phoenix.get_zone(created.id))
    phoenix.delete_zone(created.id)


def line(operation: str, rdata: str | None = None, **fields: Any) -> RecordOperation:
    return RecordOperation(operation=operation, domain=NAME, rtype="A", rdata=rdata, **fields)


def add(rdata: str, ttl: int = 60) -> RecordOperation:
    return line("ADD", rdata, ttl=ttl)


def patch(*lines: RecordOperation) -> PatchRRSetDetails:
    return PatchRRSetDetails(items=list(lines))


def swap(old: str, new: str) -> PatchRRSetDetails:
    return patch(line("REQUIRE", old), line("REMOVE", old), add(new))


def held(client: DnsClient, zone: Any) -> list[tuple[str, int]]:
    return sorted((record.rdata, record.ttl) for record in data(client.get_rr_set(zone.id, NAME, "A")).items)


def header(response: Any, name: str) -> str | None:
    return response.headers.get(name)


def error(caught: pytest.ExceptionInfo[ServiceError]) -> tuple[int, str]:
    return caught.value.status, caught.value.code


def test_a_zone_is_the_same_by_name_by_ocid_and_through_either_region(ashburn: DnsClient, zone: Any) -> None:
    found = data(ashburn.get_zone("FitTrack.example."))
    assert found == data(ashburn.get_zone(zone.id)) == zone
    assert (found.zone_type, found.scope, found.lifecycle_state) == ("PRIMARY", "GLOBAL", "ACTIVE")
    assert found.freeform_tags == {"a": "b"}
    assert found.serial == int(found.version) == 2
    assert found.time_created.tzinfo is not None
    assert len(found.nameservers) == 2


def test_zones_are_listed_and_paged(world: RunningWorld, phoenix: DnsClient, zone: Any) -> None:
    other = data(
        phoenix.create_zone(
            CreateZoneDetails(name="a.example", zone_type="PRIMARY", compartment_id=world.world.compartment)
        )
    )
    first = phoenix.list_zones(world.world.compartment, limit=1)
    assert [row.name for row in data(first)] == ["a.example"]
    second = phoenix.list_zones(world.world.compartment, limit=1, page=header(first, "opc-next-page"))
    assert [row.name for row in data(second)] == ["fittrack.example"]
    assert header(second, "opc-next-page") is None
    assert [row.id for row in data(phoenix.list_zones(world.world.compartment, name="fittrack.example"))] == [zone.id]
    phoenix.delete_zone(other.id)
    with pytest.raises(ServiceError) as caught:
        phoenix.get_zone(other.id)
    assert error(caught) == (404, "NotAuthorizedOrNotFound")


def test_zones_that_cannot_be(world: RunningWorld, phoenix: DnsClient, zone: Any) -> None:
    compartment = world.world.compartment
    with pytest.raises(ServiceError) as caught:
        phoenix.create_zone(CreateZoneDetails(name=zone.name, zone_type="PRIMARY", compartment_id=compartment))
    assert error(caught) == (409, "Conflict")
    with pytest.raises(ServiceError) as caught:
        phoenix.create_zone(CreateZoneDetails(name="a..b", zone_type="PRIMARY", compartment_id=compartment))
    assert error(caught) == (400, "InvalidParameter")
    with pytest.raises(ServiceError) as caught:
        phoenix.create_zone(
            CreateZoneDetails(name="b.example", zone_type="PRIMARY", compartment_id=compartment, scope="PRIVATE")
        )
    assert error(caught) == (501, "NotImplemented")


def test_tags_change_without_the_serial(phoenix: DnsClient, zone: Any) -> None:
    changed = data(phoenix.update_zone(zone.id, UpdateZoneDetails(freeform_tags={"c": "d"})))
    assert (changed.freeform_tags, changed.serial) == ({"c": "d"}, zone.serial)


def test_a_swap_that_finds_the_old_value_happens_whole(ashburn: DnsClient, phoenix: DnsClient, zone: Any) -> None:
    before = phoenix.get_rr_set(zone.id, NAME, "A")
    answer = ashburn.patch_rr_set(zone.id, NAME, "A", swap(OLD, NEW))
    (record,) = data(answer).items
    assert (record.rdata, record.ttl, record.domain, record.rtype) == (NEW, 60, NAME, "A")
    assert header(answer, "etag") != header(before, "etag")
    assert held(phoenix, zone) == [(NEW, 60)]
    after = data(phoenix.get_zone(zone.id))
    assert after.serial == zone.serial + 1
    assert record.rrset_version == after.version


def test_a_swap_that_finds_another_value_changes_nothing(phoenix: DnsClient, zone: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        phoenix.patch_rr_set(zone.id, NAME, "A", swap(THIRD, NEW))
    assert error(caught) == (409, "Conflict")
    assert THIRD in str(caught.value.message)
    assert held(phoenix, zone) == [(OLD, 60)]
    assert data(phoenix.get_zone(zone.id)).serial == zone.serial


def test_of_two_swaps_from_one_value_one_happens(ashburn: DnsClient, phoenix: DnsClient, zone: Any) -> None:
    phoenix.patch_rr_set(zone.id, NAME, "A", swap(OLD, NEW))
    with pytest.raises(ServiceError):
        ashburn.patch_rr_set(zone.id, NAME, "A", swap(OLD, THIRD))
    assert held(phoenix, zone) == [(NEW, 60)]


def test_prohibit_guards_a_creation(phoenix: DnsClient, zone: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        phoenix.patch_rr_set(zone.id, NAME, "A", patch(line("PROHIBIT"), add(NEW)))
    assert error(caught) == (409, "Conflict")
    phoenix.delete_rr_set(zone.id, NAME, "A")
    assert held(phoenix, zone) == []
    phoenix.patch_rr_set(zone.id, NAME, "A", patch(line("PROHIBIT"), add(NEW)))
    assert held(phoenix, zone) == [(NEW, 60)]


def test_preconditions_look_at_read_only_fields_too(phoenix: DnsClient, zone: Any) -> None:
    (record,) = data(phoenix.get_rr_set(zone.id, NAME, "A")).items
    wrong = line("REQUIRE", OLD, rrset_version="999")
    with pytest.raises(ServiceError):
        phoenix.patch_rr_set(zone.id, NAME, "A", patch(wrong, add(NEW)))
    right = line("REQUIRE", OLD, rrset_version=record.rrset_version, record_hash=record.record_hash)
    phoenix.patch_rr_set(zone.id, NAME, "A", patch(right, add(NEW)))
    assert held(phoenix, zone) == [(OLD, 60), (NEW, 60)]


def test_add_and_remove_of_what_is_so_already_change_nothing(phoenix: DnsClient, zone: Any) -> None:
    phoenix.patch_rr_set(zone.id, NAME, "A", patch(add(OLD), line("REMOVE", THIRD)))
    assert data(phoenix.get_zone(zone.id)).serial == zone.serial


def test_add_without_data_changes_the_ttl_of_the_set(phoenix: DnsClient, zone: Any) -> None:
    phoenix.patch_rr_set(zone.id, NAME, "A", patch(line("ADD", ttl=30)))
    assert held(phoenix, zone) == [(OLD, 30)]


def test_if_match_names_the_state_that_was_read(phoenix: DnsClient, zone: Any) -> None:
    etag = header(phoenix.get_rr_set(zone.id, NAME, "A"), "etag")
    phoenix.patch_rr_set(zone.id, NAME, "A", swap(OLD, NEW), if_match=etag)
    with pytest.raises(ServiceError) as caught:
        phoenix.patch_rr_set(zone.id, NAME, "A", swap(NEW, OLD), if_match=etag)
    assert error(caught) == (412, "NoEtagMatch")
    # Another set's change leaves this set's version alone.
    etag = header(phoenix.get_rr_set(zone.id, NAME, "A"), "etag")
    text = UpdateRRSetDetails(items=[RecordDetails(domain=NAME, rtype="TXT", rdata="hello", ttl=60)])
    phoenix.update_rr_set(zone.id, NAME, "TXT", text)
    assert header(phoenix.get_rr_set(zone.id, NAME, "A"), "etag") == etag


def test_update_replaces_the_set(phoenix: DnsClient, zone: Any) -> None:
    records = [RecordDetails(domain=NAME, rtype="A", rdata=rdata, ttl=120) for rdata in (NEW, THIRD)]
    phoenix.update_rr_set(zone.id, NAME, "A", UpdateRRSetDetails(items=records))
    assert held(phoenix, zone) == [(NEW, 120), (THIRD, 120)]


@pytest.mark.parametrize(
    ("domain", "rtype", "fields"),
    [
        (NAME, "A", {"rdata": "not an address", "ttl": 60}),
        (NAME, "A", {"rdata": NEW, "ttl": -1}),
        (NAME, "A", {"rdata": NEW, "ttl": 61}),
        (NAME, "CNAME", {"rdata": "a.example.", "ttl": 60}),
        (NAME, "NONSENSE", {"rdata": NEW, "ttl": 60}),
        ("app.elsewhere.example", "A", {"rdata": NEW, "ttl": 60}),
        ("fittrack.example", "SOA", {"rdata": "a. b. 1 2 3 4 5", "ttl": 60}),
    ],
    ids=["data", "ttl", "two-ttls", "alias-beside-data", "type", "outside", "protected"],
)
def test_records_that_cannot_be(phoenix: DnsClient, zone: Any, domain: str, rtype: str, fields: dict[str, Any]) -> None:
    record = RecordOperation(operation="ADD", domain=domain, rtype=rtype, **fields)
    with pytest.raises(ServiceError) as caught:
        phoenix.patch_zone_records(zone.id, PatchZoneRecordsDetails(items=[record]))
    assert error(caught) == (400, "InvalidParameter")
    assert data(phoenix.get_zone(zone.id)).serial == zone.serial


def test_a_patch_of_one_set_cannot_reach_another(phoenix: DnsClient, zone: Any) -> None:
    stray = RecordOperation(operation="ADD", domain="www.fittrack.example", rtype="A", rdata=NEW, ttl=60)
    with pytest.raises(ServiceError) as caught:
        phoenix.patch_rr_set(zone.id, NAME, "A", PatchRRSetDetails(items=[stray]))
    assert error(caught) == (400, "InvalidParameter")


def test_records_of_the_zone_are_listed(phoenix: DnsClient, zone: Any) -> None:
    everything = data(phoenix.get_zone_records(zone.id)).items
    assert {(record.domain, record.rtype) for record in everything} == {
        (NAME, "A"),
        ("fittrack.example", "NS"),
        ("fittrack.example", "SOA"),
    }
    assert [r.rdata for r in data(phoenix.get_zone_records(zone.id, rtype="A")).items] == [OLD]
    assert [r.rdata for r in data(phoenix.get_domain_records(zone.id, NAME)).items] == [OLD]


def test_the_change_is_served_when_it_is_published(world: RunningWorld, phoenix: DnsClient, zone: Any) -> None:
    server = world.world.edge.authoritative
    phoenix.patch_rr_set(zone.id, NAME, "A", swap(OLD, NEW))
    jump(world.world.clock_file, 10)
    until(lambda: addresses(ask(server, NAME)) == [(NEW, 60)], "the new address is served")


def test_without_the_edge_the_service_is_unavailable(make_world: Any) -> None:
    with make_world() as world:
        client = world.client(DnsClient)
        assert data(client.list_zones(world.world.compartment)) == []
        edge = world.admin_pid("edge")

        os.kill(edge, signal.SIGKILL)
        until(lambda: world.status()["edge"] == "dead", "the edge is dead")
        with pytest.raises(ServiceError) as caught:
            client.list_zones(world.world.compartment)
        assert error(caught) == (503, "ServiceUnavailable")
