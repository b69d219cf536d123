"""The cache is a convenience: absent, empty or failing, FitTrack serves from the database, only slower.

After a failure the cache is left alone for a moment, so that a dead one does not add its time-out to every request.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

LEADERBOARD_KEY = "fittrack:leaderboard"
_TIMEOUT_SECONDS = 0.25
_REST_SECONDS = 2.0
_KEPT_SECONDS = 900


class Cache(Protocol):
    """Texts by key. Neither call ever raises for a cache that is away."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, value: str) -> None: ...

    def close(self) -> None: ...


class NoCache:
    """Where no cache is configured: everything is a miss."""

    def get(self, key: str) -> str | None:
        """Never there."""
        del key
        return None

    def put(self, key: str, value: str) -> None:
        """Kept nowhere."""

    def close(self) -> None:
        """Nothing to close."""


class RedisCache:
    """Redis, reached lazily: making one touches no network."""

    def __init__(self, url: str) -> None:
        import redis

        self._error = redis.RedisError
        self._client: Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )
        self._rest_until = 0.0
        self._failing = False

    def get(self, key: str) -> str | None:
        """The text, or None when it is not there or the cache is away."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            value = self._client.get(key)
        except self._error as error:
            self._failed(error)
            return None
        self._worked()
        return value if isinstance(value, str) else None

    def put(self, key: str, value: str) -> None:
        """Keep the text for a quarter of an hour at most; the worker renews it long before."""
        if time.monotonic() < self._rest_until:
            return
        try:
            self._client.set(key, value, ex=_KEPT_SECONDS)
        except self._error as error:
            self._failed(error)
        else:
            self._worked()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _failed(self, error: Exception) -> None:
        self._rest_until = time.monotonic() + _REST_SECONDS
        if not self._failing:
            log.warning("cache is away: %s; serving from the database", type(error).__name__)
        self._failing = True

    def _worked(self) -> None:
        if self._failing:
            log.info("cache is back")
        self._failing = False


def open_cache(url: str | None) -> Cache:
    """Redis where a URL is configured; its library is imported only then (it costs 14 MB)."""
    return NoCache() if url is None else RedisCache(url)
