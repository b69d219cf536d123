"""Journal, recovery state and identities in memory, and a clock that moves only when someone waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fittrack_dr.domain import Person, RecoveryState
from fittrack_dr.errors import OutcomeUnknownError

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

ONCALL = Person("ocid1.user.oc1..oncall", "oncall")
DBA = Person("ocid1.user.oc1..dba", "dba")
LEAD = Person("ocid1.user.oc1..lead", "platform-lead")
OTHER_LEAD = Person("ocid1.user.oc1..lead2", "platform-lead-2")
GROUPS = {
    ONCALL.user: frozenset({"FitTrackOnCall"}),
    DBA.user: frozenset({"FitTrackDatabaseAdmins"}),
    LEAD.user: frozenset({"FitTrackPlatformLeads"}),
    OTHER_LEAD.user: frozenset({"FitTrackPlatformLeads"}),
}
ALLOWED = {"region-failover": frozenset({"FitTrackPlatformLeads"})}

KEY: RSAPrivateKey = generate_private_key(public_exponent=65537, key_size=2048)
FINGERPRINT = "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"


class VirtualClock:
    """World time that passes only by ``sleep``."""

    rate = 1.0

    def __init__(self, start: datetime = START) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        if stop is None or not stop.is_set():
            self.moment += timedelta(seconds=max(seconds, 0.0))

    def until(self, moment: datetime) -> None:
        self.moment = max(self.moment, moment)


@dataclass
class MemoryJournalStore:
    """``fault`` is asked before each write: "before" loses the write, "after" only its answer."""

    objects: dict[tuple[str, int], bytes] = field(default_factory=dict[tuple[str, int], bytes])
    fault: Callable[[int], str | None] = lambda number: None

    def create(self, run: str, number: int, data: bytes) -> bool:
        fault = self.fault(number)
        if fault == "before":
            raise OutcomeUnknownError("the answer was lost")
        created = self.objects.setdefault((run, number), data) is data
        if fault == "after":
            raise OutcomeUnknownError("the answer was lost")
        return created

    def read(self, run: str, number: int) -> bytes | None:
        return self.objects.get((run, number))

    def numbers(self, run: str) -> tuple[int, ...]:
        return tuple(sorted(number for name, number in self.objects if name == run))

    def list_runs(self) -> tuple[str, ...]:
        return tuple(sorted({name for name, _ in self.objects}))


@dataclass
class MemoryStateStore:
    state: RecoveryState | None = None
    version: int = 0

    def read(self) -> tuple[RecoveryState | None, str | None]:
        return (None, None) if self.state is None else (self.state, str(self.version))

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        if etag != self.read()[1]:
            return False
        self.state, self.version = state, self.version + 1
        return True


class KnownPeople:
    """IAM as far as approvals need it: everyone here signs with ``KEY``."""

    def __init__(self) -> None:
        self.pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def public_key(self, user: str, fingerprint: str) -> str | None:
        return self.pem if user in GROUPS and fingerprint == FINGERPRINT else None

    def groups(self, user: str) -> frozenset[str]:
        return GROUPS.get(user, frozenset())

    def name(self, user: str) -> str:
        return next((person.name for person in (ONCALL, DBA, LEAD, OTHER_LEAD) if person.user == user), user)
