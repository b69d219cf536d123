"""IAM's writes: in the home region alone, each a numbered change that the other region follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.cloud.service import Region, ServiceError
from simulator.kernel.store import Store

CHANGE = "iam.change"
_APPLIED = "iam.applied"


@dataclass(frozen=True)
class Change:
    """``document`` None removes the row. ``time`` is when it was written, ISO 8601, world time."""

    number: int
    time: str
    kind: str
    id: str
    document: dict[str, Any] | None

    @property
    def moment(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.time)


def require_home(region: Region) -> None:
    """Raises OCI's 403 outside the home region."""
    home = region.world.home_region
    if region.name != home.name:
        raise ServiceError(
            403,
            "NotAllowed",
            f"Please go to your home region {home.key.upper()} to execute CREATE, UPDATE and DELETE operations.",
        )


def write(region: Region, kind: str, id: str, document: dict[str, Any] | None) -> None:  # noqa: A002
    """Write a row, or remove it, and number the change for the other region. Raises 403 outside the home region."""
    require_home(region)
    with region.store.transaction():
        number = region.store.next_number(CHANGE)
        change = Change(number, region.clock.now().isoformat(), kind, id, document)
        region.store.put(CHANGE, f"{number:012d}", vars(change))
        _apply(region.store, change)


def last_number(store: Store) -> int:
    """How many changes were written here."""
    counter = store.get("counter", CHANGE)
    return 0 if counter is None else int(counter["value"])


def read(store: Store, number: int) -> Change:
    """One change. Raises LookupError when it was not written here."""
    document = store.get(CHANGE, f"{number:012d}")
    if document is None:
        raise LookupError(f"no IAM change {number}")
    return Change(**document)


def applied(store: Store) -> int:
    """Up to which change this region follows the home region."""
    row = store.get(_APPLIED, "last")
    return 0 if row is None else int(row["number"])


def follow(store: Store, change: Change) -> None:
    """Apply the home region's next change, once."""
    if change.number != applied(store) + 1:
        raise ValueError(f"IAM change {change.number} does not follow {applied(store)}")
    with store.transaction():
        _apply(store, change)
        store.put(_APPLIED, "last", {"number": change.number})


def _apply(store: Store, change: Change) -> None:
    if change.document is None:
        store.delete(change.kind, change.id)
    else:
        store.put(change.kind, change.id, change.document)
