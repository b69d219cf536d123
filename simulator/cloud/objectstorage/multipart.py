"""Multipart uploads: parts are kept as they come; the commit makes them one object without moving a byte."""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.cloud.http import paginate
from simulator.cloud.objectstorage.base import (
    SERVICE,
    check_conditions,
    check_object_name,
    need_bucket,
    new_etag,
    now_text,
)
from simulator.cloud.objectstorage.catalog import PART, UPLOAD, Content, catalog
from simulator.cloud.objectstorage.contents import META, base64_text, check_digests, check_metadata, check_tier
from simulator.cloud.objectstorage.errors import invalid
from simulator.cloud.objectstorage.objects import store_object, written
from simulator.cloud.service import Region, Reply, Request, ServiceError

_UPLOADS = "/n/{namespaceName}/b/{bucketName}/u"
_UPLOAD = "/n/{namespaceName}/b/{bucketName}/u/{objectName*}"
_HEADERS = {
    "contentType": "content-type",
    "contentLanguage": "content-language",
    "contentEncoding": "content-encoding",
    "contentDisposition": "content-disposition",
    "cacheControl": "cache-control",
}
_SUMMARY = ("namespace", "bucket", "object", "uploadId", "timeCreated", "storageTier")
MAXIMUM_PART = 10_000


@SERVICE.operation("POST", _UPLOADS, "create_multipart_upload")
def create_multipart_upload(region: Region, request: Request) -> Reply:
    """Begin; the upload id."""
    bucket = need_bucket(region, request)
    name = check_object_name(request.need("object"))
    current = catalog(region).latest(bucket["name"], name)
    check_conditions(request.headers, current.etag if current else None, name)
    metadata = {
        key if key.startswith(META) else META + key: text for key, text in (request.body.get("metadata") or {}).items()
    }
    check_metadata(metadata)
    headers = {header: request.body[key] for key, header in _HEADERS.items() if request.body.get(key)}
    upload: dict[str, Any] = {
        "namespace": bucket["namespace"],
        "bucket": bucket["name"],
        "object": name,
        "uploadId": region.new_token("upload"),
        "timeCreated": now_text(region),
        "storageTier": check_tier(request.body.get("storageTier")) or bucket["storageTier"],
        "headers": {"content-type": "application/octet-stream"} | headers | metadata,
    }
    region.store.put(UPLOAD, upload["uploadId"], upload)
    return Reply({key: upload[key] for key in _SUMMARY})


@SERVICE.operation("GET", _UPLOADS, "list_multipart_uploads")
def list_multipart_uploads(region: Region, request: Request) -> Reply:
    """Those begun and neither committed nor aborted."""
    bucket = need_bucket(region, request)
    page, headers = paginate(request, region.store.find(UPLOAD, bucket=bucket["name"]))
    return Reply([{key: row[key] for key in _SUMMARY} for row in page], headers=headers)


@SERVICE.operation("PUT", _UPLOAD, "upload_part", streamed=True)
def upload_part(region: Region, request: Request) -> Reply:
    """Keep one part; sending its number again replaces it."""
    upload = _need_upload(region, request)
    text = request.query.get("uploadPartNum", "")
    if not text.isdigit() or not 1 <= int(text) <= MAXIMUM_PART:
        raise invalid("InvalidUploadPartNumber", f"uploadPartNum must be between 1 and {MAXIMUM_PART}")
    if request.upload is None:
        raise invalid("ContentLengthRequired", "A body is required")
    check_digests(request, request.upload)
    key = f"{upload['uploadId']}/{int(text):05d}"
    previous = region.store.get(PART, key)
    md5 = base64_text(request.upload.md5)
    part: dict[str, Any] = {
        "uploadId": upload["uploadId"],
        "partNumber": int(text),
        "etag": new_etag(region),
        "md5": md5,
        "size": request.upload.size,
        "digest": request.upload.md5.hex(),
        "blob": catalog(region).keep(request.upload),
    }
    region.store.put(PART, key, part)
    if previous is not None:
        catalog(region).discard([tuple(previous["blob"])])
    return Reply(headers={"etag": part["etag"], "opc-content-md5": md5})


