"""How much memory a box takes: the proportional set size of all its processes, sampled while it works.

PSS counts a page that several processes share once in all, so the sum is what the machine really gives. The processes
of a box are those that name its directory in their command line, those of the command that made it, and all their
children.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

INTERVAL = 1.0
"""Wall seconds between two samples; a sample reads one small file a process."""


def pss_bytes(rollup: str) -> int:
    """The ``Pss:`` line of ``/proc/PID/smaps_rollup`` in bytes; 0 for a process that ended and is not yet reaped."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def members(parents: Mapping[int, int], commands: Mapping[int, str], directory: str, root: int) -> set[int]:
    """Of all processes (pid to parent, pid to command line) those of the box: by its directory, or below ``root``."""
    found = {pid for pid, command in commands.items() if directory in command} | {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found & parents.keys()


@dataclass
class Peak:
    """The largest sum seen, and of what it was made."""

    size: int = 0
    processes: Mapping[str, int] = field(default_factory=dict[str, int])
    samples: int = 0


class Sampler:
    """Samples in a thread until the block ends. ``peak`` is whole after that."""

    def __init__(self, directory: Path, root: int) -> None:
        self.peak = Peak()
        self._directory = str(directory)
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL):
            self._sample()

    def _sample(self) -> None:
        parents: dict[int, int] = {}
        commands: dict[int, str] = {}
        for process in psutil.process_iter(["ppid", "cmdline"]):
            parents[process.pid] = process.info["ppid"] or 0
            commands[process.pid] = " ".join(process.info["cmdline"] or ())
        found = members(parents, commands, self._directory, self._root)
        sizes = _sizes({pid: commands[pid] for pid in found})
        self.peak.samples += 1
        if (total := sum(sizes.values())) > self.peak.size:
            self.peak.size, self.peak.processes = total, sizes


def _sizes(commands: Mapping[int, str]) -> dict[str, int]:
    """Bytes by a name that tells what it is; processes that end meanwhile are left out."""
    sizes: dict[str, int] = {}
    for pid, command in commands.items():
        try:
            size = pss_bytes(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        sizes[f"{pid} {short(command.split())}"] = size
    return sizes


def short(command: Iterable[str]) -> str:
    """A command line's telling words: the module or script, and the region when it names one."""
    words = [Path(word).name for word in command]
    named = words[words.index("-m") + 1] if "-m" in words[:-1] else next(iter(words[1:2]), "".join(words))
    return f"{named} {words[words.index('--region') + 1]}" if "--region" in words[:-1] else named
