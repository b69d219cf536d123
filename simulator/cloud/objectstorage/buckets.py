"""Namespace and buckets."""

from __future__ import annotations

from typing import Any

from simulator.cloud.http import paginate, require_compartment
from simulator.cloud.objectstorage.base import (
    SERVICE,
    check_bucket_name,
    check_conditions,
    check_namespace,
    need_bucket,
    new_etag,
    now_text,
)
from simulator.cloud.objectstorage.catalog import BUCKET, POLICY, PREAUTHENTICATED, UPLOAD, catalog
from simulator.cloud.objectstorage.errors import invalid, not_implemented
from simulator.cloud.service import Region, Reply, Request, ServiceError

_SUMMARY = ("namespace", "name", "compartmentId", "createdBy", "timeCreated", "etag", "freeformTags", "definedTags")
_PLAIN = ("metadata", "freeformTags", "definedTags", "kmsKeyId", "objectEventsEnabled")
_CHOICES = {
    "storageTier": ("Standard", "Archive"),
    "versioning": ("Enabled", "Suspended", "Disabled"),
    "publicAccessType": ("NoPublicAccess", "ObjectRead", "ObjectReadWithoutList"),
    "autoTiering": ("Disabled", "InfrequentAccess"),
}


@SERVICE.operation("GET", "/n", "get_namespace")
def get_namespace(region: Region, _: Request) -> Reply:
    """The tenancy's namespace."""
    return Reply(region.world.namespace)


@SERVICE.operation("POST", "/n/{namespaceName}/b", "create_bucket")
def create_bucket(region: Region, request: Request) -> Reply:
    """A new bucket. Raises 409 when the name is taken."""
    namespace = check_namespace(region, request)
    name = check_bucket_name(request.need("name"))
    compartment = require_compartment(region, request.body.get("compartmentId"))
    _check_settings(request.body, "create_bucket")
    if region.store.get(BUCKET, name) is not None:
        raise ServiceError(
            409,
            "BucketAlreadyExists",
            f"Either the bucket '{name}' in namespace '{namespace}' already exists or you are not authorized to "
            "create it",
        )
    bucket: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "compartmentId": compartment,
        "metadata": {},
        "createdBy": request.principal.user_id,
        "timeCreated": now_text(region),
        "etag": new_etag(region),
        "publicAccessType": "NoPublicAccess",
        "storageTier": request.body.get("storageTier") or "Standard",
        "objectEventsEnabled": False,
        "freeformTags": {},
        "definedTags": {},
        "kmsKeyId": None,
        "objectLifecyclePolicyEtag": None,
        "replicationEnabled": False,
        "isReadOnly": False,
        "id": region.new_ocid("bucket"),
        "versioning": request.body.get("versioning") or "Disabled",
        "autoTiering": "Disabled",
    }
    bucket |= {key: request.body[key] for key in _PLAIN if request.body.get(key) is not None}
    region.store.put(BUCKET, name, bucket)
    headers = {"etag": bucket["etag"], "location": f"/n/{namespace}/b/{name}"}
    return Reply(bucket, headers=headers)


@SERVICE.operation("GET", "/n/{namespaceName}/b", "list_buckets")
def list_buckets(region: Region, request: Request) -> Reply:
    """A compartment's buckets by name; tags only with ``fields=tags``."""
    check_namespace(region, request)
    compartment = require_compartment(region, request.query.get("compartmentId"))
    rows = sorted(region.store.find(BUCKET, compartmentId=compartment), key=lambda row: row["name"])
    page, headers = paginate(request, rows)
    fields = _SUMMARY if "tags" in request.query.get("fields", "") else _SUMMARY[:-2]
    return Reply([{key: row[key] for key in fields} for row in page], headers=headers)


