"""The box a drill runs in: two regions and their edge, started, harmed and stopped through the ``simulator`` command.

The drill knows of the box what any user knows: its command line, and the profile file that it prints.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import oci

from drills.worldtime import WorldTime


class CommandError(Exception):
    """A command ended otherwise than expected: its name, exit code and last line of errors."""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str


def program(name: str) -> str:
    """The installed command of that name, beside the interpreter that runs the drill."""
    return str(Path(sys.executable).with_name(name))


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    expect: Sequence[int] = (0,),
    timeout: float = 120,
) -> Finished:
    """Run a command to its end; ``timeout`` in wall seconds. Raises CommandError for another exit code."""
    done = subprocess.run(
        [program(arguments[0]), *arguments[1:]],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    if done.returncode not in expect:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise CommandError(f"'{' '.join(arguments)}' ended with {done.returncode}: {last}")
    return Finished(done.returncode, done.stdout, done.stderr)


class Box:
    """A world in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def simulator(self, *arguments: str) -> Finished:
        """Run ``simulator ARGUMENTS`` against this world."""
        return run(["simulator", "--dir", str(self.directory), *arguments])

    @cached_property
    def profile(self) -> configparser.ConfigParser:
        """The profile file that the world wrote."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(self.directory / "oci" / "config")
        return parser

    def setting(self, name: str) -> str:
        """One value of the profile's DEFAULT section."""
        return self.profile["DEFAULT"][name]

    @property
    def clock(self) -> WorldTime:
        """The world's clock."""
        return WorldTime(Path(self.setting("fittrack_clock")))

    def endpoint(self, region: str) -> str:
        """Where the region's APIs are."""
        return self.setting(f"fittrack_endpoint.{region}")

    def environment(self, user: str = "oncall") -> dict[str, str]:
        """What ``simulator env`` exports, for a person."""
        exports: dict[str, str] = {}
        for line in self.simulator("env", "--user", user).out.splitlines():
            name, separator, value = line.removeprefix("export ").partition("=")
            if line.startswith("export ") and separator:
                exports[name] = value.strip("'\"")
        return exports

    def client(self, kind: Any, region: str, user: str = "dba") -> Any:
        """An SDK client of ``kind`` for a region, as a person."""
        config = oci.config.from_file(str(self.directory / "oci" / "config"), user)
        return kind(config | {"region": region}, service_endpoint=self.endpoint(region))
