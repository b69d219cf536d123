"""The profile: where everything is, and who we are. It alone tells a rehearsal from the real thing.

One INI file in the form of ``~/.oci/config`` with keys of ours beside the SDK's. Refused: a mix of loopback and real
endpoints, because a rehearsal must never reach production nor a recovery a simulator; and a world clock with real
endpoints, because their time is the wall's.
"""

from __future__ import annotations

import configparser
import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from fittrack_dr.errors import ConfigError

_PREFIX = "fittrack_"
_PLAIN = frozenset(
    {
        "tns_admin",
        "wallet_password_file",
        "resolvers",
        "authoritative",
        "neutral_target",
        "application_port",
        "ca_file",
        "clock",
        "db_user",
        "db_password_file",
        "compartment",
        "namespace",
    }
)
_PER_REGION = frozenset({"endpoint", "tns_alias"})


@dataclass(frozen=True)
class Address:
    """Where a server listens: a literal address, and the port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Profile:
    """One section of the profile file, checked. Secrets stay in their files; only their places are here.

    The one exception is ``pass_phrase`` of an encrypted key, which the SDK's form keeps in the file itself.

    ``endpoints`` has a base URL per region whose services do not stand at the SDK's own addresses.
    """

    path: Path
    section: str
    user: str
    tenancy: str
    fingerprint: str
    key_file: Path
    passphrase: str | None = field(repr=False)
    region: str
    endpoints: Mapping[str, str]
    tns_admin: Path
    tns_aliases: Mapping[str, str]
    wallet_password_file: Path | None
    resolvers: tuple[Address, ...]
    authoritative: Address | None
    neutral_target: str
    application_port: int
    ca_file: Path | None
    clock: Path | None
    db_user: str
    db_password_file: Path
    compartment: str
    namespace: str
    rehearsal: bool

    def __str__(self) -> str:
        return f"[{self.section}] of {self.path}"

    def endpoint(self, region: str) -> str | None:
        """The base URL of a region's services; None for the SDK's own. Raises ConfigError for a rehearsal without."""
        endpoint = self.endpoints.get(region)
        if endpoint is None and self.rehearsal:
            raise ConfigError(
                f"profile {self}: fittrack_endpoint.{region} is missing, and a rehearsal must not reach the real "
                f"{region}; add it, or choose a profile without loopback endpoints"
            )
        return endpoint

    def tns_alias(self, region: str) -> str:
        """The name in tnsnames.ora of a region's database. Raises ConfigError when there is none."""
        if region not in self.tns_aliases:
            raise ConfigError(f"profile {self}: fittrack_tns_alias.{region} is missing; add the alias of its database")
        return self.tns_aliases[region]

    def admit(self, host: str, what: str) -> None:
        """Refuse to connect to ``host`` when it is on the other side of rehearsal and reality. Raises ConfigError."""
        if is_loopback(host) != self.rehearsal:
            ours, theirs = ("loopback", "real") if self.rehearsal else ("real", "loopback")
            raise ConfigError(
                f"profile {self}: has {ours} endpoints, but {what} is {host}, a {theirs} one; never mix the two"
            )


