"""Request signatures (draft-cavage HTTP signatures as OCI uses them: rsa-sha256, version 1).

The key id names tenancy, user and fingerprint; the public key is the one that IAM holds. Dates are wall time: a
signature is about the caller's machine, not about the simulated world.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from simulator.cloud.identity import state
from simulator.cloud.service import Principal, ServiceError
from simulator.kernel.store import Store

MAXIMUM_SKEW = 300.0
"""Wall seconds between the request's date and this machine's."""

_FIELD = re.compile(r'(\w+)="([^"]*)"')
_BODY_HEADERS = frozenset({"x-content-sha256", "content-type", "content-length"})


@dataclass(frozen=True)
class Signed:
    """What is signed: the raw path with its query, and the headers (lower-case names)."""

    method: str
    target: str
    headers: Mapping[str, str]


def verify(signed: Signed, store: Store, *, body_signed: bool) -> Principal:
    """Who signed this. Raises 401 when nobody did, or not rightly.

    ``body_signed``: the operation's body must be covered (all but Object Storage's uploads).
    """
    fields = _authorization(signed.headers.get("authorization", ""))
    names = fields.get("headers", "date").lower().split()
    required = {"(request-target)", "host"} | ({"date", "x-date"} & set(names) or {"date"})
    if body_signed and signed.method in ("POST", "PUT", "PATCH"):
        required |= _BODY_HEADERS
    if not required <= set(names):
        raise _denied(f"the signature must cover {', '.join(sorted(required - set(names)))}")
    _check_date(signed.headers.get("x-date") or signed.headers.get("date", ""))
    key_id = fields.get("keyId", "")
    document = store.get(state.API_KEY, key_id)
    if document is None:
        raise _denied("the key is not known to IAM")
    _check_signature(document["keyValue"], fields.get("signature", ""), _message(signed, names))
    user = store.get(state.USER, document["userId"])
    if user is None:
        raise _denied("the user is not known to IAM")
    tenancy, _, fingerprint = key_id.split("/")
    groups = state.groups_of(store, user["id"])
    return Principal(user["id"], user["name"], tenancy, fingerprint, groups)


def check_body(headers: Mapping[str, str], sha256: bytes) -> None:
    """Raises 401 when the signed x-content-sha256 is not the body's digest."""
    stated = headers.get("x-content-sha256")
    if stated is not None and stated != base64.b64encode(sha256).decode():
        raise _denied("x-content-sha256 does not match the body")


def digest(body: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(body).digest()


def _authorization(text: str) -> dict[str, str]:
    scheme, _, rest = text.partition(" ")
    fields = dict(_FIELD.findall(rest))
    if scheme.lower() != "signature" or "signature" not in fields:
        raise _denied("the request is not signed")
    if fields.get("algorithm", "").lower() != "rsa-sha256":
        raise _denied("the algorithm must be rsa-sha256")
    return fields


def _check_date(text: str) -> None:
    try:
        skew = abs(parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        raise _denied("the date header is not a date") from None
    if skew > MAXIMUM_SKEW:
        raise _denied(f"the request's date is {skew:.0f} s away from the server's, more than {MAXIMUM_SKEW:.0f} s")


def _message(signed: Signed, names: list[str]) -> bytes:
    lines: list[str] = []
    for name in names:
        if name == "(request-target)":
            lines.append(f"{name}: {signed.method.lower()} {signed.target}")
        elif name in signed.headers:
            lines.append(f"{name}: {signed.headers[name]}")
        else:
            raise _denied(f"the signed header {name} is missing")
    return "\n".join(lines).encode("latin-1")


def _check_signature(public_key: str, signature: str, message: bytes) -> None:
    key = load_pem_public_key(public_key.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise _denied("the key is not an RSA key")
    try:
        key.verify(base64.b64decode(signature, validate=True), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        raise _denied("the signature does not verify") from None


def _denied(reason: str) -> ServiceError:
    return ServiceError(
        401,
        "NotAuthenticated",
        f"The required information to complete authentication was not provided or was incorrect: {reason}",
    )
