"""The DNS service as each region's API offers it: authenticated there, done at the edge."""

from __future__ import annotations

from simulator.cloud.service import Service
from simulator.edge.forward import declare

SERVICE = Service("dns", "/20180115")
SERVICES = (SERVICE,)

_RRSET = "/zones/{zoneNameOrId}/records/{domain}/{rtype}"

declare(
    SERVICE,
    {
        "CreateZone": ("POST", "/zones"),
        "ListZones": ("GET", "/zones"),
        "GetZone": ("GET", "/zones/{zoneNameOrId}"),
        "UpdateZone": ("PUT", "/zones/{zoneNameOrId}"),
        "DeleteZone": ("DELETE", "/zones/{zoneNameOrId}"),
        "GetZoneRecords": ("GET", "/zones/{zoneNameOrId}/records"),
        "PatchZoneRecords": ("PATCH", "/zones/{zoneNameOrId}/records"),
        "GetDomainRecords": ("GET", "/zones/{zoneNameOrId}/records/{domain}"),
        "GetRRSet": ("GET", _RRSET),
        "UpdateRRSet": ("PUT", _RRSET),
        "PatchRRSet": ("PATCH", _RRSET),
        "DeleteRRSet": ("DELETE", _RRSET),
    },
)
