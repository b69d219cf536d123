"""The authoritative name server's answers: what a zone says, that a name is not there, or that it is not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from simulator.cloud.dns.zones import SOA_MINIMUM, SOA_TTL, Zone

MAX_ALIASES = 8


@dataclass(frozen=True)
class ZoneIndex:
    """One version of a zone, ready for look-ups. ``names`` includes the empty non-terminals."""

    id: str
    version: int
    origin: dns.name.Name
    sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset]
    names: frozenset[dns.name.Name]

    @property
    def soa(self) -> dns.rrset.RRset:
        """The SOA as a negative answer carries it: its TTL is how long the absence may be remembered (RFC 2308)."""
        held = self.sets[self.origin, dns.rdatatype.SOA]
        return dns.rrset.from_rdata_list(self.origin, min(SOA_TTL, SOA_MINIMUM), list(held))


def index(zone: Zone) -> ZoneIndex:
    """Sort a zone's records by name and type."""
    origin = dns.name.from_text(zone.name)
    sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
    names = {origin}
    for record in zone.records:
        name = dns.name.from_text(record.domain)
        rrset = dns.rrset.from_text(name, record.ttl, dns.rdataclass.IN, record.rtype, record.rdata)
        held = sets.setdefault((name, rrset.rdtype), rrset)
        if held is not rrset:
            held.update(rrset)
        while name != origin:
            names.add(name)
            name = name.parent()
    return ZoneIndex(zone.id, zone.version, origin, sets, frozenset(names))


class Authority:
    """Answers queries from the zones as they are now; ``zones`` is asked at each query."""

    def __init__(self, zones: Callable[[], Iterable[Zone]]) -> None:
        self._zones = zones
        self._indexes: dict[str, ZoneIndex] = {}

    async def answer(self, query: dns.message.Message, source: str) -> dns.message.Message | None:
        """The response to a well-formed query with one question."""
        response = dns.message.make_response(query)
        question = query.question[0]
        zone = self._zone_of(question.name)
        if zone is None:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        response.flags |= dns.flags.AA
        self._fill(response, zone, question.name, question.rdtype)
        return response

    def _fill(
        self,
        response: dns.message.Message,
        zone: ZoneIndex,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
    ) -> None:
        """Answer section for ``name``, following aliases as far as our zones reach."""
        for _ in range(MAX_ALIASES):
            found = _found(zone, name, rdtype)
            if found:
                response.answer.extend(found)
                return
            alias = zone.sets.get((name, dns.rdatatype.CNAME))
            if alias is None:
                if name not in zone.names:
                    response.set_rcode(dns.rcode.NXDOMAIN)
                response.authority.append(zone.soa)
                return
            response.answer.append(alias)
            name = alias_target(alias)
            target = self._zone_of(name)
            if target is None:
                return
            zone = target

    def _zone_of(self, name: dns.name.Name) -> ZoneIndex | None:
        """The zone closest to the name, or None for a name that is none of ours."""
        best: ZoneIndex | None = None
        for zone in self._zones():
            held = self._indexes.get(zone.id)
            if held is None or held.version != zone.version:
                held = self._indexes[zone.id] = index(zone)
            if name.is_subdomain(held.origin) and (best is None or len(held.origin) > len(best.origin)):
                best = held
        return best


def alias_target(alias: dns.rrset.RRset) -> dns.name.Name:
    """Where a CNAME set leads."""
    return dns.name.from_text(next(iter(alias)).to_text())


def _found(zone: ZoneIndex, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
    if rdtype == dns.rdatatype.ANY:
        return [rrset for (owner, _), rrset in zone.sets.items() if owner == name]
    rrset = zone.sets.get((name, rdtype))
    return [] if rrset is None else [rrset]
