"""One HTTP request, by address: the name goes into Host and SNI, so that a server is asked before DNS points at it.

Bounded in wall time as a whole, from the connection's first packet to the last byte that is read, and in size. What
goes wrong on the way is an answer too, because whether something answers is mostly the question.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fittrack_dr.clients.dns import NameServers
from fittrack_dr.clients.failures import shortened
from fittrack_dr.clients.profile import Profile
from fittrack_dr.errors import ConfigError, NotFoundError, UnreachableError

TOTAL_SECONDS = 5.0
MAX_BODY = 65536


@dataclass(frozen=True)
class WebAnswer:
    """What became of one request: ``status`` is None when there was no response, ``detail`` then says why.

    ``seconds`` is wall time. ``body`` is at most 64 KiB of text.
    """

    url: str
    address: str
    status: int | None
    detail: str
    seconds: float
    body: str = ""

    @property
    def ok(self) -> bool:
        """Whether the answer was 200."""
        return self.status == 200

    def __str__(self) -> str:
        return f"{self.url} at {self.address}: {self.detail}"


class Web:
    """HTTP with the profile's trust; ``total`` is wall time for one request."""

    def __init__(self, profile: Profile, servers: NameServers, *, total: float = TOTAL_SECONDS) -> None:
        self._profile = profile
        self._servers = servers
        self._total = total
        self._context: ssl.SSLContext | None = None

    def application_at(self, address: str, name: str, path: str) -> WebAnswer:
        """GET the application's ``path`` over HTTPS from the server at ``address``, asking it for ``name``."""
        port = self._profile.application_port
        self._profile.admit(address, f"the application at {address}")
        return self._get(_Place(address, port, name, path, secure=True))

    def application(self, name: str, path: str) -> WebAnswer:
        """The same as a user gets it: from the address that the resolvers tell."""
        try:
            address = self._servers.resolve(name)
        except (NotFoundError, UnreachableError) as error:
            return WebAnswer(f"https://{name}{path}", "no address", None, str(error), 0.0)
        return self.application_at(address, name, path)

    def neutral_target(self) -> WebAnswer:
        """GET the profile's neutral target: does our own network work?"""
        parts = urlsplit(self._profile.neutral_target)
        host, secure = parts.hostname or "", parts.scheme == "https"
        place = _Place(host, parts.port or (443 if secure else 80), host, parts.path or "/", secure=secure)
        return self._get(place)

    def _get(self, place: _Place) -> WebAnswer:
        import httpx

        started = time.monotonic()
        status, body = None, ""
        try:
            status, body = asyncio.run(self._conversation(place))
            detail = str(status)
        except (TimeoutError, httpx.TimeoutException):
            detail = f"no answer within {self._total:g} s"
        except (httpx.RemoteProtocolError, httpx.DecodingError) as error:
            detail = _malformed(str(error))
        except (httpx.HTTPError, OSError) as error:
            detail = _reason(error)
        return WebAnswer(place.url, place.address, status, detail, time.monotonic() - started, body)

    async def _conversation(self, place: _Place) -> tuple[int, str]:
        try:
            return await self._exchange(place)
        finally:
            await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn, and there is to be one

    async def _exchange(self, place: _Place) -> tuple[int, str]:
        """Status and body. Raises httpx.HTTPError, or TimeoutError when the whole takes too long.

        The library's own limit on each wait comes first, for it lets go of a half-made connection cleanly; the limit
        around it bounds a server that drips.
        """
        import httpx

        verify = self._tls() if place.secure else False
        headers = {"Host": place.host, "Accept": "*/*", "Connection": "close"}
        async with (
            asyncio.timeout(self._total),
            httpx.AsyncClient(verify=verify, trust_env=False, timeout=0.9 * self._total) as client,
            client.stream("GET", place.located, headers=headers, extensions={"sni_hostname": place.name}) as response,
        ):
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= MAX_BODY:
                    break
            return response.status_code, body[:MAX_BODY].decode("utf-8", "replace")

    def _tls(self) -> ssl.SSLContext:
        """Trust in the profile's CA file alone, or in this machine's when it names none. Raises ConfigError."""
        if self._context is None:
            file = self._profile.ca_file
            try:
                self._context = ssl.create_default_context(cafile=None if file is None else str(file))
            except (OSError, ssl.SSLError) as error:
                text = f"profile {self._profile}: fittrack_ca_file {file} holds no certificates that can be used"
                raise ConfigError(text) from error
        return self._context


@dataclass(frozen=True)
class _Place:
    address: str
    port: int
    name: str
    path: str
    secure: bool

    @property
    def host(self) -> str:
        standard = 443 if self.secure else 80
        return self.name if self.port == standard else f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}{self.path}"

    @property
    def located(self) -> str:
        """The URL with the address in the name's place: where to connect, whoever is asked for."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"


def _malformed(message: str) -> str:
    if "disconnected" in message or "closed connection" in message:
        return "the connection ended before a response"
    return shortened(f"not HTTP: {message}")


def _reason(error: BaseException) -> str:
    """The operating system's or TLS's own words, which the HTTP library wraps."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: certificate not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or shortened(str(cause))}"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return shortened(str(error) or type(error).__name__).lower()
