"""The databases of one region: their files, the Oracle Net listener, the inter-region link, the lag they measure."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.cloud.monitoring.metrics import Metrics, Stream
from simulator.cloud.service import Region
from simulator.database.core import Role
from simulator.database.dataguard import DataGuard
from simulator.database.dataguard_standby import Standbys
from simulator.database.dataguard_switchover import Switchovers
from simulator.database.net.server import NetServer
from simulator.database.records import PROVISIONING, Record, Records
from simulator.database.registry import DatabaseRegistry
from simulator.kernel.certificates import issue_server_certificate
from simulator.kernel.faults import Listener, Plane, serve

NAMESPACE: Final = "oci_autonomous_database"


class Databases:
    """Everything that a region's Database service stands on; found as ``region.databases``."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self.records = Records(region.store)
        self.registry = DatabaseRegistry(region, self.records)
        self.guard = DataGuard(region, self.records, self.registry)
        self.switchovers = Switchovers(self.guard)
        self.standbys = Standbys(self.guard)
        self._listener: Listener | None = None
        self._sampler: asyncio.Task[None] | None = None
        region.databases = self
        region.admin["GET", "/dataguard"] = self._show
        region.admin["PUT", "/dataguard/lag"] = self._set_lag
        region.admin["POST", "/dataguard/divergence"] = self._list_divergence

    async def start(self) -> None:
        """Load every database as it was and serve. Raises OSError when an address is taken."""
        self.registry.load()
        address = self._region.world.regions[self._region.name].net
        context = self._tls(address.host)
        net = self.registry.net = NetServer(self.registry, ssl_context=context)
        self._listener = await serve(self._region.gate, Plane.DATA, address.host, address.port, net.handle, ssl=context)
        await self.guard.start()
        self.switchovers.resume()
        self.standbys.resume()
        self._sampler = asyncio.create_task(self._sample(), name="PeerLag")

    async def stop(self) -> None:
        if self._sampler is not None:
            self._sampler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sampler
        await self.switchovers.stop()
        await self.standbys.stop()
        await self.guard.stop()
        if self.registry.net is not None:
            await self.registry.net.close()
        if self._listener is not None:
            await self._listener.close()
        await self.registry.close()

    def _tls(self, host: str) -> ssl.SSLContext:
        """Mutual TLS: a client shows the certificate of its wallet."""
        certificate = issue_server_certificate(self._region.world, [host])
        return certificate.server_context(client_ca=self._region.world.ca_file)

    def peer_lag(self, record: Record) -> float | None:
        """World seconds that the standby is behind its primary; None when it is no standby or has heard nothing."""
        if record.lifecycle_state == PROVISIONING or self.registry.role(record.id) is not Role.STANDBY:
            return None
        contact = self.guard.contact(record.id)
        caught_up = contact.caught_up if contact is not None else self.registry.need(record.id).applied_time
        return None if caught_up is None else max(0.0, (self._region.clock.now() - caught_up).total_seconds())

    async def _sample(self) -> None:
        """Measure each standby's lag once a world minute, for as long as the region lives."""
        while True:
            minute = self._region.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
            await self._region.clock.sleep_until(minute)
            standbys = [r for r in self.records.living() if self.registry.role(r.id) is Role.STANDBY]
            if not standbys:
                continue
            await self.guard.fresh_contact()
            for record in standbys:
                self._record_lag(record, self._region.clock.now())

    def _record_lag(self, record: Record, now: datetime) -> None:
        lag = self.peer_lag(record)
        if lag is None:
            return
        stream = Stream(
            namespace=NAMESPACE,
            name="PeerLag",
            compartment_id=record.compartment_id,
            dimensions={
                "resourceId": record.id,
                "resourceName": record.db_name.upper(),
                "displayName": record.settings["displayName"],
                "region": self._region.name,
                "deploymentType": "Shared",
                "AutonomousDBType": record.settings["dbWorkload"],
            },
            unit="seconds",
            display_name="Peer Lag",
        )
        Metrics(self._region.store).record(stream, now, round(lag, 3))
        self.guard.keep_contact(record.id)

    async def _show(self, _: dict[str, Any]) -> Any:
        """For the admin socket: every database, its log and what it lost."""
        return {
            "transport_lag": self.guard.transport_lag.total_seconds(),
            "databases": [*map(self._line, self.records.living())],
        }

    def _line(self, record: Record) -> dict[str, Any]:
        database = self.registry.get(record.id)
        return {
            "id": record.id,
            "state": record.lifecycle_state,
            "role": None if database is None else database.role.value,
            "open": database is not None and database.open,
            "epoch": None if database is None else database.epoch,
            "scn": None if database is None else database.scn,
            "lag": self.peer_lag(record),
            "divergence": None if record.divergence is None else dict(record.divergence),
        }

    async def _set_lag(self, body: dict[str, Any]) -> Any:
        self.guard.set_transport_lag(float(body["seconds"]))
        return {"transport_lag": self.guard.transport_lag.total_seconds()}

    async def _list_divergence(self, body: dict[str, Any]) -> Any:
        return {"transactions": self.guard.divergence(str(body["id"]), int(body.get("limit", 1000)))}
