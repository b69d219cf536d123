"""A public DNS zone as a value: its records, its versions, and the changes OCI's DNS service knows.

Pure: a change answers a new zone or raises ``RecordError``/``PreconditionError`` and leaves the old one as it was, so
that a patch either happens whole or not at all. A zone's version counts its changes and is the serial of its SOA; an
RRSet's version is the zone's version at which that set last changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

NAME_SERVERS = ("ns1.edge.oraclecloud.example", "ns2.edge.oraclecloud.example")
"""What the NS records of every zone name; the addresses are the edge's own."""

SOA_TTL = 300
SOA_MINIMUM = 1800
NS_TTL = 86400
MAX_TTL = 604800
PROTECTED_TYPES = frozenset({"SOA"})
OPERATIONS = ("REQUIRE", "PROHIBIT", "ADD", "REMOVE")


class RecordError(ValueError):
    """A record or operation that the zone cannot hold; OCI answers 400 InvalidParameter."""


class PreconditionError(Exception):
    """A REQUIRE that found nothing, or a PROHIBIT that found something."""


@dataclass(frozen=True)
class Record:
    """One resource record. Names are lower case without the final dot, rdata is in normal presentation form."""

    domain: str
    rtype: str
    rdata: str
    ttl: int

    @property
    def record_hash(self) -> str:
        """Identifies the record within its zone: name, type and data; the TTL belongs to the set."""
        text = f"{self.domain}\0{self.rtype}\0{self.rdata}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    @property
    def rrset(self) -> tuple[str, str]:
        """The set it belongs to."""
        return (self.domain, self.rtype)


@dataclass(frozen=True)
class Operation:
    """One line of a patch. What is None matches (REQUIRE, PROHIBIT, REMOVE) or keeps (ADD) whatever is there."""

    operation: str
    domain: str
    rtype: str
    rdata: str | None = None
    ttl: int | None = None
    record_hash: str | None = None
    rrset_version: str | None = None

    def matches(self, record: Record, rrset_version: int) -> bool:
        """Whether the record is one that this line describes, read-only fields included."""
        return (
            record.rrset == (self.domain, self.rtype)
            and self.rdata in (None, record.rdata)
            and self.ttl in (None, record.ttl)
            and self.record_hash in (None, record.record_hash)
            and self.rrset_version in (None, str(rrset_version))
        )


@dataclass(frozen=True)
class Zone:
    """A primary public zone. ``created`` is an RFC 3339 moment of world time."""

    id: str
    name: str
    compartment_id: str
    created: str
    version: int
    records: tuple[Record, ...]
    rrset_versions: Mapping[tuple[str, str], int]
    freeform_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    defined_tags: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def rrset(self, domain: str, rtype: str) -> tuple[Record, ...]:
        """The records of one set, ordered by their hash as the service lists them."""
        found = (record for record in self.records if record.rrset == (domain, rtype))
        return tuple(sorted(found, key=lambda record: record.record_hash))

    def rrset_version(self, domain: str, rtype: str) -> int:
        """The version at which the set last changed; 0 for one that never was."""
        return self.rrset_versions.get((domain, rtype), 0)

    def replace_rrset(self, domain: str, rtype: str, records: Sequence[Record]) -> Zone:
        """The zone with the set holding exactly these records (none: the set is gone)."""
        for record in records:
            if record.rrset != (domain, rtype):
                raise RecordError(f"the record {record.domain} {record.rtype} is not of the RRSet {domain} {rtype}")
        kept = [record for record in self.records if record.rrset != (domain, rtype)]
        return self._changed_to([*kept, *records])

    def patch(self, operations: Sequence[Operation]) -> Zone:
        """The zone after the patch: every precondition against what is there now, then ADD and REMOVE in order."""
        for line in operations:
            found = any(line.matches(record, self.rrset_version(*record.rrset)) for record in self.records)
            if line.operation == "REQUIRE" and not found:
                raise PreconditionError(f"REQUIRE: no record {_described(line)}")
            if line.operation == "PROHIBIT" and found:
                raise PreconditionError(f"PROHIBIT: there is a record {_described(line)}")
        records = list(self.records)
        for line in operations:
            if line.operation == "REMOVE":
                records = [r for r in records if not line.matches(r, self.rrset_version(*r.rrset))]
            elif line.operation == "ADD":
                records = _added(records, line)
        return self._changed_to(records)

    def with_tags(self, freeform: Mapping[str, str], defined: Mapping[str, Any]) -> Zone:
        """The zone with other tags: metadata, so that version and serial stay."""
        return dataclasses.replace(self, freeform_tags=freeform, defined_tags=defined)

    def _changed_to(self, records: Sequence[Record]) -> Zone:
        """The next version holding ``records``; the same zone where nothing differs."""
        before, after = set(self.records), set(records)
        if before == after:
            return self
        self._check(records, before ^ after)
        version = self.version + 1
        versions = dict(self.rrset_versions)
        for record in before ^ after:
            versions[record.rrset] = version
        versions[(self.name, "SOA")] = version
        renewed = tuple(soa_record(self.name, version) if r.rtype == "SOA" else r for r in records)
        return dataclasses.replace(self, version=version, records=renewed, rrset_versions=versions)

    def _check(self, records: Sequence[Record], changed: Iterable[Record]) -> None:
        """Raises ``RecordError`` for what no zone may hold."""
        for record in changed:
            if record.rtype in PROTECTED_TYPES or record.rrset == (self.name, "NS"):
                raise RecordError(f"the {record.rtype} records of {self.name} are protected")
            if record.domain != self.name and not record.domain.endswith("." + self.name):
                raise RecordError(f"{record.domain} is not in the zone {self.name}")
            if record.rtype == "NS" or "*" in record.domain:
                raise RecordError(f"{record.domain} {record.rtype}: delegations and wildcards are not simulated")
        _check_sets(records)


