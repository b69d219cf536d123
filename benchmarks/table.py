"""The figures as a table for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figure, Verdict

_COLOURS = {Verdict.MET: "green", Verdict.MISSED: "bold red", Verdict.BROKEN: "bold red"}


def table(figures: Iterable[Figure]) -> Table:
    """One row a figure, its explanation under its title."""
    shown = Table(show_lines=True)
    shown.add_column("figure", ratio=1)
    shown.add_column("measured", justify="right", no_wrap=True)
    shown.add_column("goal", justify="right", no_wrap=True)
    shown.add_column("of goal", justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    shown.add_column("clock", max_width=22)
    for figure in figures:
        explanation = figure.detail if figure.value is not None else figure.why_not
        shown.add_row(
            Text.assemble(figure.title, (f"\n{explanation}" if explanation else "", "dim")),
            amount(figure.value, figure.unit),
            _goal(figure),
            "" if figure.of_goal is None else f"{figure.of_goal:.2f}",
            Text(figure.verdict.value, style=_COLOURS.get(figure.verdict, "")),
            figure.rate,
        )
    return shown


def amount(value: float | None, unit: str) -> str:
    """A value with its unit, as precise as it means something: ratios to two places, times and sizes to wholes."""
    if value is None:
        return "–"
    return f"{value:.0f} {unit}" if unit else f"{value:.3f}" if value < 2 else f"{value:.2f}"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{'≥' if figure.goal.at_least else '≤'} {figure.goal.limit:g}{' ' if figure.unit else ''}{figure.unit}"
