"""The report's two charts as inline SVG: availability over time, and the steps as bars on the same time axis.

No script and no outside font: the page is read from an archive, years later, by somebody without this software. The
colours are CSS classes of the page, so that dark mode and print follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from fittrack_dr.report.model import AvailabilitySlice, Moment, StepRow

WIDTH = 960
LEFT, RIGHT = 190, 16
TICK_STEPS = (5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Axis:
    """Maps time to x. ``start`` is also the zero of the labels."""

    start: datetime
    end: datetime

    def x(self, moment: datetime) -> float:
        """The pixel of a moment, clamped to the axis."""
        span = max((self.end - self.start).total_seconds(), 1e-9)
        share = min(max((moment - self.start).total_seconds() / span, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[tuple[float, str]]:
        """At most ten round offsets from the start, each with its label."""
        span = (self.end - self.start).total_seconds()
        step = next((s for s in TICK_STEPS if span / s <= 10), TICK_STEPS[-1])
        count = int(span // step) + 1
        return [(self.x(self.start + timedelta(seconds=n * step)), duration(n * step)) for n in range(count)]


def duration(seconds: float) -> str:
    """``75`` as ``1:15``, ``4000`` as ``1:06:40``."""
    whole = round(seconds)
    hours, rest = divmod(abs(whole), 3600)
    minutes, secs = divmod(rest, 60)
    sign = "-" if whole < 0 else ""
    return f"{sign}{hours}:{minutes:02}:{secs:02}" if hours else f"{sign}{minutes}:{secs:02}"


def _frame(axis: Axis, top: float, bottom: float) -> list[str]:
    parts: list[str] = []
    for x, label in axis.ticks():
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
    return parts


def _marks(axis: Axis, moments: Sequence[Moment], top: float, bottom: float, *, numbered: bool) -> list[str]:
    parts: list[str] = []
    for number, moment in enumerate(moments, start=1):
        x = axis.x(moment.at)
        parts.append(f'<line class="mark" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        if numbered:
            # Marks may stand close together: they alternate in height, and the legend below the chart names them.
            y = top - 7 - 13 * ((number - 1) % 2)
            parts.append(f'<text class="mark-number" x="{x:.1f}" y="{y}" text-anchor="middle">{number}</text>')
    return parts


def availability_chart(
    slices: Sequence[AvailabilitySlice], slice_seconds: float, moments: Sequence[Moment], axis: Axis
) -> Markup:
    """Served and failed share of the users' attempts, slice by slice; a slice with no attempt stays empty."""
    top, height = 40, 120
    bottom = top + height
    parts = _frame(axis, top, bottom)
    for share in (0, 50, 100):
        y = bottom - height * share / 100
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share} %</text>')
    for piece in slices:
        stop = piece.start + timedelta(seconds=slice_seconds)
        if not piece.attempted or stop <= axis.start or piece.start >= axis.end:
            continue
        x, end = axis.x(piece.start), axis.x(stop)
        served = height * piece.served / piece.attempted
        width = max(end - x - 0.4, 0.6)
        label = f"{piece.served} of {piece.attempted} served"
        if served:
            parts.append(
                f'<rect class="served" x="{x:.1f}" y="{bottom - served:.1f}" width="{width:.1f}" height="{served:.1f}">'
                f"<title>{label}</title></rect>"
            )
        if served < height:
            parts.append(
                f'<rect class="failed" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{height - served:.1f}">'
                f"<title>{label}</title></rect>"
            )
    parts += _marks(axis, moments, top, bottom, numbered=True)
    return _svg(parts, bottom + 26, "Users served over time")


def steps_chart(steps: Sequence[StepRow], moments: Sequence[Moment], axis: Axis) -> Markup:
    """One bar for each step that began."""
    begun = [step for step in steps if step.started is not None]
    top, row = 8, 22
    bottom = top + row * len(begun)
    parts = _frame(axis, top, bottom) + _marks(axis, moments, top, bottom, numbered=False)
    for index, step in enumerate(begun):
        assert step.started is not None
        y = top + row * index
        x = axis.x(step.started)
        end = axis.x(step.ended or axis.end)
        lasted = duration((step.ended - step.started).total_seconds()) if step.ended else "unfinished"
        parts.append(f'<text class="label" x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(step.id)}</text>')
        parts.append(
            f'<rect class="bar {escape(step.status)}" rx="2"'
            f' x="{x:.1f}" y="{y + 4}" width="{max(end - x, 2):.1f}" height="14">'
            f"<title>{escape(step.title)}: {escape(step.status)}, {lasted}</title></rect>"
        )
        anchor, at = ("start", end + 5) if end < WIDTH - RIGHT - 60 else ("end", x - 5)
        parts.append(f'<text class="tick" x="{at:.1f}" y="{y + 15}" text-anchor="{anchor}">{lasted}</text>')
    return _svg(parts, bottom + 26, "Steps over time")


def _svg(parts: Sequence[str], height: float, title: str) -> Markup:
    body = "".join(parts)
    # Every outside text in it was escaped where it was put in.
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{title}">{body}</svg>')
