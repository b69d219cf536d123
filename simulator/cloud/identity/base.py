"""What the room's modules share: the service they register on, rows by id, replies with entity tags."""

from __future__ import annotations

import json
import re
from typing import Any

from simulator.cloud.http import paginate, require_match, timestamp
from simulator.cloud.identity import changes, state
from simulator.cloud.service import Region, Reply, Request, Service, ServiceError, not_found
from simulator.kernel import ids

SERVICE = Service("identity", "/20160918")

_NAME = re.compile(r"[\w.@+-]{1,100}")


@SERVICE.setup
def seed(region: Region) -> None:
    """The world's people."""
    state.seed(region.store, region.world)


def etag_of(row: dict[str, Any]) -> str:
    """A row's entity tag: it says what the row says."""
    return ids.etag(json.dumps(row, sort_keys=True))


def shown(row: dict[str, Any]) -> Reply:
    """One row."""
    return Reply(row, headers={"etag": etag_of(row)})


def listed(request: Request, rows: list[dict[str, Any]]) -> Reply:
    """One page of rows."""
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)


def need(region: Region, kind: str, id: str) -> dict[str, Any]:  # noqa: A002 - the field's own name
    """A row. Raises 404."""
    row = region.store.get(kind, id)
    if row is None:
        raise not_found(f"{kind.removeprefix('iam.')} {id}")
    return row


def named_rows(region: Region, request: Request, kind: str) -> list[dict[str, Any]]:
    """The tenancy's rows of a kind, by name when asked. Raises 404 for another tenancy."""
    require_tenancy(region, request.query.get("compartmentId"))
    rows = region.store.find(kind)
    name = request.query.get("name")
    return [row for row in rows if name in (None, row["name"])]


def create_named(region: Region, request: Request, kind: str, ocid: str) -> dict[str, Any]:
    """A new row with a name that is free. Raises 403 outside the home region, 400, 409."""
    changes.require_home(region)
    require_tenancy(region, request.need("compartmentId"))
    name = request.need("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ServiceError(400, "InvalidParameter", f"name {name!r}: letters, digits and -_.@+, at most 100")
    if any(row["name"].lower() == name.lower() for row in region.store.find(kind)):
        word = kind.removeprefix("iam.").capitalize()
        raise ServiceError(409, f"{word}AlreadyExists", f"{word} {name!r} already exists")
    row: dict[str, Any] = {
        "id": global_ocid(region, ocid),
        "compartmentId": region.world.tenancy,
        "name": name,
        "description": request.need("description"),
        "timeCreated": timestamp(region.clock.now()),
        "lifecycleState": "ACTIVE",
        "freeformTags": request.body.get("freeformTags") or {},
        "definedTags": request.body.get("definedTags") or {},
    }
    changes.write(region, kind, row["id"], row)
    return row


def update_named(region: Region, request: Request, kind: str, id: str) -> Reply:  # noqa: A002
    """Change a row's description and tags. Raises 403, 404, 412."""
    changes.require_home(region)
    row = need(region, kind, id)
    require_match(request, etag_of(row))
    fields = ("description", "freeformTags", "definedTags")
    row |= {key: request.body[key] for key in fields if request.body.get(key) is not None}
    changes.write(region, kind, id, row)
    return shown(row)


def global_ocid(region: Region, kind: str) -> str:
    """A fresh OCID of something that belongs to no region."""
    number = 1000 + region.store.next_number(f"ocid/{kind}")  # the world's own people have the first thousand
    return ids.ocid(kind, "", seed=region.world.seed, number=number)


def require_tenancy(region: Region, compartment: object) -> None:
    """IAM's people live in the root compartment. Raises 400 without one, 404 for another."""
    if not compartment:
        raise ServiceError(400, "MissingParameter", "compartmentId is required")
    if compartment != region.world.tenancy:
        raise not_found(f"tenancy {compartment}")
