"""The runbook's region failover, executed as it is written: one step after another by a script, each waited for.

Two variants in the same world, under the same users and the same judge as the drill. *From the cross-region export*:
there is no standby and nothing runs in the other region, as where the runbook says "provision new infrastructure" and
"restore from the cross-region backup"; the export lies in the Archive tier, where the runbook's retention policy keeps
it. *With the standing standby*: what the runbook calls Autonomous Data Guard, its application already deployed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.engineer import Engineer, RunbookError
from benchmarks.export import Database, pack, read_tables, unpack, write_tables
from benchmarks.figures import Figure, Goal
from benchmarks.grounds import Ground
from drills.disaster import Alarm, await_alarm, lose
from drills.judge import Loss, judge, read_attempts
from drills.provision import APPLICATION_USER, PRIMARY, STANDBY
from drills.region_failover import MEASURED, USERS, await_users, living_users

__all__ = ["Execution", "RunbookError", "execute", "figures", "unmeasured"]

EXPORT, WITH_STANDBY = "from the cross-region export", "with the standing standby"
THAW = "thaw the export"
WAITING = 120.0
THAW_FAST = timedelta(minutes=56)
"""How long of the thaw's hour the clock goes faster. The rest, and every other step, runs at the measured rate."""
QUIET = timedelta(seconds=60)
BUCKET, OBJECT = "fittrack-exports", "fittrack_backup_01.json.gz"
GOAL = Goal(3.0, at_least=True)
TITLE = "the runbook's steps one after another, from the cross-region export, over our failover"
ALONE_TITLE = "of that factor, what the standing standby alone gives: the runbook without it over the runbook with it"
REST_TITLE = "of that factor, what is left: the runbook with the standing standby over our failover"


@dataclass(frozen=True)
class Step:
    """One step's world seconds, its clock included where it was not the measured one."""

    name: str
    seconds: float
    rate: str


@dataclass(frozen=True)
class Execution:
    """One variant, from the loss to the last user served; world seconds."""

    variant: str
    outage: float
    steps: tuple[Step, ...]
    lost_writes: int
    acknowledged: int
    rows: int | None

    def seconds(self, step: str) -> float:
        """A step's time; 0 when this variant has none of that name."""
        return sum(each.seconds for each in self.steps if each.name == step)


class Stopwatch:
    """World time step by step."""

    def __init__(self, ground: Ground, say: Callable[[str], None]) -> None:
        self._clock = ground.box.clock
        self._say = say
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str, rate: str = f"{MEASURED:g}x") -> Generator[None]:
        """Take the time of the block."""
        began = self._clock.now()
        yield
        self.took(name, began, self._clock.now(), rate)

    def took(self, name: str, began: datetime, ended: datetime, rate: str = f"{MEASURED:g}x") -> None:
        """Note a step whose beginning and end are known."""
        step = Step(name, (ended - began).total_seconds(), rate)
        self._say(f"  {step.name}: {step.seconds:.0f} s")
        self.steps.append(step)


def execute(ground: Ground, out: Path, say: Callable[[str], None]) -> Mapping[str, Execution]:
    """Both variants, each in the world as it was built; their steps are kept as JSON in ``out``."""
    done: dict[str, Execution] = {}
    for variant, recover in ((WITH_STANDBY, _with_standby), (EXPORT, _from_export)):
        say(f"executing the runbook {variant}")
        ground.renew()
        done[variant] = _Run(ground, out, say, variant).measure(recover)
    return done


class _Run:
    """One variant under way."""

    def __init__(self, ground: Ground, out: Path, say: Callable[[str], None], variant: str) -> None:
        self.ground, self.engineer = ground, Engineer(ground)
        self.watch = Stopwatch(ground, say)
        self.variant = variant
        self.rows: int | None = None
        self.recovered: Database | None = None
        self._name = variant.rpartition(" ")[2]
        self._memory = out / f"runbook-{self._name}-users.jsonl"
        self._file = out / f"runbook-{self._name}.json"

    def measure(self, recover: Callable[[_Run], None]) -> Execution:
        """Prepare, lose the region under its users, recover, and judge."""
        if recover is _from_export:
            self.rows = _leave_only_an_export(self.engineer)
        self._memory.unlink(missing_ok=True)
        box, estate = self.ground.box, self.ground.estate
        with living_users(box, self._memory) as users:
            await_users(self._memory, users, writes=5 * USERS)
            box.clock.sleep_until(box.clock.now() + QUIET)
            lost_at = lose(box, PRIMARY)
            alarm: Alarm = await_alarm(box, estate.monitors[PRIMARY], STANDBY, lost_at)
            self.watch.took("notice the loss", lost_at, alarm.at)
            recover(self)
            with self.watch.step("all users are served"):
                self.engineer.wait("the users", lambda: (self._loss(lost_at).outage is not None, "not all served"))
        return self._judged(lost_at)

    def _loss(self, lost_at: datetime, kept: frozenset[str] = frozenset()) -> Loss:
        lost_address = self.ground.estate.addresses[PRIMARY]
        return judge(read_attempts(self._memory), kept, lost_at=lost_at, lost_address=lost_address)

    def _judged(self, lost_at: datetime) -> Execution:
        database = self.recovered or self.engineer.existing(STANDBY)
        with database.connect(APPLICATION_USER) as connection, connection.cursor() as cursor:
            cursor.arraysize = 5000
            cursor.execute("SELECT id FROM activities")
            kept = frozenset(str(row[0]) for row in cursor.fetchall())
        loss = self._loss(lost_at, kept)
        if loss.outage is None or loss.missing_after:
            raise RunbookError(f"{len(loss.missing_after)} writes that {STANDBY} acknowledged are missing")
        seconds = loss.outage.total_seconds()
        missing, acknowledged = len(loss.missing), loss.acknowledged_before
        done = Execution(self.variant, seconds, tuple(self.watch.steps), missing, acknowledged, self.rows)
        self._file.write_text(json.dumps(_document(done), indent=2) + "\n")
        return done


