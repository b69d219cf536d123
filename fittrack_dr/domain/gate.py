"""Gates: named, measured conditions with a limit. What was not measured has not passed."""

from __future__ import annotations

from dataclasses import dataclass

from fittrack_dr.domain.values import JSON, Document


@dataclass(frozen=True)
class GateReading:
    """One gate as it was measured. ``value`` None means it could not be measured, which counts as over the limit."""

    name: str
    value: float | None
    limit: float | None
    unit: str
    passed: bool
    detail: str

    @classmethod
    def at_most(cls, name: str, value: float | None, limit: float, *, unit: str, detail: str) -> GateReading:
        """A gate that passes while the measured value is not above the limit."""
        return cls(name, value, limit, unit, passed=value is not None and value <= limit, detail=detail)

    @classmethod
    def at_least(cls, name: str, value: float | None, limit: float, *, unit: str, detail: str) -> GateReading:
        """A gate that passes while the measured value is not below the limit."""
        return cls(name, value, limit, unit, passed=value is not None and value >= limit, detail=detail)

    @property
    def reading(self) -> str:
        """The measured value and its limit, for people."""
        value = "unknown" if self.value is None else f"{self.value:g} {self.unit}".rstrip()
        return value if self.limit is None else f"{value} (limit {self.limit:g} {self.unit})".replace(" )", ")")

    def condition(self) -> dict[str, JSON]:
        """What does not move by itself: the name, the limit, and on which side of it the value was."""
        limit = None if self.limit is None else float(self.limit)
        return {"name": self.name, "limit": limit, "unit": self.unit, "passed": self.passed}

    def to_json(self) -> JSON:
        value = None if self.value is None else float(self.value)
        return {**self.condition(), "value": value, "detail": self.detail}

    @classmethod
    def from_document(cls, document: Document) -> GateReading:
        return cls(
            name=document.text("name"),
            value=document.optional_number("value"),
            limit=document.optional_number("limit"),
            unit=document.text("unit"),
            passed=document.flag("passed"),
            detail=document.text("detail"),
        )
