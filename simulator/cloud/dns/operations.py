"""What each call of the DNS service does, at the edge, to the zones.

A patch of records is compare-and-swap: its REQUIRE and PROHIBIT lines are checked against the zone as it is, and the
whole patch happens or none of it. Oracle documents the operations but not the error of a precondition that fails;
here it is 409 Conflict, and a client does well to treat 409 and 412 alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.cloud.dns.book import ZoneBook
from simulator.cloud.dns.zones import (
    NAME_SERVERS,
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
from simulator.cloud.http import paginate, require_match, timestamp
from simulator.cloud.service import Reply, Request, ServiceError, not_found
from simulator.kernel.clock import WorldClock

Handler = Callable[[str, Request], Reply]


class DnsOperations:
    """The service's calls by operation name; the first argument of each is the region that forwarded it."""

    def __init__(self, book: ZoneBook, clock: WorldClock, new_ocid: Callable[[str], str]) -> None:
        self._book = book
        self._clock = clock
        self._new_ocid = new_ocid
        self.handlers: dict[str, Handler] = {
            "create_zone": self.create_zone,
            "get_zone": self.get_zone,
            "list_zones": self.list_zones,
            "update_zone": self.update_zone,
            "delete_zone": self.delete_zone,
            "get_zone_records": self.get_zone_records,
            "patch_zone_records": self.patch_zone_records,
            "get_domain_records": self.get_domain_records,
            "get_rr_set": self.get_rrset,
            "update_rr_set": self.update_rrset,
            "patch_rr_set": self.patch_rrset,
            "delete_rr_set": self.delete_rrset,
        }

    def create_zone(self, _region: str, request: Request) -> Reply:
        """POST /zones."""
        _only_public(request)
        if request.need("zoneType") != "PRIMARY":
            raise ServiceError(501, "NotImplemented", "create_zone: only PRIMARY zones are simulated")
        try:
            name = normal_name(str(request.need("name")))
        except RecordError as problem:
            raise _invalid(problem) from problem
        if self._book.get(name) is not None:
            raise ServiceError(409, "Conflict", f"the zone {name} already exists")
        created = timestamp(self._clock.now())
        zone = new_zone(self._new_ocid("dns-zone"), name, str(request.need("compartmentId")), created)
        zone = zone.with_tags(request.body.get("freeformTags") or {}, request.body.get("definedTags") or {})
        self._book.put(zone)
        return _zone_reply(zone, status=201)

    def get_zone(self, _region: str, request: Request) -> Reply:
        """GET /zones/{zoneNameOrId}."""
        return _zone_reply(self._zone(request))

    def list_zones(self, _region: str, request: Request) -> Reply:
        """GET /zones."""
        _only_public(request)
        query = request.query
        wanted = [
            zone
            for zone in sorted(self._book.zones, key=lambda zone: zone.name, reverse=query.get("sortOrder") == "DESC")
            if zone.compartment_id == query.get("compartmentId")
            and query.get("name", zone.name).lower().rstrip(".") == zone.name
            and query.get("nameContains", "") in zone.name
            and query.get("zoneType", "PRIMARY") == "PRIMARY"
            and query.get("lifecycleState", "ACTIVE") == "ACTIVE"
        ]
        items, headers = paginate(request, wanted)
        return Reply([_zone_body(zone) for zone in items], headers=headers)

    def update_zone(self, _region: str, request: Request) -> Reply:
        """PUT /zones/{zoneNameOrId}: tags only."""
        zone = self._zone(request)
        require_match(request, _zone_etag(zone))
        if extra := set(request.body) - {"freeformTags", "definedTags"}:
            raise ServiceError(501, "NotImplemented", f"update_zone: {', '.join(sorted(extra))} cannot be changed")
        freeform = request.body.get("freeformTags", zone.freeform_tags)
        changed = zone.with_tags(freeform, request.body.get("definedTags", zone.defined_tags))
        self._book.put(changed)
        return _zone_reply(changed)

    def delete_zone(self, _region: str, request: Request) -> Reply:
        """DELETE /zones/{zoneNameOrId}."""
        zone = self._zone(request)
        require_match(request, _zone_etag(zone))
        self._book.delete(zone)
        return Reply(status=204)

    def get_zone_records(self, _region: str, request: Request) -> Reply:
        """GET /zones/{zoneNameOrId}/records."""
        zone = self._zone(request)
        return self._records(request, zone, domain=request.query.get("domain"), rtype=request.query.get("rtype"))

    def get_domain_records(self, _region: str, request: Request) -> Reply:
        """GET /zones/{zoneNameOrId}/records/{domain}."""
        zone = self._zone(request)
        return self._records(request, zone, domain=request.path["domain"], rtype=request.query.get("rtype"))

    def get_rrset(self, _region: str, request: Request) -> Reply:
        """GET /zones/{zoneNameOrId}/records/{domain}/{rtype}; a set that is not there is an empty one."""
        zone = self._zone(request)
        domain, rtype = _set_of(request)
        items, headers = paginate(request, zone.rrset(domain, rtype))
        headers["etag"] = _set_etag(zone, domain, rtype)
        return Reply({"items": [_record_body(zone, record) for record in items]}, headers=headers)

    def update_rrset(self, _region: str, request: Request) -> Reply:
        """PUT …/records/{domain}/{rtype}: the set holds exactly the given records."""
        domain, rtype = _set_of(request)
        records = [_record(item, domain, rtype) for item in _items(request)]
        return self._change_set(request, lambda zone: zone.replace_rrset(domain, rtype, records))

    def patch_rrset(self, _region: str, request: Request) -> Reply:
        """PATCH …/records/{domain}/{rtype}: compare-and-swap on one set."""
        domain, rtype = _set_of(request)
        lines = [_operation(item, domain, rtype) for item in _items(request)]
        for line in lines:
            if (line.domain, line.rtype) != (domain, rtype):
                problem = f"{line.domain} {line.rtype} is not of the RRSet {domain} {rtype}"
                raise ServiceError(400, "InvalidParameter", problem)
        return self._change_set(request, lambda zone: zone.patch(lines))

    def delete_rrset(self, _region: str, request: Request) -> Reply:
        """DELETE …/records/{domain}/{rtype}."""
        domain, rtype = _set_of(request)
        self._change_set(request, lambda zone: zone.replace_rrset(domain, rtype, []))
        return Reply(status=204)

    def patch_zone_records(self, _region: str, request: Request) -> Reply:
        """PATCH /zones/{zoneNameOrId}/records: compare-and-swap over any records of the zone."""
        zone = self._zone(request)
        require_match(request, _zone_etag(zone))
        lines = [_operation(item, None, None) for item in _items(request)]
        changed = self._change(zone, lambda current: current.patch(lines))
        return self._records(request, changed, domain=None, rtype=None)

    def _zone(self, request: Request) -> Zone:
        _only_public(request)
        key = request.path["zoneNameOrId"]
        zone = self._book.get(key if key.startswith("ocid1.") else key.lower().rstrip("."))
        if zone is None:
            raise not_found(f"zone {key}")
        return zone

    def _change_set(self, request: Request, change: Callable[[Zone], Zone]) -> Reply:
        zone = self._zone(request)
        domain, rtype = _set_of(request)
        require_match(request, _set_etag(zone, domain, rtype))
        changed = self._change(zone, change)
        items = [_record_body(changed, record) for record in changed.rrset(domain, rtype)]
        headers = {"etag": _set_etag(changed, domain, rtype), "opc-total-items": str(len(items))}
        return Reply({"items": items}, headers=headers)

    def _change(self, zone: Zone, change: Callable[[Zone], Zone]) -> Zone:
        try:
            changed = change(zone)
        except RecordError as problem:
            raise _invalid(problem) from problem
        except PreconditionError as problem:
            raise ServiceError(409, "Conflict", str(problem)) from problem
        if changed is not zone:
            self._book.put(changed)
        return changed

    def _records(self, request: Request, zone: Zone, *, domain: str | None, rtype: str | None) -> Reply:
        wanted_domain = None if domain is None else domain.lower().rstrip(".")
        contains = request.query.get("domainContains", "")
        wanted = [
            record
            for record in sorted(zone.records, key=lambda record: (record.domain, record.rtype, record.rdata))
            if wanted_domain in (None, record.domain)
            and contains in record.domain
            and (rtype is None or rtype.upper() == record.rtype)
        ]
        items, headers = paginate(request, wanted)
        headers["etag"] = _zone_etag(zone)
        return Reply({"items": [_record_body(zone, record) for record in items]}, headers=headers)


