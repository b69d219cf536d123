"""Pre-authenticated requests: a path that is its own permission, until it expires (in world time) or is deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from simulator.cloud.http import paginate, parse_time, timestamp
from simulator.cloud.objectstorage import objects
from simulator.cloud.objectstorage.base import SERVICE, check_object_name, need_bucket, now_text
from simulator.cloud.objectstorage.catalog import PREAUTHENTICATED
from simulator.cloud.objectstorage.errors import invalid
from simulator.cloud.service import Region, Reply, Request, ServiceError

_REQUESTS = "/n/{namespaceName}/b/{bucketName}/p"
_ACCESS = "/p/{token}/n/{namespaceName}/b/{bucketName}/o"
_ANY = ("AnyObjectRead", "AnyObjectWrite", "AnyObjectReadWrite")
_ONE = ("ObjectRead", "ObjectWrite", "ObjectReadWrite")
_SHOWN = ("id", "name", "objectName", "bucketListingAction", "accessType", "timeExpires", "timeCreated")


@SERVICE.operation("POST", _REQUESTS, "create_preauthenticated_request")
def create_preauthenticated_request(region: Region, request: Request) -> Reply:
    """A new access path; only this answer ever shows it."""
    bucket = need_bucket(region, request)
    access = request.need("accessType")
    name = request.body.get("objectName")
    if access not in _ANY + _ONE:
        raise invalid("InvalidParCreateRequest", f"accessType must be one of {', '.join(_ANY + _ONE)}")
    if access in _ONE:
        check_object_name(name)
    listing = request.body.get("bucketListingAction") or "Deny"
    if listing != "Deny" and (listing != "ListObjects" or access not in ("AnyObjectRead", "AnyObjectReadWrite")):
        raise invalid("InvalidParCreateRequest", "bucketListingAction ListObjects needs reading of any object")
    expires = parse_time(request.need("timeExpires"), "timeExpires")
    if expires <= region.clock.now():
        raise invalid("InvalidParCreateRequest", "timeExpires must be in the future")
    token = region.new_token("preauthenticated")
    row = {
        "id": f"{region.new_token('par')}:{name or ''}",
        "name": request.need("name"),
        "objectName": name,
        "bucketListingAction": listing,
        "accessType": access,
        "timeExpires": timestamp(expires),
        "timeCreated": now_text(region),
        "bucket": bucket["name"],
        "token": token,
    }
    region.store.put(PREAUTHENTICATED, token, row)
    path = f"/p/{token}/n/{bucket['namespace']}/b/{bucket['name']}/o/{name if access in _ONE else ''}"
    endpoint = region.world.regions[region.name].api.url
    return Reply({key: row[key] for key in _SHOWN} | {"accessUri": path, "fullPath": endpoint + path})


@SERVICE.operation("GET", _REQUESTS, "list_preauthenticated_requests")
def list_preauthenticated_requests(region: Region, request: Request) -> Reply:
    """A bucket's, without their paths."""
    bucket = need_bucket(region, request)
    prefix = request.query.get("objectNamePrefix", "")
    rows = [
        row
        for row in region.store.find(PREAUTHENTICATED, bucket=bucket["name"])
        if (row["objectName"] or "").startswith(prefix)
    ]
    page, headers = paginate(request, rows)
    return Reply([{key: row[key] for key in _SHOWN} for row in page], headers=headers)


@SERVICE.operation("GET", _REQUESTS + "/{parId*}", "get_preauthenticated_request")
def get_preauthenticated_request(region: Region, request: Request) -> Reply:
    """One, without its path."""
    row = _need_request(region, request)
    return Reply({key: row[key] for key in _SHOWN})


@SERVICE.operation("DELETE", _REQUESTS + "/{parId*}", "delete_preauthenticated_request")
def delete_preauthenticated_request(region: Region, request: Request) -> Reply:
    """Its path opens nothing from now on."""
    region.store.delete(PREAUTHENTICATED, _need_request(region, request)["token"])
    return Reply(status=204)


@SERVICE.operation("PUT", _ACCESS + "/{objectName*}", "put_object", streamed=True, signed=False)
def put_by_path(region: Region, request: Request) -> Reply:
    """Write without a signature."""
    return _through(region, request, ("ObjectWrite", "ObjectReadWrite"), objects.put_object)


@SERVICE.operation("GET", _ACCESS + "/{objectName*}", "get_object", signed=False)
def get_by_path(region: Region, request: Request) -> Reply:
    """Read without a signature."""
    return _through(region, request, ("ObjectRead", "ObjectReadWrite"), objects.get_object)


@SERVICE.operation("HEAD", _ACCESS + "/{objectName*}", "head_object", signed=False)
def head_by_path(region: Region, request: Request) -> Reply:
    """Head without a signature."""
    return _through(region, request, ("ObjectRead", "ObjectReadWrite"), objects.head_object)


@SERVICE.operation("GET", _ACCESS, "list_objects", signed=False)
@SERVICE.operation("GET", _ACCESS + "/", "list_objects", signed=False)
def list_by_path(region: Region, request: Request) -> Reply:
    """List without a signature, when the path was made for it."""
    row = _open(region, request)
    if row["bucketListingAction"] != "ListObjects":
        raise _denied("PAR does not allow listing")
    return objects.list_objects(region, request)


def _through(
    region: Region, request: Request, access: tuple[str, ...], handler: Callable[[Region, Request], Reply]
) -> Reply:
    row = _open(region, request)
    kind = str(row["accessType"])
    if kind.removeprefix("Any") not in access:
        raise _denied(f"PAR is for {kind}")
    bound = row["objectName"] or ""
    name = request.path["objectName"]
    allowed = name.startswith(bound) if kind.startswith("Any") else name == bound
    if not allowed:
        raise _denied("PAR is for another object")
    path = {key: value for key, value in request.path.items() if key != "token"}
    return handler(region, replace(request, path=path))


def _open(region: Region, request: Request) -> dict[str, Any]:
    """The row behind a path. Raises 404 when there is none for this bucket, 401 when it expired."""
    row = region.store.get(PREAUTHENTICATED, request.path["token"])
    if row is None or row["bucket"] != request.path["bucketName"]:
        raise ServiceError(404, "PreauthenticatedRequestNotFound", "PAR does not exist")
    if datetime.fromisoformat(row["timeExpires"]) <= region.clock.now():
        raise _denied("PAR is expired")
    return row


def _need_request(region: Region, request: Request) -> dict[str, Any]:
    bucket = need_bucket(region, request)
    for row in region.store.find(PREAUTHENTICATED, bucket=bucket["name"], id=request.path["parId"]):
        return row
    raise ServiceError(404, "PreauthenticatedRequestNotFound", "No such pre-authenticated request")


def _denied(reason: str) -> ServiceError:
    return ServiceError(401, "NotAuthenticated", reason)
