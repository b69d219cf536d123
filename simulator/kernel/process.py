"""A simulated process as its directory records it, so that it is found again by id and start time, never by name."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_STAT_STATE, _STAT_GROUP, _STAT_START = 0, 2, 19  # fields of /proc/<pid>/stat after the command's name


@dataclass(frozen=True)
class ProcessRecord:
    """``started`` is the kernel's start time in clock ticks: with the pid it names one process for good."""

    pid: int
    pgid: int
    started: int

    def write(self, home: Path) -> None:
        """Record it in ``process.json``."""
        home.mkdir(parents=True, exist_ok=True)
        temporary = home / ".process.json"
        temporary.write_text(json.dumps(asdict(self)))
        temporary.replace(home / "process.json")

    @classmethod
    def read(cls, home: Path) -> ProcessRecord | None:
        """The record in a process's directory, or None."""
        try:
            return cls(**json.loads((home / "process.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @classmethod
    def current(cls) -> ProcessRecord:
        """The running process."""
        return cls(os.getpid(), os.getpgrp(), start_time(os.getpid()) or 0)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[_STAT_START]) == self.started and fields[_STAT_STATE] != "Z"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped by a signal."""
        fields = _stat(self.pid)
        return fields is not None and fields[_STAT_STATE] == "T"

    @property
    def all_stopped(self) -> bool:
        """Whether no member of its group runs."""
        states = [fields[_STAT_STATE] for pid in self.members() if (fields := _stat(pid)) is not None]
        return all(state == "T" for state in states)

    def members(self) -> list[int]:
        """The pids of its group that still run; the leader may be gone. Empty when the id now names another's group."""
        leader = _stat(self.pid)
        if leader is not None and int(leader[_STAT_START]) != self.started:
            return []
        return [
            pid
            for pid in _pids()
            if (fields := _stat(pid)) is not None
            and int(fields[_STAT_GROUP]) == self.pgid
            and int(fields[_STAT_START]) >= self.started
            and fields[_STAT_STATE] != "Z"
        ]

    def signal(self, number: int) -> bool:
        """Send a signal to every member of the group; whether there was one."""
        found = False
        for pid in self.members():
            try:
                os.kill(pid, number)
                found = True
            except ProcessLookupError:
                continue
        return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def start_time(pid: int) -> int | None:
    """When the process started, in ticks since boot, or None when there is none."""
    fields = _stat(pid)
    return None if fields is None else int(fields[_STAT_START])


@contextmanager
def short_path(path: Path) -> Generator[str]:
    """The same file under a name that fits a Unix socket's 108 bytes, while the block runs."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def bind_unix(path: Path) -> socket.socket:
    """A listening Unix socket at a path of any length, only for its owner; what a dead process left is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as name:
        server.bind(name)
    path.chmod(0o600)
    server.listen(64)
    server.setblocking(False)
    return server


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()
