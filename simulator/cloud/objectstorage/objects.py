"""Objects: put, get, head, delete, rename, list; versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from simulator.cloud.http import limit_of, page_start
from simulator.cloud.objectstorage.base import (
    SERVICE,
    check_conditions,
    check_object_name,
    http_date,
    need_bucket,
    new_etag,
    now_text,
)
from simulator.cloud.objectstorage.catalog import Content, StoredObject, catalog
from simulator.cloud.objectstorage.contents import (
    base64_text,
    check_digests,
    check_tier,
    describe,
    kept_headers,
    parse_range,
)
from simulator.cloud.objectstorage.errors import if_match_failed, invalid, object_not_found
from simulator.cloud.service import Region, Reply, Request, ServiceError

_OBJECT = "/n/{namespaceName}/b/{bucketName}/o/{objectName*}"
_FIELDS: dict[str, Callable[[StoredObject], Any]] = {
    "name": lambda row: row.name,
    "size": lambda row: row.size,
    "etag": lambda row: row.etag,
    "md5": lambda row: row.md5 or row.multipart_md5,
    "timeCreated": lambda row: row.created,
    "timeModified": lambda row: row.modified,
    "storageTier": lambda row: row.tier,
    "archivalState": lambda row: row.archival,
}


@SERVICE.operation("PUT", _OBJECT, "put_object", streamed=True)
def put_object(region: Region, request: Request) -> Reply:
    """Write an object whole, under the caller's conditions and digests."""
    bucket = need_bucket(region, request)
    name = check_object_name(request.path["objectName"])
    current = catalog(region).latest(bucket["name"], name)
    check_conditions(request.headers, current.etag if current else None, name)
    upload = request.upload
    if upload is None:
        raise invalid("ContentLengthRequired", "A body is required")
    check_digests(request, upload)
    headers = kept_headers(request)
    tier = check_tier(request.headers.get("storage-tier"))
    md5 = base64_text(upload.md5)
    blob = catalog(region).keep(upload)
    stored = store_object(region, bucket, name, Content((blob,), headers, md5), tier)
    return Reply(headers=written(stored) | {"opc-content-md5": md5})


def store_object(region: Region, bucket: dict[str, Any], name: str, content: Content, tier: str | None) -> StoredObject:
    """Make the content an object's current version, in the bucket's tier when it says Archive."""
    wanted = "Archive" if bucket["storageTier"] == "Archive" else tier or "Standard"
    moment = now_text(region)
    stored = StoredObject(
        bucket=bucket["name"],
        name=name,
        version=region.new_token("version"),
        etag=new_etag(region),
        size=sum(size for _, size in content.blobs),
        md5=content.md5,
        multipart_md5=content.multipart_md5,
        created=moment,
        modified=moment,
        blobs=content.blobs,
        tier=wanted,
        archival="Archived" if wanted == "Archive" else None,
        headers=content.headers,
    )
    catalog(region).add(stored, keep_previous=bucket["versioning"] == "Enabled")
    return stored


def written(stored: StoredObject) -> dict[str, str]:
    """The headers that answer a write."""
    return {
        "etag": stored.etag,
        "last-modified": http_date(datetime.fromisoformat(stored.modified)),
        "version-id": stored.version,
    }


@SERVICE.operation("GET", _OBJECT, "get_object")
def get_object(region: Region, request: Request) -> Reply:
    """An object's bytes, or a range of them. Raises 409 for one that is archived."""
    stored = _need_object(region, request)
    if request.headers.get("if-none-match") == stored.etag:
        return Reply(status=304, headers={"etag": stored.etag})
    if stored.archival in ("Archived", "Restoring"):
        raise ServiceError(409, "NotRestored", f"The object '{stored.name}' is {stored.archival.lower()}: restore it")
    headers = describe(stored)
    piece = parse_range(request.headers.get("range"), stored.size)
    if piece is None:
        return Reply(headers=headers, files=catalog(region).slices(stored, 0, stored.size))
    offset, length = piece
    headers["content-range"] = f"bytes {offset}-{offset + length - 1}/{stored.size}"
    return Reply(status=206, headers=headers, files=catalog(region).slices(stored, offset, length))


@SERVICE.operation("HEAD", _OBJECT, "head_object")
def head_object(region: Region, request: Request) -> Reply:
    """What a get would tell, without the bytes."""
    stored = _need_object(region, request)
    if request.headers.get("if-none-match") == stored.etag:
        return Reply(status=304, headers={"etag": stored.etag})
    return Reply(headers=describe(stored) | {"content-length": str(stored.size)})


@SERVICE.operation("DELETE", _OBJECT, "delete_object")
def delete_object(region: Region, request: Request) -> Reply:
    """Remove the current version (under versioning: cover it with a delete marker), or one version for good."""
    bucket = need_bucket(region, request)
    stored = _need_object(region, request, markers=True)
    headers = {"last-modified": http_date(region.clock.now()), "version-id": stored.version}
    if "versionId" in request.query:
        catalog(region).remove(stored)
        return Reply(status=204, headers=headers)
    marker = delete_current(region, bucket, stored, now_text(region))
    if marker is not None:
        headers |= {"version-id": marker.version, "is-delete-marker": "true"}
    return Reply(status=204, headers=headers)


