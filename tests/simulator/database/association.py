"""A primary and its cross-region standby in a running world, met as an operator meets them: SDK and driver."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import oracledb
from oci.database import DatabaseClient
from oci.database.models import (
    CreateAutonomousDatabaseDetails,
    CreateCrossRegionAutonomousDatabaseDataGuardDetails,
    GenerateAutonomousDatabaseWalletDetails,
)
from oci.monitoring import MonitoringClient
from oci.monitoring.models import SummarizeMetricsDataDetails
from oci.work_requests import WorkRequestClient

from simulator.cloud.database.tnsdirectory import join_wallets
from simulator.kernel import clock
from simulator.kernel.admin import ask_admin
from tests.worlds import RunningWorld, data, wait_until

ASHBURN, PHOENIX = "us-ashburn-1", "us-phoenix-1"
PASSWORD = "Correct-Horse-1"  # the database's and the wallets', of a world that lives for one test
FAST = 1200.0
"""Rate for provisioning: an hour in three seconds."""

BRISK = 50.0
"""Rate for role changes: five minutes in six seconds, and a deadline still leaves a busy machine time to answer."""

SERVING = 20.0
"""Rate at which a transport lag of 2 s is 100 ms of wall time: long enough to commit in."""


class Association:
    """Two databases, one application table."""

    def __init__(self, world: RunningWorld) -> None:
        self.world = world
        self.ids: dict[str, str] = {}
        self.tns = world.directory / "test-tns"

    def database(self, region: str, *, timeout: float = 20.0) -> DatabaseClient:
        return self.world.client(DatabaseClient, "dba", region, timeout=timeout)

    def get(self, region: str) -> Any:
        """The region's database; the SDK calls every field of it optional."""
        return data(self.database(region).get_autonomous_database(self.ids[region]))

    def work(self, region: str, answer: Any) -> Any:
        """The work request that an answer names."""
        client = self.world.client(WorkRequestClient, "dba", region)
        return data(client.get_work_request(answer.headers["opc-work-request-id"]))

    def rate(self, rate: float) -> None:
        clock.set_rate(self.world.world.clock_file, rate)

    def until(self, region: str, *, state: str | None = "AVAILABLE", role: str | None = None) -> Any:
        """Wait until the region's database is in this state and role."""

        def seen() -> Any:
            found = self.get(region)
            fits = state in (None, found.lifecycle_state) and role in (None, found.role)
            return found if fits else None

        return wait_until(seen, what=f"{region} {state} {role}")

    def build(self) -> None:
        """Both databases, AVAILABLE and in touch; the table T; a TNS directory for both."""
        details = CreateAutonomousDatabaseDetails(
            compartment_id=self.world.world.compartment,
            db_name="fittrack",
            db_workload="AJD",
            compute_model="ECPU",
            compute_count=2,
            data_storage_size_in_gbs=100,
            admin_password=PASSWORD,
        )
        self.ids[ASHBURN] = data(self.database(ASHBURN).create_autonomous_database(details)).id
        self.until(ASHBURN)
        standby = CreateCrossRegionAutonomousDatabaseDataGuardDetails(
            compartment_id=self.world.world.compartment,
            source_id=self.ids[ASHBURN],
            display_name="fittrack-standby",
        )
        self.ids[PHOENIX] = data(self.database(PHOENIX).create_autonomous_database(standby)).id
        self.until(PHOENIX, role="STANDBY")
        join_wallets(self.tns, {region: self.wallet(region) for region in self.ids})
        with self.connect(ASHBURN) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n NUMBER PRIMARY KEY, at TIMESTAMP DEFAULT SYSTIMESTAMP)")

    def wallet(self, region: str) -> bytes:
        details = GenerateAutonomousDatabaseWalletDetails(password=PASSWORD)
        return data(self.database(region).generate_autonomous_database_wallet(self.ids[region], details)).content

    def connect(self, region: str) -> oracledb.Connection:
        return oracledb.connect(
            user="ADMIN",
            password=PASSWORD,
            dsn=f"fittrack_{region.replace('-', '_')}_tp",
            config_dir=str(self.tns),
            wallet_location=str(self.tns),
            wallet_password=PASSWORD,
            tcp_connect_timeout=2.0,
        )

    def numbers(self, region: str) -> dict[int, datetime]:
        """Every row of T and when it was written."""
        with self.connect(region) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT n, at FROM t ORDER BY n")
            return {int(n): at.replace(tzinfo=UTC) for n, at in cursor.fetchall()}

    def guard(self, region: str) -> dict[str, Any]:
        """What the region's admin socket says of its database."""
        answer = ask_admin(self.world.world.admin_socket(region), "GET", "/dataguard")
        return next(line for line in answer["databases"] if line["id"] == self.ids[region])

    def peer_lag(self, region: str) -> list[tuple[datetime, float]]:
        """The measured lag of the region's standby, oldest first."""
        client = self.world.client(MonitoringClient, "oncall", region)
        details = SummarizeMetricsDataDetails(
            namespace="oci_autonomous_database",
            query=f'PeerLag[1m]{{resourceId = "{self.ids[region]}"}}.max()',
        )
        series = data(client.summarize_metrics_data(self.world.world.compartment, details))
        return [(p.timestamp, p.value) for row in series for p in row.aggregated_datapoints]


_PACE = 0.003
"""Wall seconds between two writes: load enough, and a busy machine still ships and applies it."""


class Writer:
    """Writes 1, 2, 3 … and remembers what was acknowledged, until it is told to stop or the database is gone."""

    def __init__(self, association: Association, region: str, *, first: int = 1) -> None:
        self._connection = association.connect(region)
        self._connection.call_timeout = 1000
        self._stop = threading.Event()
        self._next = first
        self.acknowledged: list[int] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._connection, self._connection.cursor() as cursor:
                while not self._stop.wait(_PACE):
                    cursor.execute("INSERT INTO t (n) VALUES (:1)", [self._next])
                    self._connection.commit()
                    self.acknowledged.append(self._next)
                    self._next += 1
        except oracledb.Error:
            return

    def wrote(self, count: int) -> None:
        """Wait until that many were acknowledged."""
        wait_until(lambda: len(self.acknowledged) >= count, what=f"{count} acknowledged writes")

    def ended(self) -> None:
        """Wait until the database has ended it."""
        self._thread.join(20)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self.ended()


@contextmanager
def association(world: RunningWorld) -> Generator[Association]:
    """A built one, at the rate at which it serves."""
    made = Association(world)
    made.build()
    made.rate(SERVING)
    yield made


def directory_of(association: Association, region: str) -> Path:
    return association.world.world.home_of(region) / "databases" / association.ids[region]