@SERVICE.operation("GET", "/n/{namespaceName}/b/{bucketName}", "get_bucket")
def get_bucket(region: Region, request: Request) -> Reply:
    """A bucket; counts only when ``fields`` asks for them, as in OCI."""
    bucket = need_bucket(region, request)
    if request.headers.get("if-none-match") == bucket["etag"]:
        return Reply(status=304, headers={"etag": bucket["etag"]})
    count, size = catalog(region).usage(bucket["name"])
    fields = request.query.get("fields", "")
    if "approximateCount" in fields:
        bucket["approximateCount"] = count
    if "approximateSize" in fields:
        bucket["approximateSize"] = size
    return Reply(bucket, headers={"etag": bucket["etag"]})


@SERVICE.operation("HEAD", "/n/{namespaceName}/b/{bucketName}", "head_bucket")
def head_bucket(region: Region, request: Request) -> Reply:
    """Whether the bucket is there."""
    return Reply(headers={"etag": need_bucket(region, request)["etag"]})


@SERVICE.operation("POST", "/n/{namespaceName}/b/{bucketName}", "update_bucket")
def update_bucket(region: Region, request: Request) -> Reply:
    """Change what may change; a bucket whose versioning was ever enabled can only suspend it."""
    bucket = need_bucket(region, request)
    check_conditions(request.headers, bucket["etag"], bucket["name"])
    _check_settings(request.body, "update_bucket")
    if request.body.get("name") not in (None, bucket["name"]):
        raise not_implemented("update_bucket with a new name")
    if "storageTier" in request.body:
        raise invalid("InvalidBucketProperty", "storageTier is fixed when a bucket is created")
    versioning = request.body.get("versioning") or bucket["versioning"]
    if versioning == "Disabled" and bucket["versioning"] != "Disabled":
        raise invalid("InvalidBucketProperty", "Versioning that was enabled can be suspended, not disabled")
    changes = {key: request.body[key] for key in _PLAIN if request.body.get(key) is not None}
    bucket |= changes | {"versioning": versioning, "etag": new_etag(region)}
    if request.body.get("compartmentId"):
        bucket["compartmentId"] = require_compartment(region, request.body["compartmentId"])
    region.store.put(BUCKET, bucket["name"], bucket)
    return Reply(bucket, headers={"etag": bucket["etag"]})


@SERVICE.operation("DELETE", "/n/{namespaceName}/b/{bucketName}", "delete_bucket")
def delete_bucket(region: Region, request: Request) -> Reply:
    """Remove an empty bucket. Raises 409 while it holds versions, uploads or pre-authenticated requests."""
    bucket = need_bucket(region, request)
    name = bucket["name"]
    check_conditions(request.headers, bucket["etag"], name)
    count, _ = catalog(region).usage(name)
    uploads = len(region.store.find(UPLOAD, bucket=name))
    if count or uploads:
        raise ServiceError(
            409,
            "BucketNotEmpty",
            f"Bucket named '{name}' is not empty: {count} object versions, {uploads} uploads. Delete them first",
        )
    if region.store.find(PREAUTHENTICATED, bucket=name):
        raise ServiceError(
            409, "PreauthenticatedRequestStillExists", f"Bucket '{name}' has pre-authenticated requests. Delete them"
        )
    with region.store.transaction():
        region.store.delete(BUCKET, name)
        region.store.delete(POLICY, name)
    return Reply(status=204)


def _check_settings(body: dict[str, Any], operation: str) -> None:
    """Raises 400 for a value that OCI does not have, 501 for one that the simulator would not act on."""
    for key, choices in _CHOICES.items():
        value = body.get(key)
        if value is not None and value not in choices:
            raise invalid("InvalidBucketProperty", f"{key} must be one of {', '.join(choices)}")
    if body.get("publicAccessType") not in (None, "NoPublicAccess"):
        raise not_implemented(f"{operation} with publicAccessType {body['publicAccessType']}")
    if body.get("autoTiering") not in (None, "Disabled"):
        raise not_implemented(f"{operation} with autoTiering {body['autoTiering']}")
