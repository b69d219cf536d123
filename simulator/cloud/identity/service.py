"""The Identity service's calls."""

from __future__ import annotations

from simulator.cloud.http import paginate
from simulator.cloud.identity import state
from simulator.cloud.service import Region, Reply, Request, Service, not_found

SERVICE = Service("identity", "/20160918")


@SERVICE.setup
def seed(region: Region) -> None:
    """The world's people."""
    state.seed(region.store, region.world)


@SERVICE.operation("GET", "/users/{userId}", "get_user")
def get_user(region: Region, request: Request) -> Reply:
    """One user."""
    user = region.store.get(state.USER, request.path["userId"])
    if user is None:
        raise not_found("user")
    return Reply(user)


@SERVICE.operation("GET", "/users/{userId}/apiKeys", "list_api_keys")
def list_api_keys(region: Region, request: Request) -> Reply:
    """The user's public keys."""
    rows, headers = paginate(request, region.store.find(state.API_KEY, userId=request.path["userId"]))
    return Reply(rows, headers=headers)