def delete_current(region: Region, bucket: dict[str, Any], stored: StoredObject, moment: str) -> StoredObject | None:
    """Remove a current version; under versioning cover it with the delete marker that is returned."""
    if bucket["versioning"] != "Enabled":
        catalog(region).remove(stored)
        return None
    marker = StoredObject(
        bucket=stored.bucket,
        name=stored.name,
        version=region.new_token("version"),
        etag=new_etag(region),
        size=0,
        md5=None,
        created=moment,
        modified=moment,
        delete_marker=True,
    )
    catalog(region).add(marker, keep_previous=True)
    return marker


@SERVICE.operation("POST", "/n/{namespaceName}/b/{bucketName}/actions/renameObject", "rename_object")
def rename_object(region: Region, request: Request) -> Reply:
    """Give an object another name, under conditions on either."""
    bucket = need_bucket(region, request)
    source = check_object_name(request.need("sourceName"))
    target = check_object_name(request.need("newName"))
    if source == target:
        raise invalid("SourceNameSameAsNewName", "The new name is the old one")
    if bucket["versioning"] != "Disabled":
        raise ServiceError(501, "NotImplemented", "rename_object in a versioned bucket")
    stored = catalog(region).latest(bucket["name"], source)
    if stored is None:
        raise object_not_found(bucket["name"], source)
    conditions = {
        "if-match": request.body.get("newObjIfMatchETag"),
        "if-none-match": request.body.get("newObjIfNoneMatchETag"),
    }
    there = catalog(region).latest(bucket["name"], target)
    check_conditions({name: text for name, text in conditions.items() if text}, there.etag if there else None, target)
    wanted = request.body.get("srcObjIfMatchETag")
    if wanted not in (None, "*", stored.etag):
        raise if_match_failed(wanted, stored.etag)
    renamed = catalog(region).rename(stored, target, etag=new_etag(region), modified=now_text(region))
    return Reply(headers=written(renamed))


@SERVICE.operation("GET", "/n/{namespaceName}/b/{bucketName}/o", "list_objects")
def list_objects(region: Region, request: Request) -> Reply:
    """Names in byte order with the fields asked for; ``delimiter`` folds what lies below it into prefixes."""
    bucket = need_bucket(region, request)
    fields = [field.strip() for field in request.query.get("fields", "name").split(",") if field.strip()]
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        raise invalid("InvalidAttributeName", f"fields: there is no {', '.join(unknown)}")
    rows = (row for row, _ in _rows(region, request, bucket["name"]))
    objects, prefixes, following = _fold(request, rows)
    body: dict[str, Any] = {
        "objects": [{field: _FIELDS[field](row) for field in dict.fromkeys(["name", *fields])} for row in objects],
        "nextStartWith": following,
    }
    if "delimiter" in request.query:
        body["prefixes"] = prefixes
    return Reply(body)


@SERVICE.operation("GET", "/n/{namespaceName}/b/{bucketName}/objectversions", "list_object_versions")
def list_object_versions(region: Region, request: Request) -> Reply:
    """All versions, by name and then newest first, delete markers included."""
    bucket = need_bucket(region, request)
    limit = limit_of(request, default=1000)
    skip = page_start(request)
    rows = [row for row, _ in _rows(region, request, bucket["name"], versions=True)]
    page = rows[skip : skip + limit]
    headers = {"opc-next-page": str(skip + limit)} if skip + limit < len(rows) else {}
    items = [
        {field: read(row) for field, read in _FIELDS.items()}
        | {"versionId": row.version, "isDeleteMarker": row.delete_marker}
        for row in page
    ]
    return Reply({"items": items, "prefixes": []}, headers=headers)


def _need_object(region: Region, request: Request, *, markers: bool = False) -> StoredObject:
    """The object that the path names, of the version that the query names. Raises 404, and 412 on if-match."""
    bucket = need_bucket(region, request)
    name = check_object_name(request.path["objectName"])
    version = request.query.get("versionId")
    if version is None:
        stored = catalog(region).latest(bucket["name"], name)
    else:
        stored = catalog(region).version(bucket["name"], name, version)
    if stored is None or (stored.delete_marker and not markers):
        raise object_not_found(bucket["name"], name)
    wanted = request.headers.get("if-match")
    if wanted not in (None, "*", stored.etag):
        raise if_match_failed(wanted, stored.etag)
    return stored


def _rows(
    region: Region, request: Request, bucket: str, *, versions: bool = False
) -> Iterator[tuple[StoredObject, bool]]:
    """The rows between ``start`` (or past ``startAfter``) and ``end`` that begin with ``prefix``."""
    after, end = request.query.get("startAfter"), request.query.get("end")
    start = request.query.get("start", "") if after is None else after
    prefix = request.query.get("prefix", "")
    for row, latest in catalog(region).scan(bucket, start=start, prefix=prefix, versions=versions):
        if end is not None and row.name >= end:
            return
        if row.name != after:
            yield row, latest


def _fold(request: Request, rows: Iterator[StoredObject]) -> tuple[list[StoredObject], list[str], str | None]:
    """One page of objects and prefixes, and the name at which the next begins."""
    limit = limit_of(request, default=1000)
    delimiter, prefix = request.query.get("delimiter"), request.query.get("prefix", "")
    if delimiter not in (None, "/"):
        raise invalid("InvalidParameter", "delimiter must be '/'")
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    for row in rows:
        head, found, _ = row.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        folded = f"{prefix}{head}{found}" if found else None
        if folded is not None and prefixes and prefixes[-1] == folded:
            continue
        if len(objects) + len(prefixes) == limit:
            return objects, prefixes, row.name
        if folded is None:
            objects.append(row)
        else:
            prefixes.append(folded)
    return objects, prefixes, None
