"""Faults of an API server: a status instead of the work, or the work done and its answer lost."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from simulator.cloud.service import ServiceError


class HttpFaultKind(enum.StrEnum):
    """What becomes of a call."""

    STATUS = "status"  # answered with ``status`` and ``code``; nothing is done
    LOST = "lost"  # done; then the connection is reset before the answer


@dataclass(frozen=True)
class HttpFault:
    """A fault on the operations whose SDK name matches ``operation`` (``put_object``, ``*_database``, ``*``)."""

    id: str
    kind: HttpFaultKind
    operation: str = "*"
    status: int = 503
    code: str = "ServiceUnavailable"
    probability: float = 1.0
    times: int | None = None

    def error(self) -> ServiceError:
        """The answer of a status fault."""
        return ServiceError(self.status, self.code, "The service could not process the request")


class HttpFaults:
    """Those in force in one region; which calls a probability hits follows from seed and order alone."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._faults: dict[str, HttpFault] = {}
        self._random: dict[str, random.Random] = {}

    @property
    def faults(self) -> tuple[HttpFault, ...]:
        """Those in force, in the order in which they were set."""
        return tuple(self._faults.values())

    def set(self, fault: HttpFault) -> None:
        """Put a fault in force; one with the same id is replaced."""
        self._faults[fault.id] = fault
        self._random[fault.id] = random.Random(f"{self._seed}/{fault.id}")

    def clear(self, id: str | None = None) -> None:  # noqa: A002 - the field's own name
        """End one, or all."""
        for key in [key for key in self._faults if id in (None, key)]:
            del self._faults[key]

    def draw(self, operation: str) -> HttpFault | None:
        """The fault that hits this call, counted as used, or None."""
        for fault in self.faults:
            if not fnmatchcase(operation, fault.operation) or fault.times == 0:
                continue
            if fault.probability < 1 and self._random[fault.id].random() >= fault.probability:
                continue
            if fault.times is not None:
                self._faults[fault.id] = replace(fault, times=fault.times - 1)
            return fault
        return None
