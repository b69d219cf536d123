"""All zones, on disk: as the API shows them at once, and as the name server serves them a little later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from simulator.cloud.dns.zones import Record, Zone
from simulator.kernel.store import Store
from simulator.kernel.transitions import Transitions

_ZONE = "dns_zone"
_PUBLISHED = "dns_published"
_PUBLISH = "dns.publish"


class ZoneBook:
    """Zones by OCID. ``delay`` tells how many world seconds a change takes to reach the name servers."""

    def __init__(self, store: Store, transitions: Transitions, delay: Callable[[], float]) -> None:
        self._store = store
        self._transitions = transitions
        self._delay = delay
        self._zones = {doc["id"]: zone_of(doc) for doc in store.find(_ZONE)}
        self._published = {doc["id"]: zone_of(doc) for doc in store.find(_PUBLISHED)}
        transitions.register(_PUBLISH, self._publish)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """As the API shows them, in the order of creation."""
        return tuple(self._zones.values())

    @property
    def published(self) -> tuple[Zone, ...]:
        """As the authoritative server serves them."""
        return tuple(self._published.values())

    def get(self, name_or_id: str) -> Zone | None:
        """The zone with this OCID or (normal) name."""
        held = self._zones.get(name_or_id)
        return held or next((zone for zone in self._zones.values() if zone.name == name_or_id), None)

    def put(self, zone: Zone) -> None:
        """Keep a new or changed zone; the name servers follow."""
        with self._store.transaction():
            self._store.put(_ZONE, zone.id, document_of(zone))
            self._transitions.schedule(_PUBLISH, {"id": zone.id, "zone": document_of(zone)}, after=self._delay())
        self._zones[zone.id] = zone

    def delete(self, zone: Zone) -> None:
        """Forget a zone; the name servers follow."""
        with self._store.transaction():
            self._store.delete(_ZONE, zone.id)
            self._transitions.schedule(_PUBLISH, {"id": zone.id, "zone": None}, after=self._delay())
        del self._zones[zone.id]

    def _publish(self, payload: dict[str, Any], _due: datetime) -> None:
        identity, document = payload["id"], payload["zone"]
        if document is None:
            self._published.pop(identity, None)
            self._store.delete(_PUBLISHED, identity)
            return
        zone = zone_of(document)
        held = self._published.get(identity)
        # A change made while publication was slow may be overtaken by a later one; it must not come back.
        if held is None or held.version <= zone.version:
            self._published[identity] = zone
            self._store.put(_PUBLISHED, identity, document)


def document_of(zone: Zone) -> dict[str, Any]:
    """The zone as JSON."""
    return {
        "id": zone.id,
        "name": zone.name,
        "compartment_id": zone.compartment_id,
        "created": zone.created,
        "version": zone.version,
        "records": [asdict(record) for record in zone.records],
        "rrset_versions": [[domain, rtype, version] for (domain, rtype), version in zone.rrset_versions.items()],
        "freeform_tags": dict(zone.freeform_tags),
        "defined_tags": dict(zone.defined_tags),
    }


def zone_of(document: dict[str, Any]) -> Zone:
    """The inverse of ``document_of``."""
    fields = dict(document)
    records = tuple(Record(**record) for record in fields.pop("records"))
    versions = {(domain, rtype): number for domain, rtype, number in fields.pop("rrset_versions")}
    return Zone(records=records, rrset_versions=versions, **fields)
