"""The main drill: us-ashburn-1 is lost under live traffic, and FitTrack comes back in us-phoenix-1.

``make drill``. Everything is done with the commands that people would use: ``simulator`` for the world and its harm,
``fittrack-dr failover`` by the on-call engineer, ``fittrack-dr approve`` by the platform lead. What was lost is counted
from the users' own memory. Ends with the measured RTO and RPO and a report; exit code 5 when an objective was missed.

Provisioning and the final watch run on a fast clock, the part that is measured on a slow one: programs start in wall
time, and at the measured rate their starts count in full.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from drills.box import Box, CommandError, program, run
from drills.disaster import Alarm, await_alarm, await_watched, lose
from drills.judge import Loss, availability, judge, read_attempts
from drills.measure import Measured, critical_path, kept_keys, write_measurements
from drills.provision import NAME, PRIMARY, STANDBY, Builder, Estate
from drills.users import Town

FAST, WATCH = 240.0, 120.0
MEASURED = 8.0
USERS, PAUSE = 8, 6.0
SLICE = timedelta(seconds=10)


@dataclass(frozen=True)
class Options:
    """How the drill is run."""

    out: Path
    rate: float
    seed: int
    keep: bool


class Failed(Exception):  # noqa: N818  the drill's outcome, said in one line
    """The drill did not come to its end: what stopped it."""


def say(text: str) -> None:
    """One line of progress, at once."""
    sys.stdout.write(f"drill: {text}\n")
    sys.stdout.flush()


@contextmanager
def world(directory: Path, options: Options) -> Generator[Box]:
    """A running box, taken down at the end whatever happened."""
    box = Box(directory)
    box.simulator("up", "--detach", "--rate", str(FAST), "--seed", str(options.seed))
    try:
        yield box
    finally:
        box.simulator("down")


@contextmanager
def living_users(box: Box, memory: Path) -> Generator[subprocess.Popen[bytes]]:
    """The synthetic users as a process of their own; they end with the block."""
    resolvers = tuple(
        (host, int(port))
        for host, _, port in (each.strip().rpartition(":") for each in box.setting("fittrack_resolvers").split(","))
    )
    town = Town(
        name=NAME,
        port=int(box.setting("fittrack_application_port")),
        resolvers=resolvers,
        ca_file=box.setting("fittrack_ca_file"),
        clock=box.setting("fittrack_clock"),
        users=USERS,
        pause=PAUSE,
    )
    config = memory.with_suffix(".town.json")
    config.write_text(town.as_json())
    process = subprocess.Popen([sys.executable, "-m", "drills.users", str(config), str(memory)])
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def await_users(memory: Path, users: subprocess.Popen[bytes], *, writes: int) -> None:
    """Until every user has been served and so many writes are acknowledged."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if users.poll() is not None:
            raise Failed(f"the users ended with {users.returncode}")
        served = [each for each in read_attempts(memory) if each.acknowledged] if memory.exists() else []
        if len(served) >= writes and len({each.user for each in served}) == USERS:
            return
        time.sleep(0.1)
    raise Failed(f"the users were not served within a minute; see {memory}")


