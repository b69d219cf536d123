"""Object headers both ways: what a write may say, what a read tells; digests and ranges."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime

from simulator.cloud.objectstorage.base import http_date
from simulator.cloud.objectstorage.catalog import StoredObject
from simulator.cloud.objectstorage.errors import invalid, not_implemented
from simulator.cloud.service import Request, ServiceError, Upload

KEPT_HEADERS = ("content-type", "content-language", "content-encoding", "content-disposition", "cache-control")
META = "opc-meta-"
TIERS = ("Standard", "InfrequentAccess", "Archive")
MAXIMUM_METADATA = 4000
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def kept_headers(request: Request) -> dict[str, str]:
    """The headers of a write that a read gives back. Raises 400 when the metadata is too large."""
    kept = {name: text for name, text in request.headers.items() if name in KEPT_HEADERS or name.startswith(META)}
    kept.setdefault("content-type", "application/octet-stream")
    check_metadata({name: text for name, text in kept.items() if name.startswith(META)})
    return kept


def check_metadata(metadata: dict[str, str]) -> None:
    """Raises 400 when names and values together exceed OCI's limit."""
    size = sum(len(name) + len(text) for name, text in metadata.items())
    if size > MAXIMUM_METADATA:
        raise invalid("MetadataTooLarge", f"User metadata is {size} bytes, more than {MAXIMUM_METADATA}")


def check_tier(tier: object) -> str | None:
    """A storage tier, or None for the bucket's own. Raises 400 for one that there is not."""
    if tier is not None and tier not in TIERS:
        raise invalid("InvalidObjectProperty", f"The storage tier must be one of {', '.join(TIERS)}")
    return str(tier) if tier else None


def check_digests(request: Request, upload: Upload) -> None:
    """Raises 400 when the body is not what the caller's digests say, 501 for a digest or key not supported."""
    for name in ("opc-content-crc32c", "opc-sse-customer-key"):
        if name in request.headers:
            raise not_implemented(f"put_object with {name}")
    _compare(request, "content-md5", upload.md5, "UnmatchedContentMD5")
    _compare(request, "opc-content-sha256", upload.sha256, "MissingOrInvalidChecksum")
    if "opc-content-sha384" in request.headers:
        with upload.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha384").digest()
        _compare(request, "opc-content-sha384", digest, "MissingOrInvalidChecksum")


def describe(stored: StoredObject) -> dict[str, str]:
    """The headers of a get or head."""
    headers = dict(stored.headers)
    headers |= {
        "etag": stored.etag,
        "last-modified": http_date(datetime.fromisoformat(stored.modified)),
        "storage-tier": stored.tier,
        "version-id": stored.version,
        "accept-ranges": "bytes",
    }
    if stored.md5 is not None:
        headers["content-md5"] = stored.md5
    if stored.multipart_md5 is not None:
        headers["opc-multipart-md5"] = stored.multipart_md5
    if stored.archival is not None:
        headers["archival-state"] = stored.archival
    if stored.restored_until is not None:
        headers["time-of-archival"] = stored.restored_until
    return headers


def parse_range(text: str | None, size: int) -> tuple[int, int] | None:
    """(offset, length) of one byte range, None without or with another unit. Raises 416 outside the object."""
    match = _RANGE.fullmatch(text.replace(" ", "")) if text else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start >= size or end < start:
        raise ServiceError(416, "InvalidRange", f"Range {text} is outside of an object of {size} bytes")
    return start, end - start + 1


def base64_text(digest: bytes) -> str:
    """As digests travel."""
    return base64.b64encode(digest).decode()


def _compare(request: Request, header: str, digest: bytes, code: str) -> None:
    stated = request.headers.get(header)
    if stated is not None and stated != base64_text(digest):
        raise invalid(
            code, f"The computed {header} of the request body ({base64_text(digest)}) does not match ({stated})"
        )
