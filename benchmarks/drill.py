"""The main drill as one process: its outage over the critical path, its own time, and the memory that it needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Goal
from benchmarks.memory import Peak, Sampler
from benchmarks.programs import WALL, environment
from drills.box import Box

FAILOVER_GOAL, WARM_GOAL, COLD_GOAL, BOX_GOAL = Goal(1.05), Goal(180), Goal(360), Goal(1024)
FAILOVER = "our failover, region lost to users served, over the critical path of the cloud operations"
WARM, COLD = "make drill, warm", "make drill, cold: a fresh clone without an environment"
BOX = "the whole box under load, users and operator included"
MIB = 1024 * 1024
_OBJECTIVE_MISSED = 5
"""The drill's exit code when its own verdict is against it: everything was measured nevertheless."""


class DrillError(Exception):
    """The drill did not come to its end: one line."""


@dataclass(frozen=True)
class Drilled:
    """One run of the drill, in wall seconds; ``set_up`` is None where something would have to be installed first."""

    measurements: Mapping[str, Any]
    seconds: float
    set_up: float | None
    peak: Peak

    @property
    def outage(self) -> float:
        """World seconds from the loss to the last user served."""
        return float(self.measurements["outage_seconds"])

    @property
    def critical_path(self) -> float:
        """World seconds of the longest chain of operations."""
        return sum(float(part["seconds"]) for part in self.measurements["critical_path"])

    @property
    def rate(self) -> str:
        """The clock's rate while the outage lasted, from the drill's own words ("8 world seconds per second …")."""
        return f"{str(self.measurements['figures']['clock']).split()[0]}x"


def run_drill(out: Path, say: Callable[[str], None]) -> Drilled:
    """Run it to its end; its output goes to ``out``/drill.log. Raises DrillError."""
    out.mkdir(parents=True, exist_ok=True)
    measurements = out / "measurements.json"
    measurements.unlink(missing_ok=True)
    set_up = _set_up_check()
    say("running the main drill (two to three minutes)")
    with tempfile.TemporaryDirectory(prefix="fittrack-bench-") as room, (out / "drill.log").open("wb") as log:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "drills.region_failover", "--out", str(out)],
            env={**environment(), "TMPDIR": room},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _ended_with_us(process, Path(room)), Sampler(Path(room), process.pid) as sampler:
            code = process.wait()
        seconds = time.monotonic() - started
    if code not in (0, _OBJECTIVE_MISSED) or not measurements.exists():
        raise DrillError(f"the drill ended with {code}; see {out / 'drill.log'}")
    document = json.loads(measurements.read_text())
    if document["outage_seconds"] is None:
        raise DrillError(f"the drill ended with users who were not served; see {out / 'drill.log'}")
    return Drilled(document, seconds, set_up, sampler.peak)


@contextmanager
def _ended_with_us(process: subprocess.Popen[bytes], room: Path) -> Generator[None]:
    """When the block is left early, end the drill and those at its keyboard, and take down the world that it made."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        for world in room.glob("*/world"):
            Box(world).simulator("down")


def failover_figure(drilled: Drilled) -> Figure:
    """Lost to served, over the longest chain of the simulated operations' durations."""
    chain = " + ".join(f"{part['name']} {part['seconds']:.0f}" for part in drilled.measurements["critical_path"])
    return Figure(
        "failover",
        FAILOVER,
        FAILOVER_GOAL,
        value=drilled.outage / drilled.critical_path,
        rate=drilled.rate,
        detail=f"{drilled.outage:.0f} s over {drilled.critical_path:.0f} s of world time ({chain}); "
        f"{drilled.measurements['lost_writes']} of {drilled.measurements['acknowledged']} writes lost",
        parts={"outage_seconds": drilled.outage, "critical_path": drilled.measurements["critical_path"]},
    )


def warm_figure(drilled: Drilled) -> Figure:
    """What a person waits for with everything installed."""
    if drilled.set_up is None:
        why = "the environment is not as 'make setup' leaves it: run 'make setup' first"
        return Figure("drill", WARM, WARM_GOAL, unit="s", why_not=why)
    return Figure(
        "drill",
        WARM,
        WARM_GOAL,
        unit="s",
        value=drilled.set_up + drilled.seconds,
        rate=WALL,
        detail=f"on {os.cpu_count()} cores; of it {drilled.set_up:.2f} s to see that nothing is to be installed",
        parts={"set_up_seconds": drilled.set_up, "drill_seconds": drilled.seconds},
    )


def box_figure(drilled: Drilled) -> Figure:
    """The peak of the summed proportional set sizes while the drill ran."""
    peak = drilled.peak
    largest = sorted(peak.processes.items(), key=lambda item: -item[1])[:4]
    named = ", ".join(f"{name.partition(' ')[2]} {size / MIB:.0f}" for name, size in largest)
    return Figure(
        "box",
        BOX,
        BOX_GOAL,
        unit="MiB",
        value=peak.size / MIB,
        rate=drilled.rate,
        detail=f"peak of {peak.samples} samples, the PSS of {len(peak.processes)} processes; the largest: {named}",
        parts={"processes_bytes": dict(peak.processes), "samples": peak.samples},
    )


def cold_figure(out: Path, say: Callable[[str], None]) -> Figure:
    """``make drill`` in a fresh clone of what is committed, its environment included."""
    say("running 'make drill' in a fresh clone (up to six minutes)")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fittrack-bench-") as room, (out / "cold.log").open("wb") as log:
        clone = Path(room) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        started = time.monotonic()
        process = subprocess.Popen(
            ["make", "drill"],
            cwd=clone,
            env={**_outside(), "TMPDIR": room},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _ended_with_us(process, Path(room)):
            code = process.wait()
        seconds = time.monotonic() - started
    if code not in (0, _OBJECTIVE_MISSED):
        raise DrillError(f"'make drill' ended with {code}; see {out / 'cold.log'}")
    detail = f"on {os.cpu_count()} cores, installation from the package index included"
    return Figure("cold", COLD, COLD_GOAL, unit="s", value=seconds, rate=WALL, detail=detail)


def _outside() -> dict[str, str]:
    """An environment that does not know of the one we run in, nor of a make above us."""
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != ours)
    unset = {"VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    return {name: value for name, value in environment().items() if name not in unset} | {"PATH": path}


def _set_up_check() -> float | None:
    """Wall seconds in which make finds that nothing is to be installed; None when it finds something, or no make."""
    started = time.monotonic()
    try:
        done = subprocess.run(["make", "--question", "setup"], env=_outside(), capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return time.monotonic() - started if done.returncode == 0 else None