def _leave_only_an_export(engineer: Engineer) -> int:
    """Before the loss: an export in the other region's Archive tier, and neither standby nor application there."""
    engineer.terminate_standby()
    engineer.remove_application()
    with engineer.existing(PRIMARY).connect(APPLICATION_USER) as connection:
        parts = read_tables(connection)
    engineer.create_bucket(BUCKET, "Archive")
    engineer.put(BUCKET, OBJECT, pack(parts))
    return sum(len(part.rows) for part in parts)


def _with_standby(run: _Run) -> None:
    engineer, watch = run.engineer, run.watch
    with watch.step("fail the standby over"):
        engineer.fail_over(PRIMARY)
    with watch.step("application is ready"):
        engineer.await_ready()
    with watch.step("update DNS"):
        engineer.point_name()


def _from_export(run: _Run) -> None:
    engineer, watch = run.engineer, run.watch
    with watch.step("provision infrastructure: storage access and a database"):
        heartbeat_url = engineer.heartbeat_url()
        ocid = engineer.create_database()
    with watch.step(THAW, f"{WAITING:g}x for {THAW_FAST.total_seconds() / 60:.0f} min, then {MEASURED:g}x"):
        engineer.thaw(BUCKET, OBJECT, lambda: _hurry(run.ground))
    with watch.step("wallet, accounts and migrations"):
        recovered = engineer.fetch_wallet(ocid, run.ground.box.directory / "tns-recovered")
        engineer.create_accounts(recovered)
        engineer.migrate(recovered)
    with watch.step("load the export"):
        parts = unpack(engineer.get(BUCKET, OBJECT))
        with recovered.connect(APPLICATION_USER) as connection:
            written = write_tables(connection, parts)
    if written != run.rows:
        raise RunbookError(f"{written} rows were loaded of {run.rows} exported")
    with watch.step("deploy the application, until it is ready"):
        engineer.deploy(recovered, heartbeat_url)
        engineer.await_ready()
    with watch.step("update DNS"):
        engineer.point_name()
    run.recovered = recovered


def _hurry(ground: Ground) -> None:
    """Let most of the thaw pass on a faster clock; slow again with minutes to spare, so that no overshoot counts."""
    clock = ground.box.clock
    until = clock.now() + THAW_FAST
    ground.set_rate(WAITING)
    clock.sleep_until(until)
    ground.set_rate(MEASURED)


def figures(executions: Mapping[str, Execution], ours: float, our_rate: str) -> list[Figure]:
    """The runbook beside our failover (its outage in world seconds), and what of it the standby alone gives."""
    export, standby = executions[EXPORT], executions[WITH_STANDBY]
    runbooks = f"{MEASURED:g}x, {WAITING:g}x in the thaw"
    our_own = f"; ours {our_rate}"
    thaw = export.seconds(THAW)
    told = (
        f"{export.outage:.0f} s over {ours:.0f} s; {thaw:.0f} s of it thaw the export, without which it would be "
        f"{(export.outage - thaw) / ours:.2f}; {_told(export.steps)}; "
        f"{export.lost_writes} of {export.acknowledged} writes lost, {export.rows} rows loaded"
    )
    standing = (
        f"{standby.outage:.0f} s over {ours:.0f} s; {_told(standby.steps)}; "
        f"{standby.lost_writes} of {standby.acknowledged} writes lost"
    )
    parts = {"ours_seconds": ours, "export": _document(export), "standby": _document(standby)}
    return [
        Figure("runbook", TITLE, GOAL, value=export.outage / ours, rate=runbooks + our_own, detail=told, parts=parts),
        Figure(
            "runbook-alone",
            ALONE_TITLE,
            None,
            value=export.outage / standby.outage,
            rate=runbooks,
            detail=f"{export.outage:.0f} s over {standby.outage:.0f} s",
        ),
        Figure(
            "runbook-rest",
            REST_TITLE,
            None,
            value=standby.outage / ours,
            rate=f"{MEASURED:g}x{our_own}",
            detail=standing,
        ),
    ]


def unmeasured(why: str, *, broken: bool) -> list[Figure]:
    """The same figures without a value."""
    return [
        Figure("runbook", TITLE, GOAL, why_not=why, broken=broken),
        Figure("runbook-alone", ALONE_TITLE, None, why_not=why),
        Figure("runbook-rest", REST_TITLE, None, why_not=why),
    ]


def _told(steps: Iterable[Step]) -> str:
    return ", ".join(f"{step.name} {step.seconds:.0f}" for step in steps)


def _document(execution: Execution) -> dict[str, object]:
    return {
        "variant": execution.variant,
        "outage_seconds": execution.outage,
        "steps": [{"name": each.name, "seconds": each.seconds, "clock": each.rate} for each in execution.steps],
        "lost_writes": execution.lost_writes,
        "acknowledged": execution.acknowledged,
        "rows": execution.rows,
    }
