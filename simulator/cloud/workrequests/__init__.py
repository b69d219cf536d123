"""Work requests: what the long calls of the other services are doing. Progress is a function of world time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulator.kernel.clock import WorldClock
from simulator.kernel.store import Store

KIND = "work_request"


class WorkRequests:
    """The region's work requests, kept in its store."""

    def __init__(self, store: Store, clock: WorldClock, new_ocid: Callable[[str], str], compartment: str) -> None:
        self._store = store
        self._clock = clock
        self._new_ocid = new_ocid
        self._compartment = compartment

    def start(
        self,
        operation_type: str,
        resources: list[dict[str, Any]],
        *,
        duration: float,
        service: str = "database",
    ) -> str:
        """Open one; its id. ``resources`` are OCI's: entityType, actionType, identifier, entityUri.

        ``duration`` (world seconds) only shapes the percentage: the work is over when ``finish`` says so.
        """
        request_id = self._new_ocid("coreservicesworkrequest")
        self._store.put(
            KIND,
            request_id,
            {
                "id": request_id,
                "service": service,
                "operationType": operation_type,
                "status": "IN_PROGRESS",
                "compartmentId": self._compartment,
                "resources": resources,
                "duration": duration,
                "timeAccepted": self._clock.now().isoformat(),
                "timeFinished": None,
                "error": None,
            },
        )
        return request_id

    def finish(self, id: str, *, error: str | None = None, at: datetime | None = None) -> None:  # noqa: A002
        """Close it at ``at`` (now when not given): succeeded, or failed with the error's text."""
        document = self._store.get(KIND, id)
        if document is None:
            raise LookupError(f"no work request {id}")
        document["status"] = "SUCCEEDED" if error is None else "FAILED"
        document["error"] = error
        document["timeFinished"] = (at or self._clock.now()).isoformat()
        self._store.put(KIND, id, document)

    def get(self, id: str) -> dict[str, Any] | None:  # noqa: A002
        """The stored document with ``percentComplete`` (0-100) as of now, or None."""
        document = self._store.get(KIND, id)
        return None if document is None else self._with_progress(document)

    def find(self, **equals: object) -> list[dict[str, Any]]:
        """Those whose fields equal the values, oldest first."""
        return [self._with_progress(document) for document in self._store.find(KIND, **equals)]

    def _with_progress(self, document: dict[str, Any]) -> dict[str, Any]:
        if document["status"] != "IN_PROGRESS":
            return document | {"percentComplete": 100.0 if document["status"] == "SUCCEEDED" else 0.0}
        elapsed = (self._clock.now() - datetime.fromisoformat(document["timeAccepted"])).total_seconds()
        share = elapsed / document["duration"] if document["duration"] > 0 else 1.0
        return document | {"percentComplete": round(min(99.0, 100.0 * share), 1)}
