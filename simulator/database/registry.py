"""The databases that a region holds, and which of them its listener offers right now."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Final

from simulator.cloud.service import Region
from simulator.database.descriptors import LEVELS, service_name
from simulator.database.engine import Database, Role
from simulator.database.interface import Instance, RefusedConnectionError
from simulator.database.net.server import NetServer
from simulator.database.records import INSTANTIATE, PROVISIONING, Record, Records

log = logging.getLogger(__name__)

_UNKNOWN_SERVICE: Final = 12514
_GOODBYE_SECONDS: Final = 1.0


class DatabaseRegistry:
    """Open files by OCID; also the listener's directory of services."""

    def __init__(self, region: Region, records: Records) -> None:
        self._region = region
        self._records = records
        self._databases: dict[str, Database] = {}
        self._services: dict[str, str] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self.net: NetServer | None = None

    def directory(self, database_id: str) -> Path:
        """Where the database's files are, or will be."""
        return self._region.home / "databases" / database_id

    def load(self) -> None:
        """Bring back every database that has files, as it was; a standby whose base copy was cut off begins anew."""
        for record in self._records.living():
            half_copied = record.change is not None and record.change["kind"] == INSTANTIATE
            if self.directory(record.id).is_dir() and not half_copied:
                self.put(record, Database.load(self.directory(record.id), self._region.clock))

    def put(self, record: Record, database: Database) -> None:
        """Take a database in under the record's OCID and services."""
        self._databases[record.id] = database
        for level in LEVELS:
            self._services[service_name(record.id, record.db_name, level)] = record.id

    def get(self, database_id: str) -> Database | None:
        return self._databases.get(database_id)

    def need(self, database_id: str) -> Database:
        """Raises LookupError when the region holds no files of it."""
        database = self._databases.get(database_id)
        if database is None:
            raise LookupError(f"no database files of {database_id}")
        return database

    def role(self, database_id: str) -> Role | None:
        """The database's own role; None before it has files and after they are gone."""
        database = self._databases.get(database_id)
        return None if database is None else database.role

    async def shut(self, database_id: str) -> None:
        """Close the database: when this returns nothing is acknowledged any more; its clients are let go."""
        database = self.need(database_id)
        await database.shutdown()
        self.let_go(database)

    def let_go(self, database: Database) -> None:
        """Tell the clients of a database that no longer serves, and disconnect them, without waiting for it."""
        task = asyncio.create_task(self._take_leave(database))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _take_leave(self, database: Database) -> None:
        if self.net is None:
            return
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.net.drain(instance=database)
                await self.net.disconnect(instance=database)
        except TimeoutError:
            log.warning("%s: some clients did not take leave", database.name)

    async def drop(self, database_id: str) -> None:
        """End its sessions and delete its files; nothing happens when there are none."""
        database = self._databases.get(database_id)
        if database is not None:
            await database.shutdown()
            await self._take_leave(database)
            del self._databases[database_id]
            await database.close()
        self._services = {name: owner for name, owner in self._services.items() if owner != database_id}
        shutil.rmtree(self.directory(database_id), ignore_errors=True)

    async def close(self) -> None:
        """Let go of every database; each stays as it is on disk."""
        await asyncio.gather(*self._leaving)
        for database in self._databases.values():
            await database.close()
        self._databases.clear()

    def instance(self, service_name: str) -> Instance:
        """The open primary behind a service. Raises RefusedConnectionError(12514) for anything else."""
        database_id = self._services.get(service_name.lower(), "")
        database = self._databases.get(database_id)
        record = self._records.get(database_id)
        if database is None or record is None or record.lifecycle_state == PROVISIONING:
            raise RefusedConnectionError(_UNKNOWN_SERVICE)
        if database.role is not Role.PRIMARY or not database.open:
            raise RefusedConnectionError(_UNKNOWN_SERVICE)
        return database
