"""Database users: password verifiers and who may log on.

A password is never kept: only the 12c verifier from which the network side proves it (PBKDF2 over SHA-512).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

import apsw

from simulator.database.interface import OracleError, Verifier
from simulator.database.sql.types import to_stamp

_ITERATIONS: Final = 4096
_SHORTEST = 1
_LONGEST = 1024


def make_verifier(password: str) -> Verifier:
    """A verifier with a fresh salt. Raises OracleError 988 for an empty or oversized password."""
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise OracleError(988, "missing or invalid password(s)")
    salt = secrets.token_bytes(16)
    return Verifier(salt, password_key(password, salt, _ITERATIONS), _ITERATIONS)


def password_key(password: str, salt: bytes, iterations: int) -> bytes:
    """The 64-byte key that client and server derive alike from a password."""
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt + b"AUTH_PBKDF2_SPEEDY_KEY", iterations, 64)


def proves(verifier: Verifier, password: str) -> bool:
    """Whether this is the password behind the verifier."""
    key = password_key(password, verifier.salt, verifier.iterations)
    return secrets.compare_digest(key, verifier.password_key)


def find_verifier(connection: apsw.Connection, user: str) -> Verifier | None:
    """The verifier of a user by name, or None."""
    row = connection.execute("SELECT salt, password_key, iterations FROM users WHERE name = ?", (user.upper(),)).get
    return None if row is None else Verifier(row[0], row[1], row[2])


def is_locked(connection: apsw.Connection, user: str) -> bool:
    """Whether the account is locked."""
    return bool(connection.execute("SELECT locked FROM users WHERE name = ?", (user.upper(),)).get)


def insert_user(connection: apsw.Connection, user: str, password: str, created: datetime) -> None:
    """Create a user. Raises OracleError 1920 when the name is taken."""
    verifier = make_verifier(password)
    try:
        connection.execute(
            "INSERT INTO users(name, salt, password_key, iterations, created) VALUES (?, ?, ?, ?, ?)",
            (user, verifier.salt, verifier.password_key, verifier.iterations, to_stamp(created)),
        )
    except apsw.ConstraintError:
        raise OracleError(1920, f"user name '{user}' conflicts with another user or role name") from None


def set_password(connection: apsw.Connection, user: str, password: str) -> None:
    """Replace a user's password. Raises OracleError 1918 for an unknown user."""
    verifier = make_verifier(password)
    connection.execute(
        "UPDATE users SET salt = ?, password_key = ?, iterations = ? WHERE name = ?",
        (verifier.salt, verifier.password_key, verifier.iterations, user),
    )
    if not connection.changes():
        raise OracleError(1918, f"user '{user}' does not exist")


def set_locked(connection: apsw.Connection, user: str, *, locked: bool) -> None:
    """Lock or unlock an account."""
    connection.execute("UPDATE users SET locked = ? WHERE name = ?", (int(locked), user))
