"""The world's certificate authority and what it signs: server certificates, and the pieces of a client wallet."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from simulator.kernel.worldfile import World


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its private key, both PEM."""

    chain: bytes
    key: bytes = field(repr=False)

    def server_context(self, *, client_ca: Path | None = None) -> ssl.SSLContext:
        """TLS for a server; with ``client_ca`` a client must show a certificate that it signed (mTLS)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # created 0600; ssl only loads from files
            file.write(self.key + b"\n" + self.chain)
            file.flush()
            context.load_cert_chain(file.name)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def create_ca(world: World) -> None:
    """Make the authority of a new world: ``ca.pem`` and its key (0600)."""
    authority = trustme.CA(organization_name="FitTrack rehearsal")
    world.ca_file.write_bytes(authority.cert_pem.bytes())
    write_private(world.ca_key_file, authority.private_key_pem.bytes())


def issue_server_certificate(world: World, names: Iterable[str]) -> Certificate:
    """A certificate for DNS names and IP addresses, signed by the world's authority.

    The first is its common name too: thin database drivers look for the host there, never among IP addresses.
    """
    first, *others = names
    leaf = _authority(world).issue_cert(first, *others, common_name=first)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return Certificate(chain, leaf.private_key_pem.bytes())


def issue_client_certificate(world: World, common_name: str) -> Certificate:
    """A certificate for a client's wallet (mTLS), signed by the world's authority."""
    leaf = _authority(world).issue_cert(f"{common_name.lower()}.client", common_name=common_name)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return Certificate(chain, leaf.private_key_pem.bytes())


def wallet_pem(world: World, certificate: Certificate, password: str) -> bytes:
    """``ewallet.pem`` as drivers read it: the key encrypted under the wallet's password, its chain, the authority."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(certificate.key, None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    return encrypted + certificate.chain + world.ca_file.read_bytes()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _authority(world: World) -> trustme.CA:
    return trustme.CA.from_pem(world.ca_file.read_bytes(), world.ca_key_file.read_bytes())
