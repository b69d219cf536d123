"""A simulated process as its directory records it, so that it is found again by id and start time, never by name."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# Fields of /proc/<pid>/stat after the command's name.
_STAT_STATE, _STAT_GROUP, _STAT_SESSION, _STAT_START = 0, 2, 3, 19


@dataclass(frozen=True)
class ProcessRecord:
    """The leader of a group and session of its own.

    ``started`` is its start time in clock ticks since the boot ``boot``: with the pid these name one process for
    good. Whatever does not match all of it is somebody else's, and is neither counted nor signalled.
    """

    pid: int
    started: int
    boot: str

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
    def of(cls, pid: int) -> ProcessRecord | None:
        """The process that has this id now, or None."""
        fields = _stat(pid)
        return None if fields is None else cls(pid, int(fields[_STAT_START]), _boot())

    @classmethod
    def current(cls) -> ProcessRecord:
        """The running process."""
        record = cls.of(os.getpid())
        if record is None:
            raise ProcessLookupError("/proc does not show the running process")
        return record

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        fields = self._leader()
        return fields is not None and fields[_STAT_STATE] != "Z"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped by a signal."""
        fields = self._leader()
        return fields is not None and fields[_STAT_STATE] == "T"

    @property
    def all_stopped(self) -> bool:
        """Whether no member of its group runs."""
        states = [fields[_STAT_STATE] for pid in self.members() if (fields := _stat(pid)) is not None]
        return all(state == "T" for state in states)

    def members(self) -> list[int]:
        """The pids of its group that still run; the leader may be gone. Empty when the id now names another's."""
        if self.pid <= 1 or self.started <= 0 or self.boot != _boot() or self.pid == os.getpgrp():
            return []
        if _stat(self.pid) is not None and self._leader() is None:
            return []
        return [pid for pid in _pids() if (fields := _stat(pid)) is not None and self._includes(fields)]

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

    def signal_leader(self, number: int) -> None:
        """Send a signal to the leader alone, when it still runs."""
        if self.pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _leader(self) -> list[str] | None:
        fields = _stat(self.pid)
        same = fields is not None and int(fields[_STAT_START]) == self.started and self.boot == _boot()
        return fields if same else None

    def _includes(self, fields: list[str]) -> bool:
        """Nobody can join a session from outside, and an id is not given again while a group or session has it."""
        return (
            int(fields[_STAT_GROUP]) == self.pid
            and int(fields[_STAT_SESSION]) == self.pid
            and int(fields[_STAT_START]) >= self.started
            and fields[_STAT_STATE] != "Z"
        )


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


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