def _only_public(request: Request) -> None:
    scope = request.query.get("scope") or request.body.get("scope") or "GLOBAL"
    if scope != "GLOBAL" or request.query.get("viewId") or request.body.get("viewId"):
        raise ServiceError(501, "NotImplemented", "private zones and views are not simulated")


def _invalid(problem: RecordError) -> ServiceError:
    return ServiceError(400, "InvalidParameter", str(problem))


def _set_of(request: Request) -> tuple[str, str]:
    try:
        return normal_name(request.path["domain"]), normal_type(request.path["rtype"])
    except RecordError as problem:
        raise _invalid(problem) from problem


def _items(request: Request) -> list[dict[str, Any]]:
    items = request.need("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ServiceError(400, "InvalidParameter", "items must be a list of records")
    return items


def _record(item: dict[str, Any], domain: str, rtype: str) -> Record:
    """A record as a replaced set takes it: everything stated."""
    line = _operation({**item, "operation": "ADD"}, domain, rtype)
    if line.rdata is None or line.ttl is None:
        raise ServiceError(400, "InvalidParameter", f"{line.domain} {line.rtype}: rdata and ttl must not be null")
    return Record(line.domain, line.rtype, line.rdata, line.ttl)


def _operation(item: dict[str, Any], domain: str | None, rtype: str | None) -> Operation:
    """One line of a patch; without an operation it is ADD, without domain or type it is the path's."""
    operation = item.get("operation") or "ADD"
    if operation not in OPERATIONS:
        raise ServiceError(400, "InvalidParameter", f"operation {operation!r} is not one of {', '.join(OPERATIONS)}")
    named, typed = item.get("domain") or domain, item.get("rtype") or rtype
    if named is None or typed is None:
        raise ServiceError(400, "InvalidParameter", "each record needs domain and rtype")
    try:
        normal = normal_type(str(typed))
        return Operation(
            operation=operation,
            domain=normal_name(str(named)),
            rtype=normal,
            rdata=None if item.get("rdata") is None else normal_rdata(normal, str(item["rdata"])),
            ttl=None if item.get("ttl") is None else normal_ttl(item["ttl"]),
            record_hash=item.get("recordHash"),
            rrset_version=item.get("rrsetVersion"),
        )
    except RecordError as problem:
        raise _invalid(problem) from problem


def _zone_etag(zone: Zone) -> str:
    return f'"{zone.version}{zone.id}#application/json"'


def _set_etag(zone: Zone, domain: str, rtype: str) -> str:
    return f'"{zone.rrset_version(domain, rtype)}{zone.id}/{domain}/{rtype}#application/json"'


def _zone_reply(zone: Zone, status: int = 200) -> Reply:
    return Reply(_zone_body(zone), status, headers={"etag": _zone_etag(zone)})


def _zone_body(zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": zone.name,
        "zoneType": "PRIMARY",
        "scope": "GLOBAL",
        "compartmentId": zone.compartment_id,
        "viewId": None,
        "freeformTags": dict(zone.freeform_tags),
        "definedTags": dict(zone.defined_tags),
        "resolutionMode": "STATIC",
        "dnssecState": "DISABLED",
        "externalMasters": [],
        "externalDownstreams": [],
        "self": f"/20180115/zones/{zone.id}",
        "timeCreated": zone.created,
        "version": str(zone.version),
        "serial": zone.version,
        "lifecycleState": "ACTIVE",
        "isProtected": False,
        "nameservers": [{"hostname": f"{server}."} for server in NAME_SERVERS],
        "zoneTransferServers": [],
    }


def _record_body(zone: Zone, record: Record) -> dict[str, Any]:
    protected = record.rtype == "SOA" or record.rrset == (zone.name, "NS")
    return {
        "domain": record.domain,
        "recordHash": record.record_hash,
        "isProtected": protected,
        "rdata": record.rdata,
        "rrsetVersion": str(zone.rrset_version(record.domain, record.rtype)),
        "rtype": record.rtype,
        "ttl": record.ttl,
    }
