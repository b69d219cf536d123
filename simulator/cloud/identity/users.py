"""Users and groups."""

from __future__ import annotations

from simulator.cloud.http import require_match
from simulator.cloud.identity import changes, state
from simulator.cloud.identity.base import (
    SERVICE,
    create_named,
    etag_of,
    listed,
    named_rows,
    need,
    shown,
    update_named,
)
from simulator.cloud.service import Region, Reply, Request, ServiceError


@SERVICE.operation("GET", "/users", "list_users")
def list_users(region: Region, request: Request) -> Reply:
    """The tenancy's users."""
    return listed(request, named_rows(region, request, state.USER))


@SERVICE.operation("POST", "/users", "create_user")
def create_user(region: Region, request: Request) -> Reply:
    """A user without keys or groups."""
    return shown(create_named(region, request, state.USER, "user"))


@SERVICE.operation("GET", "/users/{userId}", "get_user")
def get_user(region: Region, request: Request) -> Reply:
    """One user."""
    return shown(need(region, state.USER, request.path["userId"]))


@SERVICE.operation("PUT", "/users/{userId}", "update_user")
def update_user(region: Region, request: Request) -> Reply:
    """Description and tags."""
    return update_named(region, request, state.USER, request.path["userId"])


@SERVICE.operation("DELETE", "/users/{userId}", "delete_user")
def delete_user(region: Region, request: Request) -> Reply:
    """A user who is in no group; the user's keys go too."""
    changes.require_home(region)
    user = need(region, state.USER, request.path["userId"])
    require_match(request, etag_of(user))
    if region.store.find(state.MEMBERSHIP, userId=user["id"]):
        raise ServiceError(409, "Conflict", f"User {user['name']!r} is still a member of groups")
    with region.store.transaction():
        for key in region.store.find(state.API_KEY, userId=user["id"]):
            changes.write(region, state.API_KEY, key["keyId"], None)
        changes.write(region, state.USER, user["id"], None)
    return Reply(status=204)


@SERVICE.operation("GET", "/groups", "list_groups")
def list_groups(region: Region, request: Request) -> Reply:
    """The tenancy's groups."""
    return listed(request, named_rows(region, request, state.GROUP))


@SERVICE.operation("POST", "/groups", "create_group")
def create_group(region: Region, request: Request) -> Reply:
    """A group without members."""
    return shown(create_named(region, request, state.GROUP, "group"))


@SERVICE.operation("GET", "/groups/{groupId}", "get_group")
def get_group(region: Region, request: Request) -> Reply:
    """One group."""
    return shown(need(region, state.GROUP, request.path["groupId"]))


@SERVICE.operation("PUT", "/groups/{groupId}", "update_group")
def update_group(region: Region, request: Request) -> Reply:
    """Description and tags."""
    return update_named(region, request, state.GROUP, request.path["groupId"])


@SERVICE.operation("DELETE", "/groups/{groupId}", "delete_group")
def delete_group(region: Region, request: Request) -> Reply:
    """A group that has no members."""
    changes.require_home(region)
    group = need(region, state.GROUP, request.path["groupId"])
    require_match(request, etag_of(group))
    if region.store.find(state.MEMBERSHIP, groupId=group["id"]):
        raise ServiceError(409, "Conflict", f"Group {group['name']!r} still has members")
    changes.write(region, state.GROUP, group["id"], None)
    return Reply(status=204)
