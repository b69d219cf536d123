"""IAM as one region knows it: rows in its store, seeded with the world's people when the world was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.cloud.http import timestamp
from simulator.kernel.store import Store
from simulator.kernel.worldfile import User, World

USER, GROUP, MEMBERSHIP, API_KEY = "iam.user", "iam.group", "iam.membership", "iam.apikey"


def seed(store: Store, world: World) -> None:
    """Put the world's users, groups, memberships and keys, unless this region has them already."""
    if store.get("iam.seeded", "world") is not None:
        return
    with store.transaction():
        for group in world.groups.values():
            store.put(GROUP, group.id, _named(world, group.id, group.name, f"The rehearsal's {group.name}"))
        for user in world.users.values():
            store.put(USER, user.id, _named(world, user.id, user.name, f"The rehearsal's {user.name}"))
            add_key(store, world, user.id, user.fingerprint, user.public_key, world.created)
            _join(store, world, user)
        store.put("iam.seeded", "world", {"time": timestamp(world.created)})


def add_key(store: Store, world: World, user: str, fingerprint: str, public_key: str, at: datetime) -> dict[str, Any]:
    """Keep an API key; its document as OCI shows it."""
    document = {
        "keyId": f"{world.tenancy}/{user}/{fingerprint}",
        "keyValue": public_key,
        "fingerprint": fingerprint,
        "userId": user,
        "timeCreated": timestamp(at),
        "lifecycleState": "ACTIVE",
    }
    store.put(API_KEY, document["keyId"], document)
    return document


def groups_of(store: Store, user: str) -> frozenset[str]:
    """The names of the groups that a user is a member of."""
    rows = (store.get(GROUP, row["groupId"]) for row in store.find(MEMBERSHIP, userId=user))
    return frozenset(row["name"] for row in rows if row is not None)


def _join(store: Store, world: World, user: User) -> None:
    group = world.groups[user.group]
    number = f"{user.name}-{group.name}".lower()
    membership = f"ocid1.groupmembership.oc1..{number}"
    store.put(
        MEMBERSHIP,
        membership,
        {
            "id": membership,
            "compartmentId": world.tenancy,
            "groupId": group.id,
            "userId": user.id,
            "timeCreated": timestamp(world.created),
            "lifecycleState": "ACTIVE",
        },
    )


def _named(world: World, id: str, name: str, description: str) -> dict[str, Any]:  # noqa: A002
    return {
        "id": id,
        "compartmentId": world.tenancy,
        "name": name,
        "description": description,
        "timeCreated": timestamp(world.created),
        "lifecycleState": "ACTIVE",
        "freeformTags": {},
        "definedTags": {},
    }
