"""Runs a program that keeps a journal, and kills it (or takes a snapshot of its world) at chosen entries.

    python -m tests.crash.crashing TRAP[,TRAP...] MODULE:FUNCTION [ARGUMENT...]

A trap is ``before:`` or ``after:`` and what it waits for: ``7`` is the journal's entry 7, ``+2`` the second entry that
this process writes, ``intent:promote`` or ``result:promote:done`` the first entry of that kind. ``before`` dies when
the entry is about to be written (what it reports has happened already), ``after`` once it is durable. The process dies
at the trap that it meets first, and says which.

``snapshot:DIRECTORY`` does not kill: it saves the simulated world in DIRECTORY as ``entry-000042`` after each entry.

The production stores are wrapped here; production code knows nothing of it.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from fittrack_dr.clients.stores import BucketJournalStore
from fittrack_dr.domain.entries import Entry, Result
from fittrack_dr.domain.protocols import JournalStore
from fittrack_dr.runner.directory import DirectoryJournalStore

Create = Callable[[JournalStore, str, int, bytes], bool]
SPRUNG = "killed at "


class Main(Protocol):
    """A program's entry point."""

    def __call__(self) -> int | None: ...


class Traps:
    """All traps of one process."""

    def __init__(self, traps: Sequence[str]) -> None:
        self._traps = traps
        self._worlds = [trap.removeprefix("snapshot:") for trap in traps if trap.startswith("snapshot:")]
        self._written = 0

    def set(self, create: Create) -> Create:
        """A ``create`` that springs the traps."""

        def trapped(store: JournalStore, run: str, number: int, data: bytes) -> bool:
            names = {str(number), f"+{self._written + 1}", *prefixes(Entry.decode(data))}
            self._spring("before", names)
            created = create(store, run, number, data)
            if created:
                self._written += 1
                self._spring("after", names)
                self._save(number)
            return created

        return trapped

    def _spring(self, moment: str, names: set[str]) -> None:
        for trap in self._traps:
            when, _, what = trap.partition(":")
            if when == moment and what in names:
                die(trap)

    def _save(self, number: int) -> None:
        for world in self._worlds:
            save = ["--dir", world, "snapshot", "save", f"entry-{number:06}"]
            subprocess.run([sys.executable, "-m", "simulator", *save], check=True, stdout=subprocess.DEVNULL)


def prefixes(entry: Entry) -> list[str]:
    """``result``, ``result:promote``, ``result:promote:done``."""
    step = cast("str | None", getattr(entry.body, "step", None))
    status = entry.body.outcome.status.value if isinstance(entry.body, Result) else None
    words = [word for word in (entry.body.kind, step, status) if word]
    return [":".join(words[:count]) for count in range(1, len(words) + 1)]


def die(trap: str) -> None:
    """No handler, no cleanup, no flush: as if the machine had lost its power."""
    os.write(2, f"{SPRUNG}{trap}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    traps, program, *arguments = sys.argv[1:]
    wrapped = Traps(traps.split(","))
    for kind in (BucketJournalStore, DirectoryJournalStore):
        create = wrapped.set(cast("Create", kind.create))
        setattr(kind, "create", create)  # noqa: B010  the two classes have no common base
    sys.argv[1:] = arguments
    module, _, function = program.partition(":")
    entry_point = cast("Main", getattr(importlib.import_module(module), function))
    return entry_point() or 0


if __name__ == "__main__":
    sys.exit(main())
