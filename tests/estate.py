"""FitTrack in a box for tests: built once a session by the drills' own provisioning, brought back by a snapshot.

def test_something(estate: Estate) -> None:
    estate.lose("us-ashburn-1")
    ended = estate.operate("failover", "--to", "us-phoenix-1")
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import oracledb

from drills.box import Box, Finished, program
from drills.disaster import await_watched
from drills.provision import APPLICATION_USER, Builder
from drills.provision import Estate as Built

ASHBURN, PHOENIX = "us-ashburn-1", "us-phoenix-1"
BUILDING, TESTING = 240.0, 60.0
SNAPSHOT = "built"


@dataclass(frozen=True)
class Estate:
    """A built world, and its people's commands."""

    box: Box
    built: Built

    def lose(self, region: str, *how: str) -> None:
        """``simulator lose``."""
        self.box.simulator("lose", region, *how)

    def operate(self, *arguments: str, user: str = "oncall", **more: str) -> Finished:
        """Run ``fittrack-dr`` as a person to its end, whatever that is."""
        done = subprocess.run(
            [program("fittrack-dr"), *arguments],
            env=self.environment(user, more),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def environment(self, user: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """A person's environment."""
        return {**os.environ, **self.box.environment(user), **(more or {})}

    def begin(self, *arguments: str, user: str = "oncall") -> Command:
        """Start ``fittrack-dr`` as a person and go on."""
        return Command([program("fittrack-dr"), *arguments], self.environment(user))

    def set_rate(self, rate: float) -> None:
        """World seconds per wall second."""
        self.box.simulator("clock", "rate", str(rate))

    def pass_time(self, span: timedelta) -> None:
        """Wait for world time."""
        clock = self.box.clock
        clock.sleep_until(clock.now() + span)

    @contextmanager
    def session(self, region: str) -> Generator[oracledb.Connection]:
        """A session of the application's user."""
        tns = self.box.setting("fittrack_tns_admin")
        with oracledb.connect(
            user=APPLICATION_USER,
            password=self.built.passwords[APPLICATION_USER],
            dsn=self.box.setting(f"fittrack_tns_alias.{region}"),
            config_dir=tns,
            wallet_location=tns,
            wallet_password=Path(self.box.setting("fittrack_wallet_password_file")).read_text().strip(),
        ) as connection:
            yield connection


class Command:
    """A command under way, its lines collected as they come; always ended by ``close``."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(line.rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def await_line(self, text: str, *, timeout: float = 60) -> str:
        """The first line that holds ``text``; an AssertionError with all lines when the command ends without."""

        line = self.first_line(text, timeout=timeout)
        assert line is not None, f"no line with {text!r}:\n" + "\n".join(self.lines)
        return line

    def first_line(self, *texts: str, timeout: float = 60) -> str | None:
        """The first line that holds one of ``texts``; None when the command ends without."""

        def found() -> str | None:
            return next((line for line in self.lines if any(text in line for text in texts)), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None or self._ended, timeout)
            return found()

    @property
    def run(self) -> str:
        """The id of the run that the command opened."""
        words = self.await_line(" is open; plan ").split()
        return words[words.index("run") + 1]

    def end(self, *, timeout: float = 120) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout)
        self._thread.join(timeout)
        return code

    def close(self) -> None:
        """Kill the command if it still runs, and let go of its pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._thread.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def built_estate(directory: Path) -> Generator[Estate]:
    """Build FitTrack in a new box and keep a snapshot of it; the box is down when the block ends."""
    box = Box(directory)
    try:
        box.simulator("up", "--detach", "--rate", str(BUILDING))
        built = Builder(box, lambda _: None).build()
        estate = Estate(box, built)
        box.simulator("clock", "rate", str(TESTING))
        await_watched(box, built.monitors[ASHBURN], PHOENIX)
        estate.pass_time(timedelta(minutes=2))  # a lag measurement is due every minute
        box.simulator("snapshot", "save", SNAPSHOT)
        yield estate
    finally:
        if (directory / "world.json").exists():
            box.simulator("down")
