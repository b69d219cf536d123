"""One HTTP request, by address: the name goes into Host and SNI, so that a server is asked before DNS points at it.

Bounded in wall time as a whole, from the connection's first packet to the last byte that is read, and in size. What
goes wrong on the way is an answer too, because whether something answers is mostly the question.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fittrack_dr.clients.dns import NameServers
from fittrack_dr.clients.failures import shortened
from fittrack_dr.clients.profile import Profile
from fittrack_dr.errors import ConfigError, NotFoundError, UnreachableError

TOTAL_SECONDS = 5.0
MAX_HEAD = 16384
MAX_BODY = 65536
_CHUNK = 16384


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
        started = time.monotonic()
        exchange = _Exchange(place, started + self._total, self._tls() if place.secure else None)
        try:
            status, body = exchange.run()
            detail = str(status)
        except ssl.SSLError as error:
            status, body, detail = None, "", f"TLS: {shortened(_tls_reason(error))}"
        except TimeoutError:
            status, body, detail = None, "", f"no answer within {self._total:g} s"
        except OSError as error:
            status, body, detail = None, "", (error.strerror or str(error)).lower()
        except ValueError as error:
            status, body, detail = None, "", shortened(f"not HTTP: {error}")
        return WebAnswer(place.url, place.address, status, detail, time.monotonic() - started, body)

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


class _Exchange:
    """One request and its response on one connection, until ``deadline`` (monotonic)."""

    def __init__(self, place: _Place, deadline: float, context: ssl.SSLContext | None) -> None:
        self._place = place
        self._deadline = deadline
        self._context = context

    def run(self) -> tuple[int, str]:
        """Status and body. Raises OSError (TimeoutError, SSLError) or ValueError for what is not HTTP."""
        place = self._place
        with socket.create_connection((place.address, place.port), self._left()) as plain:
            if self._context is None:
                return self._ask(plain)
            plain.settimeout(self._left())
            with self._context.wrap_socket(plain, server_hostname=place.name) as secured:
                return self._ask(secured)

    def _ask(self, connection: socket.socket) -> tuple[int, str]:
        place = self._place
        lines = [f"GET {place.path} HTTP/1.1", f"Host: {place.host}", "Accept: */*", "Connection: close"]
        connection.settimeout(self._left())
        connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        head, rest = self._head(connection)
        status = _status(head[0])
        lengths = [line.partition(":")[2].strip() for line in head[1:] if line.lower().startswith("content-length:")]
        wanted = int(lengths[0]) if lengths and lengths[0].isdecimal() else MAX_BODY
        body = self._body(connection, rest, min(wanted, MAX_BODY))
        return status, body.decode("utf-8", "replace")

    def _head(self, connection: socket.socket) -> tuple[list[str], bytes]:
        """The lines before the body, and what of the body came with them."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self._receive(connection)
            if not chunk:
                raise ConnectionError("the connection ended before a response")
            data += chunk
            if len(data) > MAX_HEAD:
                raise ValueError("the response's head is too long")
        head, _, rest = data.partition(b"\r\n\r\n")
        return head.decode("latin-1").split("\r\n"), rest

    def _body(self, connection: socket.socket, data: bytes, wanted: int) -> bytes:
        while len(data) < wanted:
            chunk = self._receive(connection)
            if not chunk:
                break
            data += chunk
        return data[:wanted]

    def _receive(self, connection: socket.socket) -> bytes:
        connection.settimeout(self._left())
        return connection.recv(_CHUNK)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _status(line: str) -> int:
    parts = line.split(" ", 2)
    if not parts[0].startswith("HTTP/1.") or len(parts) < 2 or not parts[1].isdecimal():
        raise ValueError(f"the answer begins with {line[:40]!r}")
    return int(parts[1])


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    return error.reason or str(error)
