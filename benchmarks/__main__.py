"""``python -m benchmarks``: measure the figures, show each beside its goal, and keep them as JSON.

Exits with 0 when every goal that was measured is met, 5 when one is missed, 1 when a measurement did not come to its
end, 2 for a figure that does not exist. What was not asked for is not measured, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from benchmarks.bench import KEYS, Bench
from benchmarks.figures import Figure, exit_code
from benchmarks.table import table

OUT = Path(".fittrack/bench")
TERMINATED = 128 + signal.SIGTERM
WIDTH = 140
"""Columns of the table where the output is no terminal."""


def say(text: str) -> None:
    """One line of progress, apart from the figures."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; ends the program with 2 when it names a figure that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", default="", help=f"of {', '.join(KEYS)}, with commas between")
    parser.add_argument("--cold", action="store_true", help="also 'make drill' in a fresh clone of what is committed")
    parser.add_argument("--out", type=Path, default=OUT, help="where figures and logs go (%(default)s)")
    chosen = parser.parse_args(arguments)
    names = {name.strip() for name in chosen.only.split(",") if name.strip()} or set(KEYS) - {"cold"}
    if unknown := names - set(KEYS):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")
    chosen.wanted = frozenset(names | ({"cold"} if chosen.cold else set()))
    return chosen


def machine() -> dict[str, Any]:
    """Where it is measured: cores, memory, how busy, Python, and the commit."""
    head = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(head, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "commit": commit or None,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def show(figures: Sequence[Figure], where: dict[str, Any], file: Path) -> None:
    """The table, and on what it was measured."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(table(figures))
    console.print(
        f"measured on {where['cores']} cores, {where['memory_gib']} GiB, Python {where['python']}, load before the run "
        f"{where['load']}; {file}"
    )
    if where["load"] > (where["cores"] or 1):
        console.print("The machine had more to do than it has cores: figures in wall time say little.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, keep; the exit code."""
    chosen = options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that worlds are taken down
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    where = machine()
    figures = Bench(chosen.wanted, out, say).measure()
    file = out / "figures.json"
    file.write_text(json.dumps({"machine": where, "figures": [each.as_json() for each in figures]}, indent=2) + "\n")
    show(figures, where, chosen.out / "figures.json")
    return exit_code(figures)


if __name__ == "__main__":
    sys.exit(main())