def _check_sets(records: Sequence[Record]) -> None:
    ttls: dict[tuple[str, str], int] = {}
    types: dict[str, set[str]] = {}
    for record in records:
        types.setdefault(record.domain, set()).add(record.rtype)
        if ttls.setdefault(record.rrset, record.ttl) != record.ttl:
            raise RecordError(f"the records of {record.domain} {record.rtype} must have one TTL")
    for domain, held in types.items():
        if "CNAME" in held and (len(held) > 1 or sum(r.rrset == (domain, "CNAME") for r in records) > 1):
            raise RecordError(f"{domain} cannot hold a CNAME and other records")


def _added(records: Sequence[Record], line: Operation) -> list[Record]:
    """The records with the line's data present; without rdata, every record of the set with the line's TTL."""
    members = [r for r in records if r.rrset == (line.domain, line.rtype)]
    ttl = line.ttl if line.ttl is not None else next((r.ttl for r in members), None)
    if ttl is None:
        raise RecordError(f"ADD {line.domain} {line.rtype}: ttl is required")
    others = [r for r in records if r.rrset != (line.domain, line.rtype)]
    if line.rdata is None:
        return [*others, *(dataclasses.replace(r, ttl=ttl) for r in members)]
    kept = [r for r in members if r.rdata != line.rdata]
    return [*others, *kept, Record(line.domain, line.rtype, line.rdata, ttl)]


def _described(line: Operation) -> str:
    parts = [line.domain, line.rtype]
    parts += [f"rdata={line.rdata}"] if line.rdata is not None else []
    parts += [f"ttl={line.ttl}"] if line.ttl is not None else []
    return " ".join(parts)


def new_zone(zone_id: str, name: str, compartment_id: str, created: str) -> Zone:
    """A zone as the service makes it: SOA and NS records only, version 1."""
    normal = normal_name(name)
    servers = [Record(normal, "NS", f"{server}.", NS_TTL) for server in NAME_SERVERS]
    records = (soa_record(normal, 1), *servers)
    versions = {record.rrset: 1 for record in records}
    return Zone(zone_id, normal, compartment_id, created, 1, records, versions)


def soa_record(zone: str, serial: int) -> Record:
    """The SOA: refresh, retry and expiry as OCI sets them; negative answers live min(TTL, minimum) = 300 s."""
    rdata = f"{NAME_SERVERS[0]}. hostmaster.{zone}. {serial} 3600 600 604800 {SOA_MINIMUM}"
    return Record(zone, "SOA", rdata, SOA_TTL)


def normal_name(text: str) -> str:
    """A domain name in the form the zones use; raises ``RecordError`` for what is none."""
    try:
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise RecordError(f"{text!r} is not a domain name") from error
    if name == dns.name.root:
        raise RecordError("the root is not a zone of this service")
    return name.to_text(omit_final_dot=True).lower()


def normal_type(text: str) -> str:
    """A record type's mnemonic in upper case; raises ``RecordError`` for an unknown or a query-only one."""
    try:
        rtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise RecordError(f"{text!r} is not a record type") from error
    if dns.rdatatype.is_metatype(rtype):
        raise RecordError(f"{text} is not a type of stored records")
    return dns.rdatatype.to_text(rtype)


def normal_rdata(rtype: str, text: str) -> str:
    """Record data in normal form, names in it absolute; raises ``RecordError`` where it is not of the type."""
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, text, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise RecordError(f"{text!r} is not data of a {rtype} record") from error
    return rdata.to_text()


def normal_ttl(value: object) -> int:
    """A TTL in seconds, 0 to 604800; raises ``RecordError``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TTL:
        raise RecordError(f"ttl {value!r} is not a whole number of seconds from 0 to {MAX_TTL}")
    return value
