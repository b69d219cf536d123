"""Runs a program that keeps a journal and kills it, as ``kill -9`` does, at a chosen entry.

    python -m tests.crash.crashing {before|after} {entry|nth} N MODULE:FUNCTION [ARGUMENT...]

``entry N`` is the journal's number N; ``nth N`` the N-th entry that this process writes. ``before`` dies when the entry
is about to be written (what it reports has happened already), ``after`` once it is durable. The production stores are
wrapped here; production code knows nothing of it.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Protocol, cast

from fittrack_dr.clients.stores import BucketJournalStore
from fittrack_dr.domain.protocols import JournalStore
from fittrack_dr.runner.directory import DirectoryJournalStore

Create = Callable[[JournalStore, str, int, bytes], bool]


class Main(Protocol):
    """A program's entry point."""

    def __call__(self) -> int | None: ...


def trap(create: Create, *, moment: str, counted: str, at: int) -> Create:
    """A ``create`` that never comes back from the chosen entry."""
    written = 0

    def trapped(store: JournalStore, run: str, number: int, data: bytes) -> bool:
        nonlocal written
        reached = (number if counted == "entry" else written + 1) == at
        if reached and moment == "before":
            die()
        created = create(store, run, number, data)
        written += created
        if reached and created:
            die()
        return created

    return trapped


def die() -> None:
    """No handler, no cleanup, no flush: as if the machine had lost its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    moment, counted, at, program, *arguments = sys.argv[1:]
    if moment not in {"before", "after"} or counted not in {"entry", "nth"}:
        raise SystemExit(__doc__)
    for kind in (BucketJournalStore, DirectoryJournalStore):
        create = cast("Create", kind.create)
        setattr(kind, "create", trap(create, moment=moment, counted=counted, at=int(at)))  # noqa: B010  both classes
    sys.argv[1:] = arguments
    module, _, function = program.partition(":")
    entry_point = cast("Main", getattr(importlib.import_module(module), function))
    return entry_point() or 0


if __name__ == "__main__":
    sys.exit(main())
