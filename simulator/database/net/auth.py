"""Proving a password with the 12c verifier, both ways, without the password crossing the wire in the clear.

The server keeps only what is derived from the password (``Verifier``). Client and server each contribute half of a
session key under that derived key; the password then travels encrypted with the session key, and the server proves
in turn that it knew the verifier.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulator.database.interface import OracleError, Verifier

_SPEEDY = b"AUTH_PBKDF2_SPEEDY_KEY"
_SESSION_ROUNDS = 3
_BLOCK = 16
_KEY_LENGTH = 32
_SERVER_PROOF = b"SERVER_TO_CLIENT"


def derive_verifier(password: str, salt: bytes | None = None, iterations: int = 4096) -> Verifier:
    """The verifier to store for a password; a fresh random salt unless one is given."""
    salt = salt if salt is not None else secrets.token_bytes(_BLOCK)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt + _SPEEDY, iterations, 64)
    return Verifier(salt, key, iterations)


def wrong_password() -> OracleError:
    """The one answer to a wrong password, an unknown user and an undecodable proof."""
    return OracleError(1017, "invalid username/password; logon denied")


def _encrypt(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _decrypt(key: bytes, data: bytes) -> bytes:
    if not data or len(data) % _BLOCK:
        raise wrong_password()
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise wrong_password() from None


@dataclass(frozen=True)
class SessionKey:
    """The key that both sides share after the logon; it also protects a later change of password."""

    key: bytes = field(repr=False)

    def decrypt_password(self, encrypted: str) -> str:
        """A password that the client sent. Raises OracleError 1017 when it does not decode."""
        padded = _decrypt(self.key, _from_hex(encrypted))[_BLOCK:]
        if not padded or not 1 <= padded[-1] <= _BLOCK:
            raise wrong_password()
        try:
            return padded[: -padded[-1]].decode()
        except UnicodeDecodeError:
            raise wrong_password() from None

    def server_proof(self) -> str:
        """What shows the client that this server knows the verifier."""
        padding = bytes((_BLOCK,)) * _BLOCK
        return _encrypt(self.key, secrets.token_bytes(_BLOCK) + _SERVER_PROOF + padding).hex().upper()


class Challenge:
    """The first phase of a logon; for an unknown user it is as good as a real one, until the second phase."""

    def __init__(self, verifier: Verifier | None) -> None:
        self._verifier = verifier or Verifier(secrets.token_bytes(_BLOCK), secrets.token_bytes(64))
        self._known = verifier is not None
        self._hash = hashlib.sha512(self._verifier.password_key + self._verifier.salt).digest()[:_KEY_LENGTH]
        self._part = secrets.token_bytes(_KEY_LENGTH)
        self._session_salt = secrets.token_bytes(_BLOCK)

    def parameters(self) -> dict[str, str]:
        """What the client needs to answer."""
        return {
            "AUTH_SESSKEY": _encrypt(self._hash, self._part).hex().upper(),
            "AUTH_VFR_DATA": self._verifier.salt.hex().upper(),
            "AUTH_PBKDF2_CSK_SALT": self._session_salt.hex().upper(),
            "AUTH_PBKDF2_VGEN_COUNT": str(self._verifier.iterations),
            "AUTH_PBKDF2_SDER_COUNT": str(_SESSION_ROUNDS),
        }

    def prove(self, session_key: str, password: str) -> SessionKey:
        """Check the client's proof. Raises OracleError 1017."""
        part = _decrypt(self._hash, _from_hex(session_key))[:_KEY_LENGTH]
        joined = (part + self._part).hex().upper().encode()
        key = SessionKey(hashlib.pbkdf2_hmac("sha512", joined, self._session_salt, _SESSION_ROUNDS, _KEY_LENGTH))
        claimed = derive_verifier(key.decrypt_password(password), self._verifier.salt, self._verifier.iterations)
        if not (hmac.compare_digest(claimed.password_key, self._verifier.password_key) and self._known):
            raise wrong_password()
        return key
