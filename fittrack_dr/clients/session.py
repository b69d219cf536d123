"""Signed SDK clients of a profile: one request per call, short wall-clock time-outs, no retries, no circuit breaker.

The SDK would retry for ten minutes and then stop asking; here a retry is an outcome that waits on the clock, and a
region that is dark must be seen to be dark within seconds.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from fittrack_dr.clients.profile import Profile
from fittrack_dr.errors import ConfigError

C = TypeVar("C")
CONNECT_SECONDS = 2.0
READ_SECONDS = 8.0
_MOST_PAGES = 1000


class Session:
    """Makes each client once and shares it between threads; close it to close the connections.

    ``connect`` and ``read`` are seconds of wall time: for a connection to stand, and for each wait for bytes.
    """

    def __init__(self, profile: Profile, *, connect: float = CONNECT_SECONDS, read: float = READ_SECONDS) -> None:
        self.profile = profile
        self._timeout = (connect, read)
        self._lock = threading.Lock()
        self._clients: dict[tuple[Callable[..., Any], str], Any] = {}
        self._signer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. The session may be used again; it then connects anew."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.base_client.session.close()

    def client(self, kind: Callable[..., C], region: str) -> C:
        """The SDK's client of class ``kind`` for a region. Raises ConfigError when the credentials cannot be used."""
        key = (kind, region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(kind, region)
            return self._clients[key]

    def _made(self, kind: Callable[..., C], region: str) -> C:
        from oci.circuit_breaker import NoCircuitBreakerStrategy
        from oci.exceptions import InvalidConfig
        from oci.retry import NoneRetryStrategy

        # The SDK repeats a request, a write too, whose answer has unreadable headers; a repetition is ours to decide.
        os.environ.setdefault("OCI_HEADER_PARSING_ERROR_MAX_RETRIES", "0")
        profile = self.profile
        endpoint = profile.endpoint(region)
        try:
            made: Any = kind(
                _config(profile, region),
                signer=self._signing(),
                timeout=self._timeout,
                retry_strategy=NoneRetryStrategy(),
                circuit_breaker_strategy=NoCircuitBreakerStrategy(),
                **({"service_endpoint": endpoint} if endpoint else {}),
            )
        except InvalidConfig as error:
            wrong = ", ".join(f"{key} is {reason}" for key, reason in error.errors.items())
            raise ConfigError(f"profile {profile}: {wrong}; correct it") from error
        # A rehearsal's addresses are this machine's: a proxy of the environment has nothing to do with them.
        made.base_client.session.trust_env = not profile.rehearsal
        return made

    def _signing(self) -> Any:
        if self._signer is None:
            from oci.exceptions import ClientError
            from oci.signer import Signer

            profile = self.profile
            try:
                self._signer = Signer(
                    profile.tenancy, profile.user, profile.fingerprint, str(profile.key_file), profile.passphrase
                )
            except (ClientError, OSError, ValueError, TypeError) as error:
                raise ConfigError(
                    f"profile {profile}: key_file {profile.key_file} holds no private key that can be used "
                    f"({type(error).__name__}); name the key that was uploaded for this user"
                ) from error
        return self._signer


def _config(profile: Profile, region: str) -> dict[str, str]:
    return {
        "tenancy": profile.tenancy,
        "user": profile.user,
        "fingerprint": profile.fingerprint,
        "key_file": str(profile.key_file),
        "region": region,
    }


def preload() -> None:
    """Import what a look at everything uses, so that its questions are timed and not the imports."""
    for module in ("httpx", "oci.database", "oci.dns", "oci.monitoring", "oci.object_storage", "oracledb"):
        importlib.import_module(module)


def pages(request: Callable[..., Any], *arguments: str, **options: Any) -> Iterator[Any]:
    """Every item of a paginated listing, page after page."""
    for _ in range(_MOST_PAGES):
        response = request(*arguments, **options)
        yield from response.data
        if not response.next_page:
            return
        options["page"] = response.next_page
    raise ValueError(f"more than {_MOST_PAGES} pages")
