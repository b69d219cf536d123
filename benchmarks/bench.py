"""One run: which figures are wanted, in which order they are measured, and what a failure costs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import oracledb
from oci.exceptions import RequestException, ServiceError

from benchmarks import drill, programs, runbook
from benchmarks.figures import Figure, Goal
from benchmarks.grounds import Ground, prepared_ground
from drills.box import CommandError
from drills.disaster import NoAlarmError
from drills.provision import ProvisioningError
from drills.region_failover import MEASURED, Failed

KEYS = ("failover", "runbook", "help", "status", "drill", "cold", "box")
BY_DRILL = frozenset({"failover", "runbook", "drill", "box"})
UNASKED = "not asked for"
FAILURES = (
    CommandError,
    Failed,
    NoAlarmError,
    OSError,
    ProvisioningError,
    RequestException,
    ServiceError,
    ValueError,
    drill.DrillError,
    oracledb.Error,
    runbook.RunbookError,
    subprocess.SubprocessError,
)
"""How a measurement may fail: it costs its own figures, not the others."""


@dataclass
class Bench:
    """One run of what is ``wanted``; ``out`` is where its files go."""

    wanted: frozenset[str]
    out: Path
    say: Callable[[str], None]
    _figures: dict[str, Figure] = field(default_factory=dict[str, Figure])
    _drilled: drill.Drilled | None = None
    _ground: Ground | None = None

    def measure(self) -> list[Figure]:
        """All figures in their order, unwanted ones as not measured. What needs the machine alone comes first."""
        with ExitStack() as worlds:
            if self.wanted & BY_DRILL:
                self._drill()
            self._one("failover", drill.FAILOVER, drill.FAILOVER_GOAL, self._of_drill(drill.failover_figure))
            self._one("drill", drill.WARM, drill.WARM_GOAL, self._of_drill(drill.warm_figure), unit="s")
            self._one("box", drill.BOX, drill.BOX_GOAL, self._of_drill(drill.box_figure), unit="MiB")
            self._one("help", programs.HELP, programs.HELP_GOAL, programs.help_figure)
            self._one("cold", drill.COLD, drill.COLD_GOAL, lambda: drill.cold_figure(self.out, self.say), unit="s")
            self._one("status", programs.STATUS, programs.STATUS_GOAL, lambda: self._status(worlds))
            self._runbook(worlds)
        order = ["failover", "runbook", "runbook-alone", "runbook-rest", *KEYS[2:]]
        return [self._figures[key] for key in order]

    def _one(self, key: str, title: str, goal: Goal, make: Callable[[], Figure], *, unit: str = "") -> None:
        if key not in self.wanted:
            why = "asked for by --cold" if key == "cold" else UNASKED
            self._figures[key] = Figure(key, title, goal, unit, why_not=why)
            return
        try:
            self._figures[key] = make()
        except FAILURES as error:
            self.say(f"{key} failed: {error}")
            self._figures[key] = Figure(key, title, goal, unit, why_not=str(error), broken=True)

    def _drill(self) -> None:
        try:
            self._drilled = drill.run_drill(self.out / "drill", self.say)
        except FAILURES as error:
            self.say(f"the drill failed: {error}")

    def _of_drill(self, make: Callable[[drill.Drilled], Figure]) -> Callable[[], Figure]:
        return lambda: make(self._need_drill())

    def _need_drill(self) -> drill.Drilled:
        if self._drilled is None:
            raise drill.DrillError("the drill that it needs did not come to its end")
        return self._drilled

    def _status(self, worlds: ExitStack) -> Figure:
        return programs.status_figure(self._shared_ground(worlds).box, MEASURED)

    def _runbook(self, worlds: ExitStack) -> None:
        try:
            if "runbook" not in self.wanted:
                found = runbook.unmeasured(UNASKED, broken=False)
            else:
                drilled = self._need_drill()
                executions = runbook.execute(self._shared_ground(worlds), self.out, self.say)
                found = runbook.figures(executions, drilled.outage, drilled.rate)
        except FAILURES as error:
            self.say(f"runbook failed: {error}")
            found = runbook.unmeasured(str(error), broken=True)
        self._figures |= {figure.key: figure for figure in found}

    def _shared_ground(self, worlds: ExitStack) -> Ground:
        """The world that ``status`` and the runbook share, built when it is first needed."""
        if self._ground is None:
            self._ground = worlds.enter_context(prepared_ground(self.say))
        return self._ground
