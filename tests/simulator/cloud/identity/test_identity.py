"""Identity by the real SDK: people, groups, keys; written at home, followed elsewhere."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.identity import IdentityClient
from oci.identity.models import (
    AddUserToGroupDetails,
    CreateApiKeyDetails,
    CreateGroupDetails,
    CreateUserDetails,
    UpdateUserDetails,
)

from simulator.world import new_key
from tests.worlds import RunningWorld, data, running_world, wait_until

pytestmark = pytest.mark.wire

HOME, AWAY = "us-ashburn-1", "us-phoenix-1"


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """Fast enough that a change crosses the link at once."""
    with running_world(tmp_path_factory.mktemp("identity") / "w", rate=100) as running:
        yield running


@pytest.fixture
def home(world: RunningWorld) -> IdentityClient:
    return world.client(IdentityClient, region=HOME)


@pytest.fixture
def away(world: RunningWorld) -> IdentityClient:
    return world.client(IdentityClient, region=AWAY)


def new_user(world: RunningWorld, home: IdentityClient, name: str) -> Any:
    details = CreateUserDetails(compartment_id=world.world.tenancy, name=name, description="for a test")
    return data(home.create_user(details))


def reaches(call: Any, *arguments: Any) -> Any:
    """Ask until the change has crossed the link."""

    def ask() -> Any:
        try:
            return data(call(*arguments))
        except ServiceError as error:
            if error.status != 404:
                raise
            return None

    return wait_until(ask, what="the change elsewhere")


def test_both_regions_know_the_worlds_people(world: RunningWorld, home: Any, away: Any) -> None:
    for client in (home, away):
        users = {user.name: user.id for user in data(client.list_users(world.world.tenancy))}
        assert users == {user.name: user.id for user in world.world.users.values()}
        lead = world.world.users["platform-lead"]
        (membership,) = data(client.list_user_group_memberships(world.world.tenancy, user_id=lead.id))
        assert data(client.get_group(membership.group_id)).name == "FitTrackPlatformLeads"
        regions = data(client.list_region_subscriptions(world.world.tenancy))
        assert {row.region_name: row.is_home_region for row in regions} == {HOME: True, AWAY: False}
        (compartment,) = data(client.list_compartments(world.world.tenancy))
        assert compartment.id == world.world.compartment


def test_a_write_away_from_home_is_refused(world: RunningWorld, away: IdentityClient) -> None:
    with pytest.raises(ServiceError) as caught:
        new_user(world, away, "nobody")
    assert (caught.value.status, caught.value.code) == (403, "NotAllowed")
    assert "home region IAD" in str(caught.value.message)
    assert data(away.list_users(world.world.tenancy, name="nobody")) == []


def test_a_new_engineer_joins_signs_and_leaves(world: RunningWorld, home: IdentityClient, away: IdentityClient) -> None:
    user = new_user(world, home, "second-lead")
    private, public = new_key()
    key = data(home.upload_api_key(user.id, CreateApiKeyDetails(key=public)))
    group = world.world.groups["FitTrackPlatformLeads"]
    joined = data(home.add_user_to_group(AddUserToGroupDetails(user_id=user.id, group_id=group.id)))
    reaches(away.get_user_group_membership, joined.id)
    config = world.config("oncall") | {"user": user.id, "fingerprint": key.fingerprint}
    del config["key_file"]
    config["key_content"] = private.decode()
    own = world.client(IdentityClient, region=AWAY, config=config)
    (seen,) = data(own.list_api_keys(user.id))
    assert (seen.key_value, seen.fingerprint) == (public, key.fingerprint)
    with pytest.raises(ServiceError) as caught:
        home.delete_user(user.id)
    assert caught.value.status == 409
    home.remove_user_from_group(joined.id)
    home.delete_api_key(user.id, key.fingerprint)

    def denied() -> bool:
        try:
            own.get_user(user.id)
        except ServiceError as error:
            return error.status == 401
        return False

    wait_until(denied, what="the key's end")
    home.delete_user(user.id)
    with pytest.raises(ServiceError) as caught:
        home.get_user(user.id)
    assert (caught.value.status, caught.value.code) == (404, "NotAuthorizedOrNotFound")


def test_updates_are_conditional_and_cross_the_link(
    world: RunningWorld, home: IdentityClient, away: IdentityClient
) -> None:
    user = new_user(world, home, "renamed")
    before: Any = home.get_user(user.id)
    change = UpdateUserDetails(description="changed")
    home.update_user(user.id, change, if_match=before.headers["etag"])
    with pytest.raises(ServiceError) as caught:
        home.update_user(user.id, change, if_match=before.headers["etag"])
    assert (caught.value.status, caught.value.code) == (412, "NoEtagMatch")
    reaches(away.get_user, user.id)
    wait_until(lambda: data(away.get_user(user.id)).description == "changed")


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("name", 400, "InvalidParameter"),
        ("taken", 409, "UserAlreadyExists"),
        ("tenancy", 404, "NotAuthorizedOrNotFound"),
        ("key", 400, "InvalidParameter"),
        ("same key", 409, "ApiKeyAlreadyExists"),
        ("member", 409, "MembershipAlreadyExists"),
    ],
)
def test_what_cannot_be_is_refused(
    world: RunningWorld, home: IdentityClient, call: str, status: int, code: str
) -> None:
    lead = world.world.users["platform-lead"]
    group = world.world.groups[lead.group]
    details = {"compartment_id": world.world.tenancy, "name": "x", "description": "x"}
    calls = {
        "name": lambda: home.create_user(CreateUserDetails(**details | {"name": "two words"})),
        "taken": lambda: home.create_user(CreateUserDetails(**details | {"name": "Platform-Lead"})),
        "tenancy": lambda: home.create_group(CreateGroupDetails(**details | {"compartment_id": "ocid1.x"})),
        "key": lambda: home.upload_api_key(lead.id, CreateApiKeyDetails(key="nonsense")),
        "same key": lambda: home.upload_api_key(lead.id, CreateApiKeyDetails(key=lead.public_key)),
        "member": lambda: home.add_user_to_group(AddUserToGroupDetails(user_id=lead.id, group_id=group.id)),
    }
    with pytest.raises(ServiceError) as caught:
        calls[call]()
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_cut_link_makes_the_other_region_late_not_wrong(
    world: RunningWorld, home: IdentityClient, away: IdentityClient
) -> None:
    world.simulator("lose", HOME, "--how", "link")
    user = new_user(world, home, "late")
    world.simulator("clock", "jump", "3600")
    with pytest.raises(ServiceError) as caught:
        away.get_user(user.id)
    assert caught.value.status == 404
    world.simulator("return", HOME)
    assert reaches(away.get_user, user.id).name == "late"
