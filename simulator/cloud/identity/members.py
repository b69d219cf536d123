"""Who is in which group."""

from __future__ import annotations

from simulator.cloud.http import require_match, timestamp
from simulator.cloud.identity import changes, state
from simulator.cloud.identity.base import SERVICE, etag_of, global_ocid, listed, need, require_tenancy, shown
from simulator.cloud.service import Region, Reply, Request, ServiceError


@SERVICE.operation("GET", "/userGroupMemberships", "list_user_group_memberships")
def list_user_group_memberships(region: Region, request: Request) -> Reply:
    """Memberships, of one user or one group when asked."""
    require_tenancy(region, request.query.get("compartmentId"))
    wanted = {key: request.query[key] for key in ("userId", "groupId") if key in request.query}
    return listed(request, region.store.find(state.MEMBERSHIP, **wanted))


@SERVICE.operation("GET", "/userGroupMemberships/{userGroupMembershipId}", "get_user_group_membership")
def get_user_group_membership(region: Region, request: Request) -> Reply:
    """One."""
    return shown(need(region, state.MEMBERSHIP, request.path["userGroupMembershipId"]))


@SERVICE.operation("POST", "/userGroupMemberships", "add_user_to_group")
def add_user_to_group(region: Region, request: Request) -> Reply:
    """Join. Raises 404 for an unknown user or group, 409 for a member."""
    changes.require_home(region)
    user = need(region, state.USER, request.need("userId"))
    group = need(region, state.GROUP, request.need("groupId"))
    if region.store.find(state.MEMBERSHIP, userId=user["id"], groupId=group["id"]):
        raise ServiceError(409, "MembershipAlreadyExists", f"{user['name']!r} is a member of {group['name']!r}")
    row = {
        "id": global_ocid(region, "groupmembership"),
        "compartmentId": region.world.tenancy,
        "groupId": group["id"],
        "userId": user["id"],
        "timeCreated": timestamp(region.clock.now()),
        "lifecycleState": "ACTIVE",
    }
    changes.write(region, state.MEMBERSHIP, row["id"], row)
    return shown(row)


@SERVICE.operation("DELETE", "/userGroupMemberships/{userGroupMembershipId}", "remove_user_from_group")
def remove_user_from_group(region: Region, request: Request) -> Reply:
    """Leave."""
    changes.require_home(region)
    row = need(region, state.MEMBERSHIP, request.path["userGroupMembershipId"])
    require_match(request, etag_of(row))
    changes.write(region, state.MEMBERSHIP, row["id"], None)
    return Reply(status=204)
