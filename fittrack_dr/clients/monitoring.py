"""Monitoring of one region: how far its standby is behind, as the standby's own region measures it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fittrack_dr.clients.failures import reading
from fittrack_dr.clients.session import Session
from fittrack_dr.domain.cloud import Measurement

NAMESPACE = "oci_autonomous_database"


class MonitoringClient:
    """Metrics of one region."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self.region = region

    def peer_lag(self, database_id: str, *, since: datetime, until: datetime) -> tuple[Measurement, ...]:
        """Seconds that the standby ``database_id`` was behind, one value a minute, oldest first; empty when unknown.

        ``since`` and ``until`` are aware; several streams of one database in a minute count as the worst of them.
        """
        from oci.monitoring import MonitoringClient as Sdk
        from oci.monitoring.models import SummarizeMetricsDataDetails

        profile = self._session.profile
        details = SummarizeMetricsDataDetails(
            namespace=NAMESPACE,
            query=f'PeerLag[1m]{{resourceId = "{database_id}"}}.max()',
            start_time=since.astimezone(UTC),
            end_time=until.astimezone(UTC),
        )
        with reading(f"read PeerLag of {database_id} in {self.region}", profile):
            client = self._session.client(Sdk, self.region)
            return _worst(client.summarize_metrics_data(profile.compartment, details).data)


def _worst(streams: Any) -> tuple[Measurement, ...]:
    values: dict[datetime, float] = {}
    for stream in streams:
        for point in stream.aggregated_datapoints or ():
            at, value = point.timestamp.astimezone(UTC), float(point.value)
            values[at] = max(value, values.get(at, value))
    return tuple(Measurement(at, values[at]) for at in sorted(values))
