"""Recovery state: which region is active and which run may change that. One compare-and-swapped object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fittrack_dr.domain.values import JSON, Document, canonical


@dataclass(frozen=True)
class RecoveryState:
    """``postures`` per stack ("active", "pilot-light"); ``epoch`` grows with each change of the active region.

    ``run`` is the run that holds the recovery, or None: a second run is refused while the first is open.
    """

    active_region: str
    postures: Mapping[str, str]
    epoch: int
    run: str | None = None

    def to_json(self) -> JSON:
        return {
            "schema": 1,
            "active_region": self.active_region,
            "postures": dict(self.postures),
            "epoch": self.epoch,
            "run": self.run,
        }

    def encode(self) -> bytes:
        return canonical(self.to_json()) + b"\n"

    @classmethod
    def decode(cls, data: bytes, where: str = "recovery state") -> RecoveryState:
        """Raises MalformedError, naming the field."""
        document = Document.parse(data, where)
        postures = document.document("postures")
        return cls(
            active_region=document.text("active_region"),
            postures={stack: postures.text(stack) for stack in document.mapping("postures")},
            epoch=document.integer("epoch"),
            run=document.optional_text("run"),
        )
