"""Whole-process figures of the operator's commands: how they start, and what ``status`` costs over its slowest call."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.figures import Figure, Goal
from drills.box import Box, program, run

STARTS, LOOKS = 11, 7
HELP_GOAL, STATUS_GOAL = Goal(0.4), Goal(1.3)
WALL = "wall time"
HELP = "fittrack-dr --help over python -c 'import oci'"
STATUS = "fittrack-dr status over its slowest single call"


def environment() -> dict[str, str]:
    """Ours, in which Python keeps compiled modules: they are half of every start, as installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def help_figure() -> Figure:
    """``fittrack-dr --help`` over ``import oci``: medians of whole processes, run by turns so that load hits both."""
    ours, theirs = [program("fittrack-dr"), "--help"], [sys.executable, "-c", "import oci"]
    taken: dict[str, list[float]] = {"help": [], "import": []}
    for number in range(STARTS + 1):
        for name, command in (("help", ours), ("import", theirs)):
            seconds = _seconds(command)
            if number:  # the first round fills the page cache
                taken[name].append(seconds)
    ratio = statistics.median(taken["help"]) / statistics.median(taken["import"])
    medians = {name: statistics.median(values) for name, values in taken.items()}
    return Figure(
        "help",
        HELP,
        HELP_GOAL,
        value=ratio,
        rate=WALL,
        detail=f"medians of {STARTS} processes each, by turns: "
        f"{medians['help'] * 1000:.0f} ms over {medians['import'] * 1000:.0f} ms",
        parts={"seconds": taken},
    )


def status_figure(box: Box, rate: float) -> Figure:
    """``fittrack-dr status`` over its slowest single call, as it times itself; the median of several looks."""
    person = {**environment(), **box.environment("oncall")}
    looks = [json.loads(run(["fittrack-dr", "status", "--json"], person).out)["seconds"] for _ in range(LOOKS)]
    ratios = [look["total"] / max(look["calls"].values()) for look in looks]
    middle = looks[ratios.index(statistics.median(ratios))]
    slowest = max(middle["calls"], key=lambda call: middle["calls"][call])
    return Figure(
        "status",
        STATUS,
        STATUS_GOAL,
        value=statistics.median(ratios),
        rate=f"{WALL}; world at {rate:g}x",
        detail=f"median of {LOOKS} looks at a healthy world; in that one {middle['total'] * 1000:.0f} ms in all, "
        f"the slowest of {len(middle['calls'])} calls {middle['calls'][slowest] * 1000:.0f} ms ({slowest})",
        parts={"ratios": ratios, "looks": looks},
    )


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
