"""Renders a ``RunReport`` as one self-contained HTML page."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import jinja2

from fittrack_dr.report.charts import Axis, availability_chart, duration, steps_chart
from fittrack_dr.report.model import Objective, RunReport


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit as a person reads it: seconds as h:mm:ss, None as "not measured"."""
    if value is None:
        return "not measured"
    if unit == "s":
        return duration(value)
    shown = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    return f"{shown} {unit}".strip()


def moment(value: datetime | None) -> str:
    """``2026-01-02 03:04:05`` (UTC is said once, at the head of the page)."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M:%S")


def _axis(report: RunReport) -> Axis:
    """From shortly before the first mark to shortly after the last one: the long quiet watch is cut, and said so."""
    marks = [m.at for m in report.moments]
    begun = [s.started for s in report.steps if s.started is not None]
    starts = marks or begun or [report.opened]
    ends = marks or [s.ended for s in report.steps if s.ended is not None] or [report.closed or report.opened]
    margin = max((max(ends) - min(starts)) * 0.08, timedelta(seconds=20))
    return Axis(min(starts) - margin / 2, max(ends) + margin)


def _share(objective: Objective) -> float:
    if objective.measured is None or not objective.limit:
        return 0.0
    return min(objective.measured / objective.limit * 100, 100.0)


def render(report: RunReport) -> str:
    """The page, complete in itself: no script, no request to anywhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fittrack_dr.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "quantity": quantity,
        "moment": moment,
        "share": _share,
        "pretty": lambda value: json.dumps(value, indent=2, sort_keys=True, default=str),
    }
    environment.filters.update(filters)
    axis = _axis(report)
    return environment.get_template("report.html.j2").render(
        report=report,
        axis=axis,
        availability=availability_chart(report.availability, report.slice_seconds, report.moments, axis),
        steps=steps_chart(report.steps, report.moments, axis),
    )
