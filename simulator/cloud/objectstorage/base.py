"""What the room's modules share: the service they register on, conditions, names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulator.cloud.http import timestamp
from simulator.cloud.objectstorage.catalog import BUCKET, ROOM, Catalog
from simulator.cloud.objectstorage.errors import (
    bucket_not_found,
    if_match_failed,
    if_none_match_failed,
    invalid,
    namespace_not_found,
)
from simulator.cloud.service import Region, Request, Service
from simulator.kernel import ids

SERVICE = Service(ROOM, "")

_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{1,256}")


@SERVICE.setup
def open_catalog(region: Region) -> None:
    """The objects and their files."""
    region.rooms[ROOM] = Catalog(region)


def check_namespace(region: Region, request: Request) -> str:
    """The path's namespace. Raises 404 unless it is the tenancy's."""
    namespace = request.path["namespaceName"]
    if namespace != region.world.namespace:
        raise namespace_not_found(namespace)
    return namespace


def need_bucket(region: Region, request: Request) -> dict[str, Any]:
    """The path's bucket. Raises 404."""
    namespace = check_namespace(region, request)
    name = request.path["bucketName"]
    bucket = region.store.get(BUCKET, name)
    if bucket is None:
        raise bucket_not_found(namespace, name)
    return bucket


def check_bucket_name(name: object) -> str:
    """Raises 400 for a name that OCI refuses."""
    if not isinstance(name, str) or not _BUCKET_NAME.fullmatch(name):
        raise invalid("InvalidBucketName", f"Bucket name {name!r}: letters, digits, '-', '_' and '.', at most 256")
    return name


def check_object_name(name: object) -> str:
    """Raises 400 for a name that OCI refuses."""
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= 1024 or any(c in name for c in "\0\r\n"):
        raise invalid("InvalidObjectName", f"Object name {name!r}: 1 to 1024 bytes without NUL, CR and LF")
    return name


def check_conditions(headers: Mapping[str, str], etag: str | None, name: str) -> None:
    """``if-match`` and ``if-none-match`` of a write over the current etag (None: there is nothing). Raises 412."""
    wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
    if unwanted not in (None, "*"):
        raise invalid("InvalidConditionalHeaders", "The If-None-Match header of a write must be '*'")
    if unwanted == "*" and etag is not None:
        raise if_none_match_failed(name)
    if wanted is not None and (etag is None or wanted not in ("*", etag)):
        raise if_match_failed(wanted, etag)


def new_etag(region: Region) -> str:
    """A fresh entity tag."""
    number = region.store.next_number("os.etag")
    return ids.etag(region.world.seed, region.name, number)


def http_date(moment: datetime) -> str:
    """For Last-Modified."""
    from email.utils import format_datetime

    return format_datetime(moment, usegmt=True)


def now_text(region: Region) -> str:
    """World time as the API writes it."""
    return timestamp(region.clock.now())
