"""What users measured during a run, as the drill's judge or a monitoring system writes it: one JSON file.

A journal knows what was done; only users know since when they were not served and which writes they lost. Without such
a file a report says that these were not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fittrack_dr.domain.values import Document
from fittrack_dr.errors import ConfigError
from fittrack_dr.report.model import AvailabilitySlice, PathPart

SCHEMA = 1


@dataclass(frozen=True)
class Measurements:
    """Times are aware UTC in the clock of the run, durations its seconds. ``outage`` None: not everybody is served."""

    lost_at: datetime
    detected_at: datetime | None
    first_served_at: datetime | None
    all_served_at: datetime | None
    outage: float | None
    users: int
    acknowledged: int
    lost_writes: int
    lost_seconds: float
    missing_after: int
    availability: tuple[AvailabilitySlice, ...]
    slice_seconds: float
    critical_path: tuple[PathPart, ...]
    figures: Mapping[str, str]
    not_measured: tuple[str, ...]


def read_measurements(path: Path) -> Measurements:
    """Raises ConfigError for a file that cannot be read, MalformedError naming the field that is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"measurements {path}: cannot be read ({error.strerror}); name the judge's file") from error
    document = Document.parse(data, str(path))
    if document.integer("schema") != SCHEMA:
        raise ConfigError(f"measurements {path}: schema {document.integer('schema')}, and this version reads {SCHEMA}")
    figures = document.document("figures")
    return Measurements(
        lost_at=document.moment("lost_at"),
        detected_at=_optional_moment(document, "detected_at"),
        first_served_at=_optional_moment(document, "first_served_at"),
        all_served_at=_optional_moment(document, "all_served_at"),
        outage=document.optional_number("outage_seconds"),
        users=document.integer("users"),
        acknowledged=document.integer("acknowledged"),
        lost_writes=document.integer("lost_writes"),
        lost_seconds=document.number("lost_seconds"),
        missing_after=document.integer("missing_after"),
        availability=tuple(
            AvailabilitySlice(each.moment("start"), each.integer("attempted"), each.integer("served"))
            for each in document.documents("slices")
        ),
        slice_seconds=document.number("slice_seconds"),
        critical_path=tuple(
            PathPart(each.text("name"), each.number("seconds"), each.text("source"))
            for each in document.documents("critical_path")
        ),
        figures={name: figures.text(name) for name in document.mapping("figures")},
        not_measured=document.texts("not_measured"),
    )


def _optional_moment(document: Document, name: str) -> datetime | None:
    return None if document.optional_text(name) is None else document.moment(name)
