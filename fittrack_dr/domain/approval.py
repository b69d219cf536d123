"""A decision put in writing by someone who may take it, for one run of one plan, until a given time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from fittrack_dr.domain.values import JSON, Document, canonical, timestamp

_HEADER = b"fittrack-dr approval 1\n"


def isolation_claim(region: str) -> str:
    """The words by which an approver asserts that a region's database can reach no one."""
    return f"isolated:{region}"


@dataclass(frozen=True)
class Approval:
    """Signed with the approver's own API key.

    ``approver`` is the user's OCID; ``signature`` is base64, empty while unsigned.
    """

    run: str
    plan_digest: str
    decision: str
    approver: str
    fingerprint: str
    claims: tuple[str, ...]
    issued: datetime
    expires: datetime
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature covers. The header keeps it from ever being read as a signed HTTP request."""
        return _HEADER + canonical(self._content())

    def with_signature(self, signature: str) -> Approval:
        return replace(self, signature=signature)

    def _content(self) -> dict[str, JSON]:
        return {
            "run": self.run,
            "plan_digest": self.plan_digest,
            "decision": self.decision,
            "approver": self.approver,
            "fingerprint": self.fingerprint,
            "claims": self.claims,
            "issued": timestamp(self.issued),
            "expires": timestamp(self.expires),
        }

    def to_json(self) -> JSON:
        return {**self._content(), "signature": self.signature}

    @classmethod
    def from_document(cls, document: Document) -> Approval:
        return cls(
            run=document.text("run"),
            plan_digest=document.text("plan_digest"),
            decision=document.text("decision"),
            approver=document.text("approver"),
            fingerprint=document.text("fingerprint"),
            claims=document.texts("claims"),
            issued=document.moment("issued"),
            expires=document.moment("expires"),
            signature=document.text("signature"),
        )
