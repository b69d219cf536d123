"""Settings from the environment alone: typed, frozen, and every problem named at once.

A secret called ``NAME`` may stand in the variable itself or in the file that ``NAME_FILE`` points to. Secrets are left
out of ``repr`` and of every message.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

USAGE_EXIT = 2


class SettingsError(Exception):
    """The environment cannot be used; ``problems`` has one sentence for each variable at fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the region's own database is and who we are to it.

    ``dsn`` is an alias of the ``tnsnames.ora`` in ``config_dir`` (where the wallet is as well) or a whole descriptor.
    """

    dsn: str
    user: str
    password: str = field(repr=False)
    config_dir: Path | None = None
    wallet_password: str | None = field(default=None, repr=False)
    pool_size: int = 8


@dataclass(frozen=True)
class ApiSettings:
    """What ``python -m application.api`` needs. ``probe_seconds`` is wall time between two looks at the database."""

    region: str
    host: str
    port: int
    database: DatabaseSettings
    redis_url: str | None = field(repr=False)
    probe_seconds: float


@dataclass(frozen=True)
class WorkerSettings:
    """What ``python -m application.worker`` needs.

    ``tick_seconds`` is wall time; the two ``…_every`` are seconds of the database's clock. ``heartbeat_urls`` are
    pre-authenticated Object Storage URLs, hence secrets.
    """

    region: str
    database: DatabaseSettings
    redis_url: str | None = field(repr=False)
    heartbeat_urls: tuple[str, ...] = field(repr=False)
    tick_seconds: float
    heartbeat_every: float
    leaderboard_every: float


class _Reader:
    """Reads variables one by one and remembers what was wrong with each."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is missing")
            return ""
        return default

    def optional(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def secret(self, name: str, *, required: bool) -> str | None:
        inline, file = self.optional(name), self.optional(f"{name}_FILE")
        if inline and file:
            self.problems.append(f"{name} and {name}_FILE are both set; keep one")
        if file:
            try:
                inline = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self.problems.append(
                    f"{name}_FILE cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'} ({file})"
                )
                return None
        if not inline and required:
            where = f"the file of {name}_FILE is empty" if file else f"{name} (or {name}_FILE) is missing"
            self.problems.append(where)
        return inline or None

    def number(self, name: str, default: T, parse: Callable[[str], T], *, low: float, high: float) -> T:
        given = self.optional(name)
        if given is None:
            return default
        try:
            value = parse(given)
        except ValueError:
            self.problems.append(f"{name}: {given!r} is not a number")
            return default
        if not low <= float(value) <= high:  # pyright: ignore[reportArgumentType]
            self.problems.append(f"{name}: {given} is not between {low:g} and {high:g}")
        return value

    def directory(self, name: str) -> Path | None:
        given = self.optional(name)
        if given is None:
            return None
        path = Path(given)
        if not path.is_dir():
            self.problems.append(f"{name}: {given} is not a directory")
        return path

    def finish(self) -> None:
        if self.problems:
            raise SettingsError(self.problems)


def _database(reader: _Reader, *, pool_size: int) -> DatabaseSettings:
    return DatabaseSettings(
        dsn=reader.text("DATABASE_DSN"),
        user=reader.text("DATABASE_USER"),
        password=reader.secret("DATABASE_PASSWORD", required=True) or "",
        config_dir=reader.directory("TNS_ADMIN"),
        wallet_password=reader.secret("DATABASE_WALLET_PASSWORD", required=False),
        pool_size=reader.number("DATABASE_POOL_SIZE", pool_size, int, low=1, high=64),
    )


def database_settings(environment: Mapping[str, str]) -> DatabaseSettings:
    """For the tools that only need the database. Raises SettingsError."""
    reader = _Reader(environment)
    settings = _database(reader, pool_size=1)
    reader.finish()
    return settings


def api_settings(environment: Mapping[str, str]) -> ApiSettings:
    """Raises SettingsError."""
    reader = _Reader(environment)
    settings = ApiSettings(
        region=reader.text("REGION"),
        host=reader.text("HOST"),
        port=reader.number("PORT", 8000, int, low=1, high=65535),
        database=_database(reader, pool_size=8),
        redis_url=reader.secret("REDIS_URL", required=False),
        probe_seconds=reader.number("PROBE_SECONDS", 1.0, float, low=0.05, high=60),
    )
    reader.finish()
    return settings


def worker_settings(environment: Mapping[str, str]) -> WorkerSettings:
    """Raises SettingsError."""
    reader = _Reader(environment)
    urls = tuple((reader.secret("HEARTBEAT_URLS", required=False) or "").split())
    if not all(url.startswith(("http://", "https://")) for url in urls):
        reader.problems.append("HEARTBEAT_URLS: each must begin with http:// or https://")
    settings = WorkerSettings(
        region=reader.text("REGION"),
        database=_database(reader, pool_size=1),
        redis_url=reader.secret("REDIS_URL", required=False),
        heartbeat_urls=urls,
        tick_seconds=reader.number("TICK_SECONDS", 1.0, float, low=0.05, high=60),
        heartbeat_every=reader.number("HEARTBEAT_SECONDS", 10.0, float, low=1, high=3600),
        leaderboard_every=reader.number("LEADERBOARD_SECONDS", 300.0, float, low=1, high=86400),
    )
    reader.finish()
    return settings


def read_or_exit(program: str, read: Callable[[Mapping[str, str]], T], environment: Mapping[str, str]) -> T:
    """The settings, or one line on standard error that names every problem, and exit code 2."""
    try:
        return read(environment)
    except SettingsError as error:
        sys.stderr.write(f"{program}: the environment cannot be used: {error}\n")
        raise SystemExit(USAGE_EXIT) from error
