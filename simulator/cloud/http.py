"""What OCI's services have in common on the wire: times, entity tags, pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from simulator.cloud.service import Region, Request, ServiceError

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000


def timestamp(moment: datetime) -> str:
    """RFC 3339 with milliseconds, as OCI writes times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object, field: str) -> datetime:
    """A time from a request. Raises 400 naming the field."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ServiceError(400, "InvalidParameter", f"{field}: {text!r} is not an RFC 3339 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def require_match(request: Request, etag: str) -> None:
    """Raises 412 when the caller's if-match names another state than ``etag``."""
    wanted = request.headers.get("if-match")
    if wanted not in (None, "*", etag):
        raise ServiceError(412, "NoEtagMatch", f"The resource's etag is {etag}, not {wanted}")


def limit_of(request: Request, *, default: int = DEFAULT_LIMIT, maximum: int = MAXIMUM_LIMIT) -> int:
    """The page size that the caller asked for. Raises 400 outside 1 to ``maximum``."""
    text = request.query.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= maximum:
        raise ServiceError(400, "InvalidParameter", f"limit must be between 1 and {maximum}")
    return int(text)


def page_start(request: Request) -> int:
    """At which row the page that the caller asked for begins. Raises 400 for a page that was not given out."""
    page = request.query.get("page", "0")
    if not page.isdigit():
        raise ServiceError(400, "InvalidParameter", f"page {page!r} was not given out by this service")
    return int(page)


def paginate(request: Request, rows: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """One page of the rows, and the headers that lead to the next (``opc-next-page`` is the next row's index)."""
    limit = limit_of(request)
    start = page_start(request)
    headers = {"opc-total-items": str(len(rows))}
    if start + limit < len(rows):
        headers["opc-next-page"] = str(start + limit)
    return list(rows[start : start + limit]), headers


def require_compartment(region: Region, compartment: object) -> str:
    """A compartment that exists: the world's, or its root. Raises OCI's 404 for any other, 400 for none."""
    if not compartment:
        raise ServiceError(400, "MissingParameter", "compartmentId is required")
    if compartment not in (region.world.compartment, region.world.tenancy):
        raise ServiceError(
            404, "NotAuthorizedOrNotFound", f"Authorization failed or compartment not found: {compartment}"
        )
    return str(compartment)