def is_loopback(host: str) -> bool:
    """Whether a host name or literal address stands for this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost" or host.rstrip(".").lower().endswith(".localhost")


def load_profile(environment: Mapping[str, str] | None = None) -> Profile:
    """The profile that ``OCI_CONFIG_FILE`` and ``OCI_CLI_PROFILE`` name (``~/.oci/config``, ``DEFAULT``).

    Raises ConfigError with one line that names the file, the section and the key.
    """
    environment = os.environ if environment is None else environment
    path = Path(environment.get("OCI_CONFIG_FILE") or "~/.oci/config").expanduser()
    section = environment.get("OCI_CLI_PROFILE") or configparser.DEFAULTSECT
    reader = _Reader(path, section, _rows(path, section))
    profile = reader.profile(environment.get("TNS_ADMIN"))
    _refuse_mixture(profile)
    return profile


def _rows(path: Path, section: str) -> Mapping[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except FileNotFoundError:
        raise ConfigError(
            f'profile {path}: there is no such file; set OCI_CONFIG_FILE, or eval "$(simulator env)" for a rehearsal'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"profile {path}: cannot be read ({_reason(error)}); set OCI_CONFIG_FILE") from error
    except configparser.Error as error:
        raise ConfigError(f"profile {path}: {' '.join(error.message.split())}; mend the file") from error
    if section != configparser.DEFAULTSECT and not parser.has_section(section):
        known = ", ".join(parser.sections()) or "only DEFAULT"
        raise ConfigError(f"profile {path}: has no section [{section}]; set OCI_CLI_PROFILE to one it has: {known}")
    return MappingProxyType(dict(parser[section]))


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"


@dataclass(frozen=True)
class _Reader:
    """Takes the section apart; every complaint names file, section and key."""

    path: Path
    section: str
    rows: Mapping[str, str]

    def profile(self, tns_admin: str | None) -> Profile:
        self._refuse_unknown()
        endpoints = self._per_region("endpoint")
        for region, url in endpoints.items():
            self._url(f"{_PREFIX}endpoint.{region}", url, base=True)
        neutral_target = self._ours("neutral_target")
        self._url(f"{_PREFIX}neutral_target", neutral_target, base=False)
        resolvers = self._addresses("resolvers")
        authoritative = self._addresses("authoritative") if self._optional("authoritative") else ()
        hosts = [*(urlsplit(url).hostname or "" for url in (*endpoints.values(), neutral_target))]
        hosts += [address.host for address in (*resolvers, *authoritative)]
        return Profile(
            path=self.path,
            section=self.section,
            user=self._required("user"),
            tenancy=self._required("tenancy"),
            fingerprint=self._required("fingerprint"),
            key_file=self._file("key_file"),
            passphrase=self.rows.get("pass_phrase"),
            region=self._required("region"),
            endpoints=endpoints,
            tns_admin=Path(self._optional("tns_admin") or tns_admin or self._ours("tns_admin")).expanduser(),
            tns_aliases=self._per_region("tns_alias"),
            wallet_password_file=self._optional_file("wallet_password_file"),
            resolvers=resolvers,
            authoritative=next(iter(authoritative), None),
            neutral_target=neutral_target,
            application_port=self._port("application_port", self._ours("application_port")),
            ca_file=self._optional_file("ca_file"),
            clock=self._optional_file("clock"),
            db_user=self._ours("db_user"),
            db_password_file=self._file(f"{_PREFIX}db_password_file"),
            compartment=self._ours("compartment"),
            namespace=self._ours("namespace"),
            rehearsal=any(is_loopback(host) for host in hosts),
        )

    def _complaint(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"profile [{self.section}] of {self.path}: {key} {text}")

    def _refuse_unknown(self) -> None:
        for key in self.rows:
            name, dot, region = key.removeprefix(_PREFIX).partition(".")
            known = name in _PER_REGION and region if dot else name in _PLAIN
            if key.startswith(_PREFIX) and not known:
                raise self._complaint(key, "is no key of a profile; correct or remove it")

    def _required(self, key: str) -> str:
        value = self.rows.get(key, "").strip()
        if not value:
            raise self._complaint(key, "is missing; add it to the section or to [DEFAULT]")
        return value

    def _ours(self, name: str) -> str:
        return self._required(_PREFIX + name)

    def _optional(self, name: str) -> str | None:
        return self._ours(name) if _PREFIX + name in self.rows else None

    def _per_region(self, name: str) -> Mapping[str, str]:
        prefix = f"{_PREFIX}{name}."
        return MappingProxyType(
            {key.removeprefix(prefix): self._required(key) for key in self.rows if key.startswith(prefix)}
        )

    def _file(self, key: str) -> Path:
        path = Path(self._required(key)).expanduser()
        if not path.is_file():
            raise self._complaint(key, f"is {path}, where there is no file; correct the path")
        if not os.access(path, os.R_OK):
            raise self._complaint(key, f"is {path}, which you may not read; change its owner or mode")
        return path

    def _optional_file(self, name: str) -> Path | None:
        return self._file(_PREFIX + name) if _PREFIX + name in self.rows else None

    def _port(self, name: str, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
            raise self._complaint(_PREFIX + name, f"has {text!r}, which is no port; give a number up to 65535")
        return int(text)

    def _addresses(self, name: str) -> tuple[Address, ...]:
        return tuple(self._address(name, part.strip()) for part in self._ours(name).split(","))

    def _address(self, name: str, text: str) -> Address:
        host, colon, port = text.rpartition(":") if "]" not in text or "]:" in text else (text, "", "")
        host = (host if colon else text).strip("[]")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise self._complaint(
                _PREFIX + name, f"has {text!r}, which is no address; give address:port, several with commas"
            ) from None
        return Address(host, self._port(name, port) if colon else 53)

    def _url(self, key: str, url: str, *, base: bool) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1) and not parts.username
        except ValueError:
            raise self._complaint(key, f"is {url!r}, which is no URL; write it like https://host:port") from None
        if not usable or (base and (parts.path.strip("/") or parts.query)):
            raise self._complaint(key, f"is {url!r}, which is no URL as is needed; write it like https://host:port")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise self._complaint(key, f"is {url!r}, which is not encrypted; use https")


def _refuse_mixture(profile: Profile) -> None:
    """Raises ConfigError when some endpoints are on this machine and others are not, or time is not the wall's."""
    for key, host in _hosts(profile):
        profile.admit(host, key)
    if profile.rehearsal:
        for region in dict.fromkeys((profile.region, *profile.tns_aliases)):
            profile.endpoint(region)
    elif profile.clock is not None:
        raise ConfigError(
            f"profile {profile}: fittrack_clock is {profile.clock}, but the endpoints are real, and so is their time; "
            "remove it"
        )


def _hosts(profile: Profile) -> Iterator[tuple[str, str]]:
    for region, url in profile.endpoints.items():
        yield f"fittrack_endpoint.{region}", urlsplit(url).hostname or ""
    yield "fittrack_neutral_target", urlsplit(profile.neutral_target).hostname or ""
    for resolver in profile.resolvers:
        yield "fittrack_resolvers", resolver.host
    if profile.authoritative is not None:
        yield "fittrack_authoritative", profile.authoritative.host
