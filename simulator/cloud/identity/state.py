"""IAM as one region knows it: rows in its store, seeded with the world's people when the world was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.cloud.http import timestamp
from simulator.kernel import ids
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
            key = key_document(world, user.id, user.fingerprint, user.public_key, world.created)
            store.put(API_KEY, key["keyId"], key)
            _join(store, world, user)
        store.put("iam.seeded", "world", {"time": timestamp(world.created)})


def key_document(world: World, user: str, mark: str, public_key: str, at: datetime) -> dict[str, Any]:
    """An API key as OCI shows it; ``mark`` is its fingerprint. Its id is what signatures name."""
    return {
        "keyId": f"{world.tenancy}/{user}/{mark}",
        "keyValue": public_key,
        "fingerprint": mark,
        "userId": user,
        "timeCreated": timestamp(at),
        "lifecycleState": "ACTIVE",
    }


def groups_of(store: Store, user: str) -> frozenset[str]:
    """The names of the groups that a user is a member of."""
    rows = (store.get(GROUP, row["groupId"]) for row in store.find(MEMBERSHIP, userId=user))
    return frozenset(row["name"] for row in rows if row is not None)


def _join(store: Store, world: World, user: User) -> None:
    group = world.groups[user.group]
    membership = ids.ocid("groupmembership", "", seed=world.seed, number=list(world.users).index(user.name))
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
