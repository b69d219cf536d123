"""Identifiers in OCI's form, the same for the same seed and the same order of events."""

from __future__ import annotations

import base64
import hashlib


def ocid(kind: str, region: str, *, seed: int, number: int) -> str:
    """``ocid1.<kind>.oc1.<region key>.<60 characters>``; ``region`` is the key (``iad``) or empty for global kinds."""
    digest = _digest(f"{seed}/{region}/{kind}/{number}")
    text = base64.b32encode(digest).decode().lower().rstrip("=")
    return f"ocid1.{kind}.oc1.{region}.{'a' * 8}{text[:52]}"


def token(purpose: str, *, seed: int, number: int) -> str:
    """An opaque URL-safe text of 43 characters (upload ids, pre-authenticated paths)."""
    return base64.urlsafe_b64encode(_digest(f"{seed}/{purpose}/{number}")).decode().rstrip("=")


def etag(*parts: object) -> str:
    """A UUID-shaped entity tag of what the parts say."""
    digits = _digest("/".join(str(part) for part in parts)).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def fingerprint(public_key: bytes) -> str:
    """OCI's name for a public key (DER): its MD5 in pairs."""
    digest = hashlib.md5(public_key, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
