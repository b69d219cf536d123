"""The client's side of mTLS: ``ewallet.pem`` and ``tnsnames.ora``, as a thin driver reads them from one directory.

Thin drivers read the PEM wallet only, never ``cwallet.sso``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

WALLET = "ewallet.pem"
NAMES = "tnsnames.ora"


@dataclass(frozen=True)
class ClientIdentity:
    """What a wallet holds: the client's key and certificate, and the authorities to trust a server by."""

    key: CertificateIssuerPrivateKeyTypes = field(repr=False)
    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Alias:
    """One name in ``tnsnames.ora``.

    ``certificate_dn`` is checked against the server's certificate instead of the host, when given; retries (with
    ``retry_delay`` seconds between) are the driver's own.
    """

    name: str
    host: str
    port: int
    service_name: str
    certificate_dn: str = ""
    retry_count: int = 0
    retry_delay: int = 1

    def render(self) -> str:
        """The line of ``tnsnames.ora``."""
        dn = f'(ssl_server_cert_dn="{self.certificate_dn}")' if self.certificate_dn else ""
        return (
            f"{self.name} = (description=(retry_count={self.retry_count})(retry_delay={self.retry_delay})"
            f"(address=(protocol=tcps)(port={self.port})(host={self.host}))"
            f"(connect_data=(service_name={self.service_name}))"
            f"(security=(ssl_server_dn_match=yes){dn}))"
        )


def wallet_pem(identity: ClientIdentity, password: str) -> bytes:
    """The content of ``ewallet.pem``: the key encrypted under the wallet's password, then the certificates."""
    key = identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    certificates: Sequence[x509.Certificate] = (identity.certificate, *identity.authorities)
    return key + b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def tnsnames(aliases: Iterable[Alias]) -> str:
    """The content of ``tnsnames.ora``."""
    return "".join(f"{alias.render()}\n" for alias in aliases)


def write_wallet(directory: Path, identity: ClientIdentity, password: str, aliases: Iterable[Alias]) -> None:
    """Write both files; the wallet is readable by its owner alone from its first moment."""
    directory.mkdir(parents=True, exist_ok=True)
    wallet = directory / WALLET
    wallet.unlink(missing_ok=True)
    descriptor = os.open(wallet, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(wallet_pem(identity, password))
    (directory / NAMES).write_text(tnsnames(aliases), encoding="utf-8")
