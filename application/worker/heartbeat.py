"""The heartbeat: a row with the database's own time, and the same time as an object outside the region.

After a failover the newest row that arrived says how far the recovered database reaches; the objects say how far it had
reached. An object is only put for a row that is committed, so it never claims more than the database held.
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Engine, delete, func, insert, select

from application.database import as_utc
from application.schema import heartbeats

log = logging.getLogger(__name__)

_PUT_SECONDS = 3.0
_KEPT = timedelta(days=1)


class Publisher(Protocol):
    """Takes a committed beat; returns at once and never raises."""

    def publish(self, body: bytes) -> None: ...


class ObjectPublisher:
    """Puts the newest body to one pre-authenticated URL from a thread of its own.

    A dark far side costs this thread its time-out and nobody else anything: beats that come meanwhile replace each
    other, the newest is put next. The URL is a secret; logs name its host alone.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._host = urlsplit(url).netloc
        self._newest: bytes | None = None
        self._stopping = False
        self._wake = threading.Condition()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {self._host}", daemon=True)
        self._thread.start()

    def publish(self, body: bytes) -> None:
        """Hand over; returns at once."""
        with self._wake:
            self._newest = body
            self._wake.notify()

    def stop(self) -> None:
        """Put what is waiting, then end; gives up on a put that hangs."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(_PUT_SECONDS + 1)

    def _run(self) -> None:
        while True:
            with self._wake:
                while self._newest is None and not self._stopping:
                    self._wake.wait()
                body, self._newest = self._newest, None
            if body is None:
                return
            self._put(body)

    def _put(self, body: bytes) -> None:
        request = urllib.request.Request(
            self._url, data=body, method="PUT", headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PUT_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            self._failed(f"HTTP {error.code}")
        except (OSError, http.client.HTTPException) as error:
            self._failed(type(getattr(error, "reason", error)).__name__)
        else:
            if self._failing:
                log.info("heartbeat objects reach %s again", self._host)
            self._failing = False

    def _failed(self, why: str) -> None:
        if not self._failing:
            log.warning("heartbeat objects do not reach %s: %s", self._host, why)
        self._failing = True


def last_beat(engine: Engine, region: str) -> datetime | None:
    """The region's newest beat in the database, None without one."""
    with engine.connect() as connection:
        newest = connection.execute(
            select(func.max(heartbeats.c.beat_at)).where(heartbeats.c.region == region)
        ).scalar_one()
    return None if newest is None else as_utc(newest)


def beat(engine: Engine, region: str, now: datetime) -> bytes:
    """Commit one beat at the database's time ``now``; the object's body that says so."""
    with engine.begin() as connection:
        connection.execute(insert(heartbeats), {"region": region, "beat_at": now})
    return json.dumps({"region": region, "beat_at": now.isoformat()}).encode()


def forget_old(engine: Engine, now: datetime) -> None:
    """Drop beats older than a day: the newest is what matters."""
    with engine.begin() as connection:
        connection.execute(delete(heartbeats).where(heartbeats.c.beat_at < now - _KEPT))
