"""A zone under any sequence of patches: all or nothing, one version per change, preconditions against what was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cloud.dns.zones import (
    OPERATIONS,
    Operation,
    PreconditionError,
    Record,
    RecordError,
    Zone,
    new_zone,
    normal_name,
    normal_rdata,
    normal_ttl,
    normal_type,
)

DOMAINS = ("app.fittrack.example", "www.fittrack.example")
VALUES = {"A": ("127.0.0.1", "127.0.0.2"), "TXT": ('"x"',), "CNAME": ("a.example.",)}

lines = st.sampled_from(list(VALUES)).flatmap(
    lambda rtype: st.builds(
        Operation,
        operation=st.sampled_from(OPERATIONS),
        domain=st.sampled_from(DOMAINS),
        rtype=st.just(rtype),
        rdata=st.none() | st.sampled_from(VALUES[rtype]),
        ttl=st.none() | st.sampled_from([30, 60]),
    )
)


def empty() -> Zone:
    return new_zone("ocid1.dns-zone", "fittrack.example", "compartment", "2026-03-01T00:00:00Z")


def serial(zone: Zone) -> int:
    return int(zone.rrset("fittrack.example", "SOA")[0].rdata.split()[2])


def own(zone: Zone) -> set[Record]:
    return {record for record in zone.records if record.rtype != "SOA"}


def holds(zone: Zone, line: Operation) -> bool:
    found = any(line.matches(record, zone.rrset_version(*record.rrset)) for record in zone.records)
    return found if line.operation == "REQUIRE" else not found


@given(st.lists(st.lists(lines, max_size=4), max_size=6))
def test_any_sequence_of_patches(patches: Sequence[Sequence[Operation]]) -> None:
    zone = empty()
    for patch in patches:
        guards = [line for line in patch if line.operation in ("REQUIRE", "PROHIBIT")]
        try:
            changed = zone.patch(patch)
        except PreconditionError:
            assert not all(holds(zone, line) for line in guards)
            continue
        except RecordError:
            continue
        assert all(holds(zone, line) for line in guards)
        assert changed.version == zone.version + (own(changed) != own(zone))
        assert serial(changed) == changed.version
        for key in {record.rrset for record in own(changed) ^ own(zone)}:
            assert changed.rrset_version(*key) == changed.version
        for key in {record.rrset for record in own(changed) & own(zone)} - {r.rrset for r in own(changed) ^ own(zone)}:
            assert changed.rrset_version(*key) == zone.rrset_version(*key)
        _sane(changed)
        zone = changed


def _sane(zone: Zone) -> None:
    """One TTL per set, nothing beside an alias, always one SOA and two name servers."""
    for record in zone.records:
        assert len({member.ttl for member in zone.rrset(*record.rrset)}) == 1
        if record.rtype == "CNAME":
            assert [other.rtype for other in zone.records if other.domain == record.domain] == ["CNAME"]
    assert len(zone.rrset("fittrack.example", "SOA")) == 1
    assert len(zone.rrset("fittrack.example", "NS")) == 2


def test_a_failed_patch_leaves_the_zone_as_it_was() -> None:
    zone = empty().patch([Operation("ADD", DOMAINS[0], "A", "127.0.0.1", 60)])
    add = Operation("ADD", DOMAINS[0], "A", "127.0.0.2", 60)
    with pytest.raises(PreconditionError):
        zone.patch([add, Operation("REQUIRE", DOMAINS[0], "A", "127.0.0.9")])
    assert [record.rdata for record in zone.rrset(DOMAINS[0], "A")] == ["127.0.0.1"]


def test_input_is_normalized() -> None:
    assert normal_name("App.FitTrack.Example.") == "app.fittrack.example"
    assert normal_type("cname") == "CNAME"
    assert normal_rdata("CNAME", "a.example") == "a.example."
    assert normal_rdata("TXT", "plain words") == '"plain" "words"'
    assert normal_ttl(0) == 0


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".example"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(RecordError):
        normal_name(name)


@pytest.mark.parametrize("rtype", ["ANY", "NONSENSE", "AXFR"])
def test_types_that_are_not_stored(rtype: str) -> None:
    with pytest.raises(RecordError):
        normal_type(rtype)


@pytest.mark.parametrize("ttl", [-1, 604801, "60", True, 1.5, None])
def test_ttls_that_are_none(ttl: object) -> None:
    with pytest.raises(RecordError):
        normal_ttl(ttl)
