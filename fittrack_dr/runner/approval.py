"""Approvals: put in writing by one person, examined by the program of another.

An approval counts when its signature verifies against the public key that IAM holds for its author, the author is in
the IAM group of a role that decides the question, is not the run's operator, and run, plan digest and time fit. What
IAM cannot answer is not accepted: it stays open and is asked again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from fittrack_dr.domain.approval import Approval
from fittrack_dr.domain.entries import Judged, Person
from fittrack_dr.domain.progress import Progress, Signed
from fittrack_dr.domain.protocols import Identities
from fittrack_dr.errors import ConfigError, RefusedError

if TYPE_CHECKING:
    from fittrack_dr.recovery import RecoveryPolicy

Deciders = Mapping[str, frozenset[str]]
"""Decision -> the IAM groups whose members may take it."""


def deciders(policy: RecoveryPolicy) -> Deciders:
    """Who decides what, as recovery.yaml says."""
    decisions = {str(decision) for role in policy.roles.values() for decision in role.decides}
    return {
        decision: frozenset(role.group for role in policy.roles.values() if decision in role.decides)
        for decision in decisions
    }


def pending_decision(progress: Progress, wanted: str | None = None) -> str:
    """The decision to approve: the one named, else the one the run asks for.

    Raises ConfigError when the plan has no such decision, or several and none was named.
    """
    decisions = progress.plan.decisions
    if wanted is not None and wanted in decisions:
        return wanted
    asked = tuple(progress.asked)
    candidates = asked if len(asked) == 1 else decisions
    if wanted is None and len(candidates) == 1:
        return candidates[0]
    named = f"no step of run {progress.run} needs the decision '{wanted}'" if wanted else "which decision is meant?"
    raise ConfigError(f"{named}; the plan's decisions: {', '.join(decisions) or 'none'}")


def propose(
    progress: Progress,
    decision: str,
    approver: Person,
    *,
    fingerprint: str,
    claims: tuple[str, ...],
    now: datetime,
    validity: timedelta,
) -> Approval:
    """An unsigned approval. Raises RefusedError when it cannot count: the run is closed, or held by the approver."""
    if progress.closed is not None:
        raise RefusedError(
            f"run {progress.run} is closed ({progress.closed.ending.value}); there is nothing to approve"
        )
    if approver.user == progress.holder.user:
        raise RefusedError(f"{approver.name} operates run {progress.run}; someone else has to approve it")
    return Approval(
        run=progress.run,
        plan_digest=progress.plan.digest,
        decision=decision,
        approver=approver.user,
        fingerprint=fingerprint,
        claims=claims,
        issued=now,
        expires=now + validity,
    )


def refuse_outsider(decision: str, approver: Person, groups: frozenset[str], allowed: Deciders) -> None:
    """Raises RefusedError, naming the groups that decide, for someone whose word the run would not accept."""
    deciding = allowed.get(decision, frozenset())
    if not groups & deciding:
        raise RefusedError(
            f"{approver.name} is not in a group that decides '{decision}' ({', '.join(sorted(deciding)) or 'none'})"
        )


def sign(approval: Approval, key_file: Path, passphrase: str | None = None) -> Approval:
    """Sign with an RSA API key (PEM). Raises ConfigError when the key cannot be used; the key never shows."""
    try:
        secret = passphrase.encode() if passphrase else None
        key = load_pem_private_key(key_file.read_bytes(), secret)
    except OSError as error:
        raise ConfigError(f"the API key {key_file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{key_file} is not a PEM private key that its pass phrase opens") from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{key_file} is not an RSA key, as OCI API keys are")
    signature = key.sign(approval.signed_bytes(), PKCS1v15(), SHA256())
    return approval.with_signature(base64.b64encode(signature).decode())


def verify(approval: Approval, public_key: str) -> bool:
    """Whether the signature is by the owner of this PEM public key."""
    try:
        key = load_pem_public_key(public_key.encode())
        signature = base64.b64decode(approval.signature, validate=True)
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        return False
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(signature, approval.signed_bytes(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def judge(progress: Progress, signed: Signed, identities: Identities, allowed: Deciders, now: datetime) -> Judged:
    """Examine one approval. Raises FittrackError when IAM cannot be asked: then nothing is decided."""
    approval = signed.approval
    deciding = allowed.get(approval.decision, frozenset())
    if not progress.may_count(signed, now):
        return Judged(
            signed.number, accepted=False, reason="it fits neither this run and plan nor this moment and holder"
        )
    public_key = identities.public_key(approval.approver, approval.fingerprint)
    if public_key is None:
        return Judged(
            signed.number, accepted=False, reason=f"IAM knows no API key {approval.fingerprint} of its author"
        )
    if not verify(approval, public_key):
        return Judged(signed.number, accepted=False, reason="its signature does not verify against the key in IAM")
    groups = identities.groups(approval.approver) & deciding
    if not groups:
        reason = (
            f"its author is in no group that decides '{approval.decision}' ({', '.join(sorted(deciding)) or 'none'})"
        )
        return Judged(signed.number, accepted=False, reason=reason)
    return Judged(signed.number, accepted=True, reason="signature, group and time hold", groups=tuple(sorted(groups)))
