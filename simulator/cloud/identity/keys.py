"""API signing keys: what a signature, and an approval, is checked against."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from simulator.cloud.identity import changes, state
from simulator.cloud.identity.base import SERVICE, listed, need, shown
from simulator.cloud.service import Region, Reply, Request, ServiceError
from simulator.kernel.ids import fingerprint

MAXIMUM_KEYS = 3
MINIMUM_BITS = 2048


@SERVICE.operation("GET", "/users/{userId}/apiKeys", "list_api_keys")
def list_api_keys(region: Region, request: Request) -> Reply:
    """A user's public keys. Raises 404 for an unknown user."""
    user = need(region, state.USER, request.path["userId"])
    return listed(request, region.store.find(state.API_KEY, userId=user["id"]))


@SERVICE.operation("POST", "/users/{userId}/apiKeys", "upload_api_key")
def upload_api_key(region: Region, request: Request) -> Reply:
    """Add a public key (PEM, RSA). Raises 400 for another, 409 for one that is there or one too many."""
    changes.require_home(region)
    user = need(region, state.USER, request.path["userId"])
    public_key, mark = _public_key(request.need("key"))
    known = region.store.find(state.API_KEY, userId=user["id"])
    if mark in [row["fingerprint"] for row in known]:
        raise ServiceError(409, "ApiKeyAlreadyExists", f"The user has a key with the fingerprint {mark}")
    if len(known) >= MAXIMUM_KEYS:
        raise ServiceError(400, "LimitExceeded", f"A user has at most {MAXIMUM_KEYS} API keys")
    row = state.key_document(region.world, user["id"], mark, public_key, region.clock.now())
    changes.write(region, state.API_KEY, row["keyId"], row)
    return shown(row)


@SERVICE.operation("DELETE", "/users/{userId}/apiKeys/{fingerprint}", "delete_api_key")
def delete_api_key(region: Region, request: Request) -> Reply:
    """What it signs is denied from now on."""
    changes.require_home(region)
    user = need(region, state.USER, request.path["userId"])
    row = need(region, state.API_KEY, f"{region.world.tenancy}/{user['id']}/{request.path['fingerprint']}")
    changes.write(region, state.API_KEY, row["keyId"], None)
    return Reply(status=204)


def _public_key(text: object) -> tuple[str, str]:
    """The key in one form, and its fingerprint. Raises 400."""
    try:
        key = load_pem_public_key(str(text).encode())
    except ValueError:
        raise ServiceError(400, "InvalidParameter", "key is not a public key in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MINIMUM_BITS:
        raise ServiceError(400, "InvalidParameter", f"key must be RSA of at least {MINIMUM_BITS} bits")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = base64.encodebytes(der).decode().replace("\n", "")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    return pem, fingerprint(der)
