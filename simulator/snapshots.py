"""Saves a whole world under a name and brings it back: what every process had on disk, and the world's time.

All groups are stopped while the files are copied, and world time stands still, so a snapshot is what one moment's
``kill -9`` would leave. Restored processes start from it like after any kill; a region that was black-holed starts
stopped, with its state untouched, and one that was dead stays dead.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from simulator import control
from simulator.kernel.clock import Anchor, WorldClock, read_anchor, set_rate, write_anchor
from simulator.kernel.process import ProcessRecord
from simulator.kernel.worldfile import World, WorldError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHARED = ("tns", "secrets")
_LEFT_OUT = ("admin.sock", "process.json", "log", "uploads")
_IMMUTABLE = "objects"
_STOP_TIMEOUT = 5.0


def save(world: World, name: str) -> Path:
    """Copy the world as it is now; where to. Raises WorldError when the name is taken or is none."""
    target = _directory(world, name)
    if target.exists():
        raise WorldError(f"snapshot {name}: exists already; choose another name")
    building = target.with_name(f".{name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    with _standing_still(world) as (anchor, states):
        moment = WorldClock(world.clock_file).now()
        for part in (*world.processes, *_SHARED):
            _copy(world.directory / part, building / part)
        for process, state in states.items():
            if state == "dead":
                shutil.copy2(world.home_of(process) / "process.json", building / process)
    meta = {"world": moment.isoformat(), "rate": anchor.rate, "states": states}
    (building / "snapshot.json").write_text(json.dumps(meta))
    building.rename(target)
    return target


def restore(world: World, name: str) -> None:
    """Replace the world's state by the snapshot's, and start what ran then. Raises WorldError for an unknown name."""
    source = _directory(world, name)
    try:
        meta = json.loads((source / "snapshot.json").read_text())
    except OSError:
        known = ", ".join(names(world)) or "none"
        raise WorldError(f"snapshot {name}: there is none of that name; there are: {known}") from None
    for process in world.processes:
        control.stop_group(world, process, grace=0)
    moment = datetime.fromisoformat(meta["world"])
    write_anchor(world.clock_file, world=moment, rate=0)
    for part in (*world.processes, *_SHARED):
        shutil.rmtree(world.directory / part, ignore_errors=True)
        _copy(source / part, world.directory / part)
    states: dict[str, str] = meta["states"]
    for process, state in states.items():
        if state == "dead":
            shutil.copy2(source / process / "process.json", world.home_of(process))
    stopped = [process for process, state in states.items() if state == "stopped"]
    control.start(world, [name for name, state in states.items() if state in ("running", "stopped")], stopped=stopped)
    write_anchor(world.clock_file, world=moment, rate=float(meta["rate"]))


def names(world: World) -> list[str]:
    """The snapshots that there are."""
    directory = world.directory / "snapshots"
    return sorted(entry.parent.name for entry in directory.glob("[!.]*/snapshot.json"))


def remove(world: World, name: str) -> None:
    """Forget a snapshot. Raises WorldError for an unknown name."""
    if name not in names(world):
        raise WorldError(f"snapshot {name}: there is none of that name")
    shutil.rmtree(_directory(world, name))


@contextmanager
def _standing_still(world: World) -> Generator[tuple[Anchor, dict[str, str]]]:
    """No process of the world runs and its time stands still, while the block runs."""
    states = {name: control.state_of(world, name) for name in world.processes}
    records = {name: control.record_of(world, name) for name, state in states.items() if state == "running"}
    anchor = read_anchor(world.clock_file)
    set_rate(world.clock_file, 0)
    try:
        for name, record in records.items():
            if record is not None:
                record.signal(signal.SIGSTOP)
                _await_stopped(name, record)
        yield anchor, states
    finally:
        set_rate(world.clock_file, anchor.rate)
        for record in records.values():
            if record is not None:
                record.signal(signal.SIGCONT)


def _await_stopped(name: str, record: ProcessRecord) -> None:
    deadline = time.monotonic() + _STOP_TIMEOUT
    while not record.all_stopped:
        if time.monotonic() > deadline:
            raise WorldError(f"{name}: its processes do not stop; the snapshot was not made")
        time.sleep(0.002)


def _copy(source: Path, target: Path) -> None:
    """Copy a tree; files that never change are linked, and what belongs to a running process is left out."""
    if not source.exists():
        return
    immutable = source / _IMMUTABLE

    def transfer(origin: str, copy: str) -> str:
        if immutable in Path(origin).parents:
            os.link(origin, copy)
            return copy
        return shutil.copy2(origin, copy)

    def left_out(directory: str, entries: list[str]) -> set[str]:
        own = set(_LEFT_OUT) if Path(directory) == source else set[str]()
        return {entry for entry in entries if entry in own or entry.endswith("-shm")}

    shutil.copytree(source, target, copy_function=transfer, ignore=left_out, dirs_exist_ok=True)


def _directory(world: World, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise WorldError(f"snapshot {name!r}: letters, digits, '.', '_' and '-', at most 64")
    return world.directory / "snapshots" / name
