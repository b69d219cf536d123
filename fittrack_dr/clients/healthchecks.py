"""Health Checks: what the vantage points outside both regions saw of each, which no view from one desk replaces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fittrack_dr.clients.failures import reading, shortened
from fittrack_dr.clients.session import Session, pages
from fittrack_dr.domain.cloud import VantageResult


class HealthChecksClient:
    """The HTTP monitors of the tenancy, asked in the region that is up: they belong to none."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self.region = region

    def results(self, monitor_id: str, *, since: datetime, until: datetime) -> tuple[VantageResult, ...]:
        """Every result that began between two aware moments, oldest first."""
        from oci.healthchecks import HealthChecksClient as Sdk

        with reading(f"read the results of health monitor {monitor_id} in {self.region}", self._session.profile):
            client = self._session.client(Sdk, self.region)
            found = pages(
                client.list_http_probe_results,
                monitor_id,
                start_time_greater_than_or_equal_to=_milliseconds(since),
                start_time_less_than_or_equal_to=_milliseconds(until),
                sort_order="ASC",
            )
            return tuple(sorted((_result(each) for each in found), key=lambda result: result.at))


def _milliseconds(moment: datetime) -> float:
    return moment.timestamp() * 1000


def _result(model: Any) -> VantageResult:
    healthy = bool(model.is_healthy) and not model.is_timed_out
    status: int | None = model.status_code or None
    said = f"HTTP {status}" if status else "timed out" if model.is_timed_out else model.error_message or "no answer"
    return VantageResult(
        vantage_point=str(model.vantage_point_name),
        target=str(model.target),
        at=datetime.fromtimestamp(float(model.start_time) / 1000, UTC),
        healthy=healthy,
        status_code=status,
        detail=shortened(str(said)),
    )
