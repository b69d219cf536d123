"""Builds FitTrack in the box as its owners would have: through the SDK, its own migrations, and the region's workloads.

Both regions get buckets, a database (the second one as a cross-region standby of the first), the application and its
worker; the name points at the first; both are watched by health checks. What a recovery needs to know is written to the
control bucket of both regions: the inventory and the recovery state.

Run as ``python -m drills.provision --dir WORLD`` to rehearse by hand in a world that is up and still empty.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import oci
import oracledb

from drills.box import Box, CommandError

PRIMARY, STANDBY = "us-ashburn-1", "us-phoenix-1"
ZONE, NAME, TTL = "fittrack.example", "app.fittrack.example", 60
CONTROL, HEARTBEATS = "fittrack-dr-control", "fittrack-heartbeats"
APPLICATION_USER, OPERATOR_USER = "FITTRACK", "FITTRACK_DR"


class ProvisioningError(Exception):
    """Something that was created did not come up: what, and in which state it is."""


@dataclass(frozen=True)
class Estate:
    """What was built: OCIDs and addresses by region."""

    databases: Mapping[str, str]
    addresses: Mapping[str, str]
    monitors: Mapping[str, str]
    zone: str
    passwords: Mapping[str, str]


class Builder:
    """One provisioning of one box."""

    def __init__(self, box: Box, say: Callable[[str], None]) -> None:
        self._box = box
        self._say = say
        self._compartment = box.setting("fittrack_compartment")
        self._namespace = box.setting("fittrack_namespace")
        self._passwords = {
            "ADMIN": self._secret("database-admin"),
            APPLICATION_USER: self._secret("fittrack_app"),
            OPERATOR_USER: self._secret("fittrack_dr"),
        }

    def build(self) -> Estate:
        """Everything, in the order of its dependencies; what is independent goes side by side."""
        with ThreadPoolExecutor() as pool:
            databases = pool.submit(self._databases)
            buckets = [pool.submit(self._buckets, region) for region in (PRIMARY, STANDBY)]
            heartbeat_urls = {region: f.result() for region, f in zip((PRIMARY, STANDBY), buckets, strict=True)}
            addresses = {region: self._address(region) for region in (PRIMARY, STANDBY)}
            monitors = pool.submit(self._monitors, addresses)
            zone = pool.submit(self._zone, addresses[PRIMARY])
            ocids = databases.result()
            self._say("databases are up; starting the application in both regions")
            for region in (PRIMARY, STANDBY):
                self._application(region, heartbeat_urls)
            estate = Estate(ocids, addresses, monitors.result(), zone.result(), self._passwords)
        self._records(estate)
        return estate

    def _secret(self, name: str) -> str:
        """A password that the world made, from its secrets directory."""
        return (self._box.directory / "secrets" / name).read_text().strip()

    def _client(self, kind: Any, region: str) -> Any:
        return self._box.client(kind, region)

    def _buckets(self, region: str) -> str:
        """The region's buckets; the pre-authenticated URL by which a worker leaves its heartbeat there."""
        storage = self._client(oci.object_storage.ObjectStorageClient, region)
        models = oci.object_storage.models
        for name in (CONTROL, HEARTBEATS):
            storage.create_bucket(
                self._namespace, models.CreateBucketDetails(name=name, compartment_id=self._compartment)
            )
        request = storage.create_preauthenticated_request(
            self._namespace,
            HEARTBEATS,
            models.CreatePreauthenticatedRequestDetails(
                name="worker-heartbeat",
                access_type="AnyObjectWrite",
                time_expires=self._box.clock.now() + timedelta(days=365),
            ),
        ).data
        return f"{self._box.endpoint(region)}{request.access_uri}"

    def _databases(self) -> dict[str, str]:
        """The primary with its schema and rows, then its standby in the other region."""
        models = oci.database.models
        primary = self._client(oci.database.DatabaseClient, PRIMARY)
        first = primary.create_autonomous_database(
            models.CreateAutonomousDatabaseDetails(
                compartment_id=self._compartment,
                db_name="fittrack",
                display_name="fittrack",
                db_workload="AJD",
                compute_model="ECPU",
                compute_count=2,
                data_storage_size_in_gbs=100,
                admin_password=self._passwords["ADMIN"],
                backup_retention_period_in_days=60,
            )
        ).data.id
        self._wait(primary, first, role=None)
        self._wallet(PRIMARY, first)
        self._schema()
        self._say("primary database is up with its tables and rows; instantiating the standby")
        standby = self._client(oci.database.DatabaseClient, STANDBY)
        second = standby.create_autonomous_database(
            models.CreateCrossRegionAutonomousDatabaseDataGuardDetails(
                compartment_id=self._compartment,
                db_name="fittrack",
                display_name="fittrack-standby",
                source_id=first,
            )
        ).data.id
        self._wait(standby, second, role="STANDBY")
        self._wallet(STANDBY, second)
        return {PRIMARY: first, STANDBY: second}

    def _wait(self, client: Any, database: str, *, role: str | None) -> None:
        clock = self._box.clock
        deadline = clock.now() + timedelta(hours=2)
        while True:
            seen = client.get_autonomous_database(database).data
            if seen.lifecycle_state in {"AVAILABLE", "STANDBY"} and (role is None or seen.role == role):
                return
            if seen.lifecycle_state not in {"PROVISIONING", "UPDATING"} or clock.now() > deadline:
                raise ProvisioningError(f"database {database} is {seen.lifecycle_state}, role {seen.role}")
            clock.sleep_until(clock.now() + timedelta(seconds=10))

    def _wallet(self, region: str, database: str) -> None:
        """Add the region's wallet to the profile's TNS_ADMIN: its aliases get the region's name, so that both fit."""
        client = self._client(oci.database.DatabaseClient, region)
        details = oci.database.models.GenerateAutonomousDatabaseWalletDetails(password=self._secret("wallet"))
        archive = zipfile.ZipFile(
            io.BytesIO(client.generate_autonomous_database_wallet(database, details).data.content)
        )
        target = Path(self._box.setting("fittrack_tns_admin"))
        if not (target / "ewallet.pem").exists():
            (target / "ewallet.pem").touch(mode=0o600)
            (target / "ewallet.pem").write_bytes(archive.read("ewallet.pem"))
        aliases = archive.read("tnsnames.ora").decode()
        with (target / "tnsnames.ora").open("a") as names:
            for line in aliases.splitlines():
                name, _, descriptor = line.partition("=")
                service = name.strip().rpartition("_")[2]
                names.write(f"fittrack_{region.replace('-', '_')}_{service} ={descriptor}\n")

    def _schema(self) -> None:
        """The accounts, then the application's own migrations and rows."""
        with self._connect("ADMIN") as connection, connection.cursor() as cursor:
            for user in (APPLICATION_USER, OPERATOR_USER):
                cursor.execute(f'CREATE USER {user} IDENTIFIED BY "{self._passwords[user]}"')
            cursor.execute(f"GRANT CONNECT, RESOURCE TO {APPLICATION_USER}")
            cursor.execute(f"GRANT CREATE SESSION, SELECT ANY TABLE, SELECT_CATALOG_ROLE TO {OPERATOR_USER}")
        environment = self._application_environment(PRIMARY)
        for arguments in (("application.migrate", "upgrade", "head"), ("application.seed",)):
            done = subprocess.run(
                [sys.executable, "-m", *arguments], env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ProvisioningError(
                    f"{arguments[0]} failed: {(done.stderr.strip() or 'no output').splitlines()[-1]}"
                )

    def _connect(self, user: str) -> oracledb.Connection:
        tns = self._box.setting("fittrack_tns_admin")
        return oracledb.connect(
            user=user,
            password=self._passwords[user],
            dsn=self._box.setting(f"fittrack_tns_alias.{PRIMARY}"),
            config_dir=tns,
            wallet_location=tns,
            wallet_password=self._secret("wallet"),
        )

    def _application_environment(self, region: str) -> dict[str, str]:
        return {
            "REGION": region,
            "DATABASE_DSN": self._box.setting(f"fittrack_tns_alias.{region}"),
            "DATABASE_USER": APPLICATION_USER,
            "DATABASE_PASSWORD": self._passwords[APPLICATION_USER],
            "DATABASE_WALLET_PASSWORD": self._secret("wallet"),
            "TNS_ADMIN": self._box.setting("fittrack_tns_admin"),
        }

    def _application(self, region: str, heartbeat_urls: Mapping[str, str]) -> None:
        """The API and its worker; the worker leaves its heartbeats in the *other* region's bucket."""
        other = STANDBY if region == PRIMARY else PRIMARY
        secret = {
            "DATABASE_PASSWORD": self._passwords[APPLICATION_USER],
            "DATABASE_WALLET_PASSWORD": self._secret("wallet"),
            "HEARTBEAT_URLS": f"{heartbeat_urls[other]}heartbeat/{region}.json",
        }
        environment = {
            name: value
            for name, value in self._application_environment(region).items()
            if name not in secret and name != "PATH"
        }
        for name, image, extra in (
            ("fittrack-api", "fittrack-api", {"PROBE_SECONDS": "0.2"}),
            ("fittrack-worker", "fittrack-worker", {"TICK_SECONDS": "0.5"}),
        ):
            self._apply(region, name, image, environment | extra, secret)

    def _apply(self, region: str, name: str, image: str, env: Mapping[str, str], secret: Mapping[str, str]) -> None:
        arguments = ["workload", "apply", "--region", region, name, "--image", image]
        for key, value in env.items():
            arguments += ["--env", f"{key}={value}"]
        with tempfile.TemporaryDirectory() as directory:
            for key, value in secret.items():
                file = Path(directory) / key
                file.touch(mode=0o600)
                file.write_text(value)
                arguments += ["--secret", f"{key}={file}"]
            self._box.simulator(*arguments)

    def _address(self, region: str) -> str:
        return json.loads(self._box.simulator("status", "--json").out)["regions"][region]["load_balancer"]

    def _monitors(self, addresses: Mapping[str, str]) -> dict[str, str]:
        models = oci.healthchecks.models
        client = self._client(oci.healthchecks.HealthChecksClient, STANDBY)
        return {
            region: client.create_http_monitor(
                models.CreateHttpMonitorDetails(
                    compartment_id=self._compartment,
                    display_name=f"fittrack-{region}",
                    targets=[address],
                    protocol="HTTPS",
                    port=int(self._box.setting("fittrack_application_port")),
                    path="/health/ready",
                    headers={"Host": NAME},
                    interval_in_seconds=30,
                    timeout_in_seconds=10,
                )
            ).data.id
            for region, address in addresses.items()
        }

    def _zone(self, address: str) -> str:
        models = oci.dns.models
        client = self._client(oci.dns.DnsClient, PRIMARY)
        zone = client.create_zone(
            models.CreateZoneDetails(name=ZONE, zone_type="PRIMARY", compartment_id=self._compartment)
        ).data.id
        client.update_rr_set(
            zone,
            NAME,
            "A",
            models.UpdateRRSetDetails(items=[models.RecordDetails(domain=NAME, rtype="A", rdata=address, ttl=TTL)]),
        )
        return zone

    def _records(self, estate: Estate) -> None:
        inventory = {
            "schema": 1,
            "written_at": self._box.clock.now().isoformat(),
            "compartment_id": self._compartment,
            "tenancy_id": self._box.setting("tenancy"),
            "regions": {
                region: {
                    "database": {
                        "id": estate.databases[region],
                        "connect_alias": self._box.setting(f"fittrack_tns_alias.{region}"),
                    },
                    "load_balancer": {
                        "address": estate.addresses[region],
                        "port": int(self._box.setting("fittrack_application_port")),
                    },
                    "heartbeat_bucket": HEARTBEATS,
                    "health_monitor_id": estate.monitors[region],
                }
                for region in (PRIMARY, STANDBY)
            },
            "dns": {"zone_id": estate.zone, "zone": ZONE, "name": NAME},
            "schema_revision": "0001",
        }
        state = {
            "schema": 1,
            "active_region": PRIMARY,
            "postures": {"prod": "active", "dr": "pilot-light"},
            "epoch": 1,
            "run": None,
        }
        for region in (PRIMARY, STANDBY):
            storage = self._client(oci.object_storage.ObjectStorageClient, region)
            for name, document in (("inventory.json", inventory), ("recovery-state.json", state)):
                body = json.dumps(document, indent=2, sort_keys=True).encode()
                storage.put_object(self._namespace, CONTROL, name, body, content_type="application/json")


def main() -> int:
    """``python -m drills.provision``: exit 0 when FitTrack serves, 1 when it was not built."""
    parser = argparse.ArgumentParser(prog="python -m drills.provision", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".world"), help="a running world without FitTrack")
    box = Box(parser.parse_args().dir)
    try:
        box.simulator("status", "--json")
        Builder(box, _say).build()
    except oci.exceptions.ServiceError as error:
        sys.stderr.write(f"provision: {error.status} {error.code}: {error.message}\n")
        return 1
    except (ProvisioningError, CommandError) as error:
        sys.stderr.write(f"provision: {error}\n")
        return 1
    _say(f"FitTrack serves from {PRIMARY}, with a standby in {STANDBY}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"provision: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
