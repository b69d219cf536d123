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
        "create_zone": ("POST", "/zones"),
        "list_zones": ("GET", "/zones"),
        "get_zone": ("GET", "/zones/{zoneNameOrId}"),
        "update_zone": ("PUT", "/zones/{zoneNameOrId}"),
        "delete_zone": ("DELETE", "/zones/{zoneNameOrId}"),
        "get_zone_records": ("GET", "/zones/{zoneNameOrId}/records"),
        "patch_zone_records": ("PATCH", "/zones/{zoneNameOrId}/records"),
        "get_domain_records": ("GET", "/zones/{zoneNameOrId}/records/{domain}"),
        "get_rr_set": ("GET", _RRSET),
        "update_rr_set": ("PUT", _RRSET),
        "patch_rr_set": ("PATCH", _RRSET),
        "delete_rr_set": ("DELETE", _RRSET),
    },
)
