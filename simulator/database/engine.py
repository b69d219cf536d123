"""One database of a region: its role, its log, its life.

What the Data Guard link and the control plane do to a database they do through this class; what clients do goes through
the sessions it logs on. A commit is checked against role and epoch inside the write lock, in the same step that makes
it durable: once ``fence`` has returned nothing more is acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw

from simulator.database import redo, rewind, storage, users
from simulator.database.core import Clock, Core, Role, RoleError
from simulator.database.interface import ClientInfo, OracleError
from simulator.database.redo import DivergedError, RedoEntry
from simulator.database.rewind import UndoneTransaction
from simulator.database.session import EngineSession
from simulator.database.sql.context import CallContext
from simulator.database.sql.types import from_stamp, to_stamp
from simulator.database.writer import Transaction

__all__ = ["Activation", "Clock", "Database", "DivergedError", "RedoEntry", "Role", "RoleError", "UndoneTransaction"]

_APPLY_BATCH: Final = 500
_SHUTTING_DOWN: Final = 12572


@dataclass(frozen=True)
class Activation:
    """A standby became the primary: ``scn`` is the last that it had of the old one, ``time`` its commit time."""

    scn: int
    time: datetime
    epoch: int


class Database(Core):
    """An open, mounted or stopped database. Make one with ``create``, ``load`` or ``instantiate_standby``.

    All methods belong to one event loop's thread; only SQL and commits run in the engine's own threads.
    """

    # -- coming to be ------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        name: str,
        clock: Clock,
        admin_password: str,
        role: Role = Role.PRIMARY,
        epoch: int = 1,
    ) -> Database:
        """A new database with the user ADMIN, open when primary. Raises FileExistsError."""
        directory.mkdir(parents=True, exist_ok=True)
        storage.create_file(directory / storage.FILE_NAME)
        _initialise(directory / storage.FILE_NAME, name, role, epoch, clock.now())
        database = cls(directory, clock)
        if role is Role.PRIMARY:
            database._open_incarnation(epoch, clock.now())
            with_admin = Transaction(database.writer)
            users.insert_user(database.writer, "ADMIN", admin_password, clock.now())
            database.writer.execute("INSERT INTO grants(grantee, privilege) VALUES ('ADMIN', 'DBA')")
            database.commit(with_admin, epoch)
            database.refresh_catalog()
        return database

    @classmethod
    def load(cls, directory: Path, clock: Clock) -> Database:
        """A database as it was when its process ended, however that happened. Raises FileNotFoundError."""
        if not (directory / storage.FILE_NAME).exists():
            raise FileNotFoundError(directory / storage.FILE_NAME)
        return cls(directory, clock)

    @classmethod
    def instantiate_standby(cls, directory: Path, snapshot: Path, *, name: str, clock: Clock) -> Database:
        """A mounted standby from a base copy; its redo goes on after the copy's SCN."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / storage.FILE_NAME
        if path.exists():
            raise FileExistsError(path)
        _copy_file(snapshot, path)
        connection = storage.open_file(path, CallContext(), writable=True)
        try:
            with connection:
                scn = connection.execute("SELECT max(scn) FROM redo").get
                storage.put_state(
                    connection, name=name, role=Role.STANDBY.value, open=0, mounted=1, applied_scn=int(scn or 0)
                )
        finally:
            connection.close()
        return cls(directory, clock)

    async def startup(self) -> None:
        """Open a primary, mount a standby."""
        self.mounted = True
        self.open = self.role is Role.PRIMARY
        self._save(mounted=1, open=int(self.open))

    async def shutdown(self) -> None:
        """Stop: sessions are told and ended, open transactions rolled back."""
        self.open = False
        await self.end_sessions(_SHUTTING_DOWN)
        async with self.exclusive():
            self.mounted = False
            self._save(mounted=0, open=0)

    async def close(self) -> None:
        """Leave the files as they are and let go of them (the process ends; the state does not change)."""
        await self.end_sessions(_SHUTTING_DOWN)
        async with self.exclusive():
            self._close_files()
            self.past.clear()

    # -- what it is --------------------------------------------------------------------------------------------

    @property
    def received_scn(self) -> int:
        """The last SCN in this copy's log."""
        return self._received_scn

    @property
    def applied_scn(self) -> int:
        """The SCN that this copy's tables show."""
        return self._received_scn if self.role is Role.PRIMARY else self._applied_scn

    @property
    def applied_time(self) -> datetime | None:
        """The primary's clock up to which this copy is caught up; None before anything was heard of it."""
        if self.role is Role.PRIMARY:
            return self.clock.now()
        if self._source_time is not None and self._applied_scn == self._received_scn:
            return self._source_time
        row = self.control.execute("SELECT time FROM redo WHERE scn = ?", (self._applied_scn,)).fetchone()
        return None if row is None else from_stamp(str(row[0])).replace(tzinfo=UTC)

    async def logon(self, user: str, client: ClientInfo) -> EngineSession:
        """Open a session. Raises OracleError 1033, 28000 or 1045."""
        if not self.open:
            raise OracleError(1033, "ORACLE initialization or shutdown in progress")
        if users.is_locked(self.control, user):
            raise OracleError(28000, "The account is locked.")
        if not self.privileges.has(user.upper(), "CREATE SESSION"):
            raise OracleError(1045, f"user {user.upper()} lacks CREATE SESSION privilege; logon denied")
        self.belong_to(asyncio.get_running_loop())
        session = EngineSession(self, user.upper(), client)
        self.sessions[session.session_id] = session
        return session

    # -- redo --------------------------------------------------------------------------------------------------

    def redo_after(self, scn: int, limit: int = 500) -> list[RedoEntry]:
        """The log after an SCN, at most ``limit`` records."""
        return redo.read(self.control, scn, limit=limit)

    def receive(self, entries: Sequence[RedoEntry], *, source_time: datetime) -> None:
        """Keep records that the primary sent, durably, not yet applied.

        ``source_time`` is the primary's clock when these were all it had. Raises RoleError when this is no mounted
        standby, DivergedError when the records do not continue its log.
        """
        if self.role is not Role.STANDBY or not self.mounted:
            raise RoleError(f"{self.name} is {self.role.value}, it takes no redo")
        scn, epoch = self._received_scn, self._last_epoch()
        for entry in entries:
            if entry.scn != scn + 1 or entry.epoch < epoch:
                raise DivergedError(f"redo {entry.scn} of epoch {entry.epoch} does not follow {scn} of epoch {epoch}")
            scn, epoch = entry.scn, entry.epoch
        with self.writer:
            redo.append(self.writer, entries)
            storage.put_state(self.writer, source_time=to_stamp(source_time))
        self._received_scn, self._source_time = scn, source_time
        if entries:
            self._last_time = entries[-1].time

    def apply(self) -> None:
        """Apply all that was received. Raises DivergedError, with everything before the culprit applied."""
        if self.role is Role.PRIMARY:
            raise RoleError(f"{self.name} is PRIMARY, it applies no redo")
        while self._applied_scn < self._received_scn:
            entries = redo.read(self.writer, self._applied_scn, limit=_APPLY_BATCH)
            self._apply_batch(entries)

    def _apply_batch(self, entries: Sequence[RedoEntry]) -> None:
        epoch = max(self.epoch, *(entry.epoch for entry in entries))
        with self.writer:
            for entry in entries:
                redo.apply_entry(self.writer, entry)
            storage.put_state(self.writer, applied_scn=entries[-1].scn, epoch=epoch)
        self._applied_scn, self.epoch = entries[-1].scn, epoch
        if any(entry.kind == redo.DDL for entry in entries):
            self.refresh_catalog()

    def snapshot_to(self, path: Path) -> int:
        """Write a base copy of the committed state, log included; returns its SCN."""
        _copy_file(self.path, path)
        copy = apsw.Connection(str(path))
        try:
            return int(copy.execute("SELECT max(scn) FROM redo").get or 0)
        finally:
            copy.close()

    # -- roles -------------------------------------------------------------------------------------------------

    async def activate(self) -> Activation:
        """Failover: make what was received the truth, under the next epoch. Raises RoleError, DivergedError."""
        if self.role is not Role.STANDBY:
            raise RoleError(f"{self.name} is {self.role.value}, only a standby can be activated")
        async with self.exclusive():
            self.apply()
            result = Activation(self._applied_scn, self._last_time, self.epoch + 1)
            self._become_primary(self.epoch + 1)
        return result

    async def become_primary(self, epoch: int) -> None:
        """Switchover's second half, after the last record of the old primary was received. Raises RoleError."""
        if self.role is not Role.STANDBY:
            raise RoleError(f"{self.name} is {self.role.value}, only a standby can take over")
        async with self.exclusive():
            self.apply()
            self._become_primary(epoch)

    async def become_standby(self, epoch: int) -> None:
        """Switchover's first half: acknowledge nothing more, end the sessions, wait for redo. Raises RoleError."""
        if self.role is not Role.PRIMARY:
            raise RoleError(f"{self.name} is {self.role.value}, not PRIMARY")
        await self._step_down(Role.STANDBY, epoch)

    async def fence(self, epoch: int) -> None:
        """A higher epoch is known to exist: acknowledge nothing more."""
        if epoch > self.epoch and self.role is not Role.DISABLED_STANDBY:
            await self._step_down(Role.DISABLED_STANDBY, epoch)

    async def _step_down(self, role: Role, epoch: int) -> None:
        was_primary = self.role is Role.PRIMARY
        self.role, self.open = role, False
        await self.end_sessions(_SHUTTING_DOWN)
        async with self.exclusive():
            if was_primary:
                self._applied_scn = self._received_scn
            self._save(role=role.value, open=0, applied_scn=self._applied_scn, epoch=epoch)
            self.epoch = epoch
            storage.enforce(self.writer, constraints=False)

    async def reinstate(self, scn: int) -> list[UndoneTransaction]:
        """Make a fenced primary (or a standby that went astray) a standby again: undo all after ``scn``.

        ``scn`` is the last that it shares with the new primary. Returns what was undone, which ``undone`` can tell
        again later. Raises RoleError, DivergedError.
        """
        if self.role is Role.PRIMARY:
            raise RoleError(f"{self.name} is PRIMARY: fence it before it is taken back")
        if not 0 < scn <= self._received_scn:
            raise RoleError(f"{self.name} has no SCN {scn}, its log ends with {self._received_scn}")
        async with self.exclusive():
            entries = redo.read(self.writer, scn)
            self._go_back(scn, entries)
            self.role, self.mounted, self.open = Role.STANDBY, True, False
            self._save(role=Role.STANDBY.value, mounted=1, open=0, source_time=None)
            self._load_state()
            self.refresh_catalog()
        return rewind.describe(entries)

    def _go_back(self, scn: int, entries: Sequence[RedoEntry]) -> None:
        with self.writer:
            rewind.keep_undone(self.writer, entries)
        applied = [entry for entry in entries if entry.scn <= self._applied_scn]
        if rewind.needs_rebuild(applied):
            fresh = self.path.with_suffix(".new")
            storage.discard(fresh)
            rewind.rebuild(self.path, fresh, scn)
            self._replace_file(fresh)
            return
        with self.writer:
            if applied:
                rewind.undo(self.writer, applied)
            rewind.forget(self.writer, scn)
            storage.put_state(self.writer, applied_scn=min(self._applied_scn, scn))

    def undone(self) -> list[UndoneTransaction]:
        """Every transaction that ``reinstate`` took back, ever."""
        rows = self.control.execute("SELECT scn, time, epoch, kind, payload FROM undone ORDER BY epoch, scn")
        return rewind.describe([redo.entry_of(row) for row in rows])

    # -- points in time ----------------------------------------------------------------------------------------

    def scn_at(self, moment: datetime) -> int:
        """The SCN that was current at a time; 0 when that is before the database."""
        stamp = to_stamp(moment)
        return int(self.control.execute("SELECT max(scn) FROM redo WHERE time <= ?", (stamp,)).get or 0)

    def copy_at(self, path: Path, scn: int) -> None:
        """Write a base copy of the state at an SCN, its log included. Raises RoleError for an SCN it does not have."""
        if not 0 < scn <= self.applied_scn:
            raise RoleError(f"{self.name} has no state at SCN {scn}, only up to {self.applied_scn}")
        entries = redo.read(self.control, scn)
        if rewind.needs_rebuild(entries):
            rewind.rebuild(self.path, path, scn)
            return
        _copy_file(self.path, path)
        copy = storage.open_file(path, CallContext(), writable=True)
        try:
            storage.enforce(copy, constraints=False)
            with copy:
                if entries:
                    rewind.undo(copy, entries)
        finally:
            copy.close()

    def _become_primary(self, epoch: int) -> None:
        self.role, self.epoch = Role.PRIMARY, epoch
        storage.enforce(self.writer, constraints=True)
        self._open_incarnation(epoch, self.clock.now())
        self.mounted = self.open = True
        self.refresh_catalog()
        self.sequences.start_over(self.control, self.catalog)

    def _open_incarnation(self, epoch: int, now: datetime) -> None:
        entry = RedoEntry(self._received_scn + 1, max(now, self._last_time), epoch, redo.OPEN, b"")
        with self.writer:
            redo.append(self.writer, (entry,))
            redo.apply_entry(self.writer, entry)
            storage.put_state(
                self.writer, role=Role.PRIMARY.value, epoch=epoch, open=1, mounted=1, applied_scn=entry.scn
            )
        self._received_scn, self._last_time = entry.scn, entry.time
        self._announce(entry)

    def _last_epoch(self) -> int:
        return int(self.control.execute("SELECT epoch FROM redo ORDER BY scn DESC LIMIT 1").get or 0)


def _initialise(path: Path, name: str, role: Role, epoch: int, now: datetime) -> None:
    connection = apsw.Connection(str(path))
    try:
        with connection:
            storage.put_state(
                connection,
                name=name,
                role=role.value,
                epoch=epoch,
                open=int(role is Role.PRIMARY),
                mounted=1,
                applied_scn=0,
                created=to_stamp(now),
            )
    finally:
        connection.close()


def _copy_file(source: Path, target: Path) -> None:
    """A consistent copy by pages: row ids stay what they are, which VACUUM INTO does not promise."""
    reader = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    writer = apsw.Connection(str(target))
    try:
        with writer.backup("main", reader, "main") as backup:
            backup.step(-1)
        writer.pragma("journal_mode", "WAL")
    finally:
        writer.close()
        reader.close()