class Operator:
    """The on-call engineer at the keyboard, with the platform lead within reach."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.run = ""
        self.exit_code: int | None = None

    def fail_over(self, *, until_watch: timedelta) -> None:
        """``fittrack-dr failover --apply``, approved as soon as it asks; at the watch the clock goes faster."""
        process = subprocess.Popen(
            [program("fittrack-dr"), "failover", "--to", STANDBY, "--apply"],
            env=self._environment("oncall"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        approved = False
        with process:
            for line in process.stdout:
                sys.stdout.write(f"  oncall | {line}")
                sys.stdout.flush()
                words = line.split()
                if not self.run and "run" in words and "open;" in words:
                    self.run = words[words.index("run") + 1]
                if "waits until" in line and not approved:
                    approved = True
                    self._approve()
                if "record: done" in line:
                    clock = self._box.clock
                    clock.sleep_until(clock.now() + until_watch)
                    self._box.simulator("clock", "rate", str(WATCH))
        self.exit_code = process.returncode
        if not self.run:
            raise Failed(f"the failover was not begun (exit code {self.exit_code})")

    def _approve(self) -> None:
        done = run(
            ["fittrack-dr", "approve", self.run, "--assert-isolated", PRIMARY],
            self._environment("platform-lead"),
        )
        for line in done.out.splitlines():
            sys.stdout.write(f"  platform-lead | {line}\n")

    def report(self, measurements: Path, out: Path) -> int:
        """``fittrack-dr report``; its exit code."""
        arguments = ["fittrack-dr", "report", self.run, "--measurements", str(measurements), "--out", str(out)]
        done = run(arguments, self._environment("oncall"), expect=(0, 5))
        sys.stdout.write(done.out)
        return done.code

    def _environment(self, user: str) -> dict[str, str]:
        return {**os.environ, **self._box.environment(user)}


def drill(box: Box, options: Options) -> int:
    """The whole story in one box; the exit code."""
    started = time.monotonic()
    say(f"two regions are up on {box.setting('fittrack_resolvers').partition(':')[0]}; building FitTrack in them")
    estate = Builder(box, say).build()
    say(f"FitTrack serves from {PRIMARY}, with a standby in {STANDBY} ({time.monotonic() - started:.0f} s)")
    box.simulator("clock", "rate", str(options.rate))
    await_watched(box, estate.monitors[PRIMARY], STANDBY)
    memory = options.out / "users.jsonl"
    memory.unlink(missing_ok=True)
    operator = Operator(box)
    with living_users(box, memory) as users:
        await_users(memory, users, writes=5 * USERS)
        clock = box.clock
        clock.sleep_until(clock.now() + timedelta(seconds=60 + random.Random(options.seed).uniform(0, 30)))
        say(f"{USERS} users write; now {PRIMARY} goes dark, mid-write")
        lost_at = lose(box, PRIMARY)
        alarm = await_alarm(box, estate.monitors[PRIMARY], STANDBY, lost_at)
        say(f"the health checks report it {(alarm.at - lost_at).total_seconds():.0f} s later; the engineer is paged")
        operator.fail_over(until_watch=timedelta(seconds=90))
    return settle(box, options, estate, operator, memory, lost_at, alarm)


def settle(
    box: Box, options: Options, estate: Estate, operator: Operator, memory: Path, lost_at: datetime, alarm: Alarm
) -> int:
    """Count what was lost, write the report, say the figures."""
    attempts = read_attempts(memory)
    kept = kept_keys(box, estate, STANDBY)
    loss = judge(attempts, kept, lost_at=lost_at, lost_address=estate.addresses[PRIMARY])
    path = critical_path(box, estate, STANDBY, lost_at, alarm)
    around = [a for a in attempts if a.ended > lost_at - timedelta(minutes=2)]
    measured = Measured(loss, alarm, path, availability(around, width=SLICE), SLICE, options.rate, USERS)
    file = options.out / "measurements.json"
    write_measurements(measured, file)
    code = operator.report(file, options.out)
    _say_figures(loss, measured)
    if operator.exit_code != 0:
        say(f"the failover ended with exit code {operator.exit_code}")
        return operator.exit_code or 1
    if loss.missing_after:
        say(f"{len(loss.missing_after)} writes that {STANDBY} acknowledged are missing")
        return 1
    return code


def _say_figures(loss: Loss, measured: Measured) -> None:
    outage = "not over" if loss.outage is None else f"{loss.outage.total_seconds():.0f} s"
    say(f"RTO measured: {outage} of world time from the loss to the last user served, at {measured.rate:g}x")
    say(
        f"RPO measured: {len(loss.missing)} of {loss.acknowledged_before} acknowledged writes lost, "
        f"the oldest {loss.data_loss.total_seconds():.1f} s before the loss"
    )
    chain = " + ".join(f"{part.name} {part.seconds:.0f}" for part in measured.path)
    if loss.outage is not None and (total := measured.critical_path_seconds):
        ratio = loss.outage.total_seconds() / total
        say(f"critical path of the cloud operations: {total:.0f} s ({chain}); the outage was {ratio:.3f} of it")


def main() -> int:
    """``python -m drills.region_failover``."""
    parser = argparse.ArgumentParser(prog="python -m drills.region_failover", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".fittrack/drill"), help="where report and memory go")
    parser.add_argument("--rate", type=float, default=MEASURED, help="world seconds per second while it is measured")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the world's directory behind")
    chosen = parser.parse_args()
    options = Options(chosen.out.resolve(), chosen.rate, chosen.seed, chosen.keep)
    options.out.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="fittrack-drill-"))
    started = time.monotonic()
    try:
        with world(directory / "world", options) as box:
            return drill(box, options)
    except (Failed, CommandError) as error:
        say(f"failed: {error}")
        return 1
    finally:
        say(f"took {time.monotonic() - started:.0f} s of wall time")
        if options.keep:
            say(f"the world is in {directory / 'world'}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
