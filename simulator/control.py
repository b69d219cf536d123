"""Starts, stops, loses and returns the processes of a world: always by recorded id and start time, never by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.kernel.clock import WorldClock
from simulator.kernel.process import ProcessRecord
from simulator.kernel.worldfile import World, WorldError

READY_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
_POLL = 0.02

LOSSES: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "control-plane": (("control", False),),
    "data-plane": (("data", False),),
    "operator": (("control", True), ("data", True)),
    "link": (("link", False),),
}
"""Ways of losing a region by faults: the planes that stall, and whether only for who is outside the world."""


def record_of(world: World, process: str) -> ProcessRecord | None:
    """What the process's directory says about it, when it runs or left members of its group behind."""
    record = ProcessRecord.read(world.home_of(process))
    return record if record is not None and record.members() else None


def start(world: World, processes: Iterable[str], *, stopped: Collection[str] = ()) -> list[subprocess.Popen[bytes]]:
    """Start processes and wait until all answer ready; those named in ``stopped`` until they stopped themselves.

    Raises WorldError when one ends or is not ready in time; then those that were started here are stopped.
    """
    names = list(processes)
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in names:
            stop_group(world, name, grace=0)
            started[name] = _spawn(world, name, stopped=name in stopped)
        deadline = time.monotonic() + READY_TIMEOUT
        for name, child in started.items():
            _await_ready(world, name, child, deadline, stopped=name in stopped)
    except BaseException:
        for name in started:
            stop_group(world, name, grace=0)
        forget(world, started)
        raise
    return list(started.values())


def stop(world: World) -> None:
    """End every process of the world; nothing of them is left when this returns."""
    for name in world.processes:
        if (record := record_of(world, name)) is not None:
            _signal_leader(record)
    for name in world.processes:
        stop_group(world, name, grace=STOP_TIMEOUT)


def stop_group(world: World, name: str, *, grace: float) -> None:
    """End one process and all of its group: first by itself for ``grace`` seconds, then by SIGKILL."""
    record = record_of(world, name)
    if record is None:
        return
    if grace:
        _signal_leader(record)
        deadline = time.monotonic() + grace
        while record.members() and time.monotonic() < deadline:
            time.sleep(_POLL)
    deadline = time.monotonic() + STOP_TIMEOUT
    while record.signal(signal.SIGKILL):
        if time.monotonic() > deadline:
            raise WorldError(f"{name}: its processes {record.members()} do not end")
        time.sleep(_POLL)


def lose(world: World, region: str, how: str) -> datetime:
    """Lose a region; the world time just before. ``blackhole`` stops its group, ``kill`` kills it, the rest cut planes.

    Raises WorldError when it does not run.
    """
    record = record_of(world, region)
    if record is None or not record.alive:
        raise WorldError(f"{region}: does not run, so it cannot be lost; `simulator return {region}` starts it")
    at = WorldClock(world.clock_file).now()
    if how == "blackhole":
        record.signal(signal.SIGSTOP)
    elif how == "kill":
        stop_group(world, region, grace=0)
    else:
        for target in list(world.regions) if how == "link" else [region]:
            for plane, operator_only in LOSSES[how]:
                fault = {"id": f"lost/{plane}", "layer": "socket", "kind": "stall", "plane": plane}
                ask(world, target, "POST", "/faults", fault | {"operator_only": operator_only})
    return at


def bring_back(world: World, region: str) -> None:
    """Undo every loss: continue the group, or start it from disk; clear what cut it off."""
    record = record_of(world, region)
    if record is not None and record.alive:
        record.signal(signal.SIGCONT)
        _await_ready(world, region, None, time.monotonic() + READY_TIMEOUT)
    else:
        start(world, [region])
    for target in world.regions:
        if target == region or (record_of(world, target) and state_of(world, target) == "running"):
            cut = ["lost/link"] if target != region else ["lost/control", "lost/data", "lost/link"]
            for fault in cut:
                ask(world, target, "POST", "/faults/clear", {"id": fault})


def state_of(world: World, process: str) -> str:
    """``running``, ``stopped`` (by a signal), ``dead`` (it ran and ended unasked) or ``down``."""
    record = ProcessRecord.read(world.home_of(process))
    if record is None:
        return "down"
    if not record.alive:
        return "dead"
    return "stopped" if record.stopped else "running"


def forget(world: World, processes: Iterable[str]) -> None:
    """Remove the records of processes that were taken down, so that they do not count as dead."""
    for name in processes:
        home = world.home_of(name)
        for leftover in (home / "process.json", home / "admin.sock"):
            leftover.unlink(missing_ok=True)


def ask(world: World, process: str, method: str, route: str, body: dict[str, Any] | None = None) -> Any:
    """An admin request. Raises WorldError when the process does not answer, or says no."""
    from simulator.kernel.admin import AdminRefusedError, ask_admin

    try:
        return ask_admin(world.admin_socket(process), method, route, body)
    except OSError as problem:
        raise WorldError(f"{process}: does not answer ({problem}); `simulator status` says how it is") from problem
    except AdminRefusedError as problem:
        raise WorldError(f"{process}: {problem}") from problem


def _spawn(world: World, name: str, *, stopped: bool) -> subprocess.Popen[bytes]:
    home = world.home_of(name)
    home.mkdir(parents=True, exist_ok=True)
    (home / "admin.sock").unlink(missing_ok=True)
    module = ["simulator.edge"] if name == "edge" else ["simulator.region", "--region", name]
    if stopped:
        module.append("--stopped")
    # Two malloc arenas are enough for one busy thread, and save tens of megabytes.
    environment = os.environ | {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}
    with (home / "log").open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *module, "--dir", str(world.directory)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=world.directory,
            env=environment,
            start_new_session=True,
        )
    record = ProcessRecord.of(child.pid)
    if record is not None:  # else it ended already, and _await_ready will say so
        record.write(home)
    return child


def _await_ready(
    world: World,
    name: str,
    child: subprocess.Popen[bytes] | None,
    deadline: float,
    *,
    stopped: bool = False,
) -> None:
    from simulator.kernel.admin import ask_admin

    while True:
        if (child is not None and child.poll() is not None) or (child is None and record_of(world, name) is None):
            raise WorldError(f"{name} did not start: {_last_line(world.home_of(name) / 'log')}")
        if stopped and state_of(world, name) == "stopped":
            return
        try:
            if not stopped and ask_admin(world.admin_socket(name), "GET", "/ready", timeout=2)["ready"]:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise WorldError(f"{name} is not ready after {READY_TIMEOUT:.0f} s; see {world.home_of(name) / 'log'}")
        time.sleep(_POLL)


def _signal_leader(record: ProcessRecord) -> None:
    """Ask the leader to end; a stopped one has to run for that."""
    for number in (signal.SIGTERM, signal.SIGCONT):
        record.signal_leader(number)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{lines[-1]} ({log})" if lines else f"see {log}"