@SERVICE.operation("GET", _UPLOAD, "list_multipart_upload_parts")
def list_multipart_upload_parts(region: Region, request: Request) -> Reply:
    """The parts that arrived, by number."""
    upload = _need_upload(region, request)
    rows = [{key: part[key] for key in ("etag", "md5", "size", "partNumber")} for part in _parts(region, upload)]
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)


@SERVICE.operation("POST", _UPLOAD, "commit_multipart_upload")
def commit_multipart_upload(region: Region, request: Request) -> Reply:
    """Make the named parts, in order of number, the object."""
    upload = _need_upload(region, request)
    bucket = need_bucket(region, request)
    current = catalog(region).latest(bucket["name"], upload["object"])
    check_conditions(request.headers, current.etag if current else None, upload["object"])
    parts = _parts(region, upload)
    chosen = _choose(request, parts)
    digest = hashlib.md5(b"".join(bytes.fromhex(part["digest"]) for part in chosen), usedforsecurity=False)
    content = Content(
        blobs=tuple((part["blob"][0], part["blob"][1]) for part in chosen),
        headers=upload["headers"],
        multipart_md5=f"{base64_text(digest.digest())}-{len(chosen)}",
    )
    with region.store.transaction():
        stored = store_object(region, bucket, upload["object"], content, upload["storageTier"])
        _forget(region, upload)
    kept = {part["partNumber"] for part in chosen}
    catalog(region).discard(tuple(part["blob"]) for part in parts if part["partNumber"] not in kept)
    return Reply(headers=written(stored) | {"opc-multipart-md5": stored.multipart_md5 or ""})


@SERVICE.operation("DELETE", _UPLOAD, "abort_multipart_upload")
def abort_multipart_upload(region: Region, request: Request) -> Reply:
    """Give up; its parts are removed."""
    abort(region, _need_upload(region, request))
    return Reply(status=204)


def abort(region: Region, upload: dict[str, Any]) -> None:
    """Remove an upload and its parts."""
    parts = _parts(region, upload)
    with region.store.transaction():
        _forget(region, upload)
    catalog(region).discard(tuple(part["blob"]) for part in parts)


def _forget(region: Region, upload: dict[str, Any]) -> None:
    region.store.delete(UPLOAD, upload["uploadId"])
    for part in _parts(region, upload):
        region.store.delete(PART, f"{upload['uploadId']}/{part['partNumber']:05d}")


def _parts(region: Region, upload: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(region.store.find(PART, uploadId=upload["uploadId"]), key=lambda part: part["partNumber"])


def _choose(request: Request, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts to commit. Raises 400 when one is missing, changed, named twice, or left unnamed."""
    arrived = {part["partNumber"]: part for part in parts}
    wanted = request.need("partsToCommit")
    numbers = [row.get("partNum") for row in wanted]
    if not numbers or len(set(numbers)) != len(numbers):
        raise invalid("InvalidUploadPart", "partsToCommit must name each part once, and at least one")
    for row in wanted:
        part = arrived.get(row.get("partNum"))
        if part is None or part["etag"] != row.get("etag"):
            raise invalid("InvalidUploadPart", f"Part {row.get('partNum')} was not uploaded with this etag")
    excluded = set(request.body.get("partsToExclude") or [])
    if left := sorted(set(arrived) - set(numbers) - excluded):
        raise invalid("InvalidUploadPart", f"Parts {left} are neither committed nor excluded")
    return [arrived[number] for number in sorted(numbers)]


def _need_upload(region: Region, request: Request) -> dict[str, Any]:
    bucket = need_bucket(region, request)
    upload_id = request.query.get("uploadId", "")
    upload = region.store.get(UPLOAD, upload_id)
    if upload is None or (upload["bucket"], upload["object"]) != (bucket["name"], request.path["objectName"]):
        raise ServiceError(404, "UploadNotFound", f"No upload {upload_id!r} of this object is in progress")
    return upload
