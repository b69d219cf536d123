"""The tenancy, its regions and compartments: what the world was made with."""

from __future__ import annotations

from typing import Any

from simulator.cloud.http import timestamp
from simulator.cloud.identity.base import SERVICE, listed, shown
from simulator.cloud.service import Region, Reply, Request, ServiceError, not_found


@SERVICE.operation("GET", "/tenancies/{tenancyId}", "get_tenancy")
def get_tenancy(region: Region, request: Request) -> Reply:
    """The tenancy, with the home region's key."""
    _require(region, request.path["tenancyId"])
    world = region.world
    return shown(
        {
            "id": world.tenancy,
            "name": world.namespace,
            "description": "The rehearsal's tenancy",
            "homeRegionKey": world.home_region.key.upper(),
            "freeformTags": {},
            "definedTags": {},
        }
    )


@SERVICE.operation("GET", "/tenancies/{tenancyId}/regionSubscriptions", "list_region_subscriptions")
def list_region_subscriptions(region: Region, request: Request) -> Reply:
    """Both regions, and which of them is home."""
    _require(region, request.path["tenancyId"])
    return Reply(
        [
            {
                "regionKey": place.key.upper(),
                "regionName": place.name,
                "status": "READY",
                "isHomeRegion": place.home,
            }
            for place in region.world.regions.values()
        ]
    )


@SERVICE.operation("GET", "/regions", "list_regions")
def list_regions(region: Region, _: Request) -> Reply:
    """The regions that there are."""
    return Reply([{"key": place.key.upper(), "name": place.name} for place in region.world.regions.values()])


@SERVICE.operation("GET", "/compartments", "list_compartments")
def list_compartments(region: Region, request: Request) -> Reply:
    """The root's one compartment."""
    parent = request.query.get("compartmentId")
    if not parent:
        raise ServiceError(400, "MissingParameter", "compartmentId is required")
    rows = [_compartment(region)] if parent == region.world.tenancy else []
    return listed(request, [row for row in rows if request.query.get("name") in (None, row["name"])])


@SERVICE.operation("GET", "/compartments/{compartmentId}", "get_compartment")
def get_compartment(region: Region, request: Request) -> Reply:
    """The one compartment."""
    if request.path["compartmentId"] != region.world.compartment:
        raise not_found("compartment")
    return shown(_compartment(region))


def _compartment(region: Region) -> dict[str, Any]:
    return {
        "id": region.world.compartment,
        "compartmentId": region.world.tenancy,
        "name": region.world.namespace,
        "description": "FitTrack",
        "timeCreated": timestamp(region.world.created),
        "lifecycleState": "ACTIVE",
        "freeformTags": {},
        "definedTags": {},
    }


def _require(region: Region, tenancy: str) -> None:
    if tenancy != region.world.tenancy:
        raise not_found("tenancy")
