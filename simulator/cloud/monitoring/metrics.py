"""The data points a region keeps: one value per stream and world minute, on disk, for ninety days.

A stream is (namespace, name, compartment, dimensions). Points are stored by the hour, so that a query over days
reads few documents and a kill loses none that was recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.kernel.store import Store

STREAM_KIND: Final = "metric_stream"
POINTS_KIND: Final = "metric_points"
KEPT: Final = timedelta(days=90)


@dataclass(frozen=True)
class Stream:
    """One series of data points and what identifies it."""

    namespace: str
    name: str
    compartment_id: str
    dimensions: Mapping[str, str]
    unit: str = ""
    display_name: str = ""

    @property
    def id(self) -> str:
        identity = [self.namespace, self.name, self.compartment_id, sorted(self.dimensions.items())]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


class Metrics:
    """Reads and writes data points in a region's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, stream: Stream, moment: datetime, value: float) -> None:
        """Keep ``value`` for the minute of ``moment`` (aware UTC); a second one for the same minute replaces it."""
        hour = _hour(moment)
        key = f"{stream.id}/{hour:%Y%m%dT%H}"
        with self._store.transaction():
            document = self._store.get(POINTS_KIND, key)
            if document is None:
                self._declare(stream, hour)
            values: dict[str, float] = document["values"] if document else {}
            values[str(moment.minute)] = value
            self._store.put(POINTS_KIND, key, {"stream": stream.id, "values": values})

    def streams(self, **equals: str) -> list[Stream]:
        """Every stream that has ever had a point, in order of first appearance."""
        return [
            Stream(
                namespace=document["namespace"],
                name=document["name"],
                compartment_id=document["compartment_id"],
                dimensions=document["dimensions"],
                unit=document["unit"],
                display_name=document["display_name"],
            )
            for document in self._store.find(STREAM_KIND, **equals)
        ]

    def points(self, stream: Stream, start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
        """The points with ``start`` <= minute < ``end``, oldest first."""
        hour = _hour(start)
        while hour < end:
            document = self._store.get(POINTS_KIND, f"{stream.id}/{hour:%Y%m%dT%H}")
            values: dict[str, float] = document["values"] if document else {}
            for minute in sorted(map(int, values)):
                moment = hour + timedelta(minutes=minute)
                if _minute(start) <= moment < end:
                    yield moment, values[str(minute)]
            hour += timedelta(hours=1)

    def _declare(self, stream: Stream, hour: datetime) -> None:
        """Note the stream's oldest hour; drop those that have become too old."""
        known = self._store.get(STREAM_KIND, stream.id)
        oldest = hour if known is None else datetime.fromisoformat(known["oldest"])
        while oldest <= hour - KEPT:
            self._store.delete(POINTS_KIND, f"{stream.id}/{oldest:%Y%m%dT%H}")
            oldest += timedelta(hours=1)
        document: dict[str, Any] = {
            "namespace": stream.namespace,
            "name": stream.name,
            "compartment_id": stream.compartment_id,
            "dimensions": dict(stream.dimensions),
            "unit": stream.unit,
            "display_name": stream.display_name,
            "oldest": oldest.isoformat(),
        }
        self._store.put(STREAM_KIND, stream.id, document)
