"""An engineer's hands in the surviving region: a method for each thing that the runbook has a person do and wait for.

Everything goes through the SDK, the driver and command lines, as it would on the day. Nothing is done side by side, and
each wait looks every few seconds, as somebody at a keyboard does.
"""

from __future__ import annotations

import io
import ssl
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import oci

from benchmarks.export import Database
from benchmarks.grounds import Ground
from benchmarks.programs import environment
from drills.provision import APPLICATION_USER, HEARTBEATS, NAME, OPERATOR_USER, STANDBY, TTL

LOOK = timedelta(seconds=5)
PATIENCE = timedelta(hours=4)


class RunbookError(Exception):
    """A step of the runbook did not come to its end: which, and what was seen."""


class Engineer:
    """Works in us-phoenix-1 of one world."""

    def __init__(self, ground: Ground) -> None:
        self._box, self._estate = ground.box, ground.estate
        self._compartment = self._box.setting("fittrack_compartment")
        self._namespace = self._box.setting("fittrack_namespace")
        self._wallet_password = Path(self._box.setting("fittrack_wallet_password_file")).read_text().strip()
        self._databases = self._client(oci.database.DatabaseClient)
        self._storage = self._client(oci.object_storage.ObjectStorageClient)

    def _client(self, kind: Any) -> Any:
        return self._box.client(kind, STANDBY)

    def wait(self, what: str, seen: Callable[[], tuple[bool, str]]) -> None:
        """Look until ``seen`` says yes; its text is what was last seen. Raises RunbookError after hours."""
        clock = self._box.clock
        deadline = clock.now() + PATIENCE
        while True:
            done, last = seen()
            if done:
                return
            if clock.now() > deadline:
                raise RunbookError(f"{what}: still {last}")
            clock.sleep_until(clock.now() + LOOK)

    # The database

    def existing(self, region: str) -> Database:
        """A region's database as the owners' wallet directory names it."""
        return Database(
            Path(self._box.setting("fittrack_tns_admin")),
            self._box.setting(f"fittrack_tns_alias.{region}"),
            self._wallet_password,
            self._estate.passwords,
        )

    def await_database(self, ocid: str, state: str, role: str | None = None) -> None:
        """Until the database is in that state, and role."""

        def seen() -> tuple[bool, str]:
            found = self._databases.get_autonomous_database(ocid).data
            return found.lifecycle_state == state and role in (
                None,
                found.role,
            ), f"{found.lifecycle_state} {found.role}"

        self.wait(f"database {ocid}", seen)

    def terminate_standby(self) -> None:
        """Have no standby, as where none was ever paid for."""
        ocid = self._estate.databases[STANDBY]
        self._databases.delete_autonomous_database(ocid)
        self.await_database(ocid, "TERMINATED")

    def fail_over(self, primary: str) -> None:
        """Promote the standby, and wait until it is the primary."""
        ocid = self._estate.databases[STANDBY]
        self._databases.fail_over_autonomous_database(
            ocid,
            peer_db_id=self._estate.databases[primary],
        )
        self.await_database(ocid, "AVAILABLE", "PRIMARY")

    def create_database(self) -> str:
        """A new, empty database of the production's size; its OCID once it is available."""
        ocid = self._databases.create_autonomous_database(
            oci.database.models.CreateAutonomousDatabaseDetails(
                compartment_id=self._compartment,
                db_name="fittrack",
                display_name="fittrack-recovered",
                db_workload="AJD",
                compute_model="ECPU",
                compute_count=2,
                data_storage_size_in_gbs=100,
                admin_password=self._estate.passwords["ADMIN"],
                backup_retention_period_in_days=60,
            )
        ).data.id
        self.await_database(ocid, "AVAILABLE")
        return ocid

    def fetch_wallet(self, ocid: str, directory: Path) -> Database:
        """Download and unpack the new database's wallet; how the database is reached with it."""
        details = oci.database.models.GenerateAutonomousDatabaseWalletDetails(password=self._wallet_password)
        content = self._databases.generate_autonomous_database_wallet(ocid, details).data.content
        directory.mkdir(mode=0o700)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(directory)
        return Database(directory, "fittrack_tp", self._wallet_password, self._estate.passwords)

    def create_accounts(self, database: Database) -> None:
        """The two accounts that FitTrack needs."""
        with database.connect("ADMIN") as connection, connection.cursor() as cursor:
            for user in (APPLICATION_USER, OPERATOR_USER):
                cursor.execute(f'CREATE USER {user} IDENTIFIED BY "{database.passwords[user]}"')
            cursor.execute(f"GRANT CONNECT, RESOURCE TO {APPLICATION_USER}")
            cursor.execute(f"GRANT CREATE SESSION, SELECT ANY TABLE, SELECT_CATALOG_ROLE TO {OPERATOR_USER}")

    def migrate(self, database: Database) -> None:
        """``alembic upgrade head``, by the application's own command."""
        variables = {**environment(), **self._plain(database), **self._secrets(database)}
        command = [sys.executable, "-m", "application.migrate", "upgrade", "head"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RunbookError(f"the migrations failed: {(done.stderr.strip() or 'no output').splitlines()[-1]}")

    # Object Storage

    def create_bucket(self, name: str, tier: str) -> None:
        """A bucket in the surviving region."""
        details = oci.object_storage.models.CreateBucketDetails(
            name=name, compartment_id=self._compartment, storage_tier=tier
        )
        self._storage.create_bucket(self._namespace, details)

    def put(self, bucket: str, name: str, data: bytes) -> None:
        """Store an object."""
        self._storage.put_object(self._namespace, bucket, name, data)

    def thaw(self, bucket: str, name: str, nearly: Callable[[], None]) -> None:
        """Restore an archived object and wait until it can be read; ``nearly`` is called once it was asked for."""
        details = oci.object_storage.models.RestoreObjectsDetails(object_name=name, hours=24)
        self._storage.restore_objects(self._namespace, bucket, details)
        nearly()

        def seen() -> tuple[bool, str]:
            state = self._storage.head_object(self._namespace, bucket, name).headers.get("archival-state")
            return state == "Restored", str(state)

        self.wait(f"object {name}", seen)

    def get(self, bucket: str, name: str) -> bytes:
        """An object's bytes."""
        return self._storage.get_object(self._namespace, bucket, name).data.content

    def heartbeat_url(self) -> str:
        """A pre-authenticated prefix for a worker to leave its heartbeats at, in the one region that is left."""
        request = self._storage.create_preauthenticated_request(
            self._namespace,
            HEARTBEATS,
            oci.object_storage.models.CreatePreauthenticatedRequestDetails(
                name="worker-heartbeat-recovered",
                access_type="AnyObjectWrite",
                time_expires=self._box.clock.now() + timedelta(days=365),
            ),
        ).data
        return f"{self._box.endpoint(STANDBY)}{request.access_uri}heartbeat/{STANDBY}.json"

    # The application

    def remove_application(self) -> None:
        """Have nothing deployed in the surviving region."""
        for name in ("fittrack-worker", "fittrack-api"):
            self._box.simulator("workload", "delete", "--region", STANDBY, name)

    def deploy(self, database: Database, heartbeat_url: str) -> None:
        """The API and its worker against a database, settings as in production."""
        secrets = {"HEARTBEAT_URLS": heartbeat_url, **self._secrets(database)}
        for name, extra in (("fittrack-api", {"PROBE_SECONDS": "0.2"}), ("fittrack-worker", {"TICK_SECONDS": "0.5"})):
            arguments = ["workload", "apply", "--region", STANDBY, name, "--image", name]
            for key, value in {**self._plain(database), **extra}.items():
                arguments += ["--env", f"{key}={value}"]
            with tempfile.TemporaryDirectory() as directory:
                for key, value in secrets.items():
                    file = Path(directory) / key
                    file.touch(mode=0o600)
                    file.write_text(value)
                    arguments += ["--secret", f"{key}={file}"]
                self._box.simulator(*arguments)

    def await_ready(self) -> None:
        """Until ``/health/ready`` answers 200 at the load balancer's address, under FitTrack's name."""
        address, port = self._estate.addresses[STANDBY], self._box.setting("fittrack_application_port")
        context = ssl.create_default_context(cafile=self._box.setting("fittrack_ca_file"))
        with httpx.Client(verify=context, timeout=2.0, trust_env=False) as client:

            def seen() -> tuple[bool, str]:
                try:
                    answer = client.get(
                        f"https://{address}:{port}/health/ready",
                        headers={"host": NAME},
                        extensions={"sni_hostname": NAME},
                    )
                except httpx.HTTPError as error:
                    return False, type(error).__name__
                return answer.is_success, f"status {answer.status_code}"

            self.wait("the application", seen)

    def point_name(self) -> None:
        """Replace FitTrack's address record."""
        models = oci.dns.models
        record = models.RecordDetails(domain=NAME, rtype="A", rdata=self._estate.addresses[STANDBY], ttl=TTL)
        details = models.UpdateRRSetDetails(items=[record])
        self._client(oci.dns.DnsClient).update_rr_set(self._estate.zone, NAME, "A", details)

    def _plain(self, database: Database) -> Mapping[str, str]:
        return {
            "REGION": STANDBY,
            "DATABASE_DSN": database.alias,
            "DATABASE_USER": APPLICATION_USER,
            "TNS_ADMIN": str(database.tns_admin),
        }

    def _secrets(self, database: Database) -> Mapping[str, str]:
        return {
            "DATABASE_PASSWORD": database.passwords[APPLICATION_USER],
            "DATABASE_WALLET_PASSWORD": database.wallet_password,
        }
