"""``python -m application.worker``: tick until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import timedelta

from application import log
from application.cache import open_cache
from application.database import open_engine
from application.settings import read_or_exit, worker_settings
from application.worker.heartbeat import ObjectPublisher
from application.worker.jobs import Worker, drawings_job, heartbeat_job, leaderboard_job

_DRAWINGS_EVERY = timedelta(seconds=30)


def main() -> None:
    """Read the settings, then work. Exits with 2 when the settings cannot be used."""
    settings = read_or_exit("application.worker", worker_settings, os.environ)
    log.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = open_engine(settings.database)
    cache = open_cache(settings.redis_url)
    publishers = [ObjectPublisher(url) for url in settings.heartbeat_urls]
    worker = Worker(
        engine,
        [
            heartbeat_job(engine, settings.region, timedelta(seconds=settings.heartbeat_every), publishers),
            leaderboard_job(engine, cache, timedelta(seconds=settings.leaderboard_every)),
            drawings_job(engine, _DRAWINGS_EVERY),
        ],
    )
    logging.getLogger(__name__).info("started", extra={"fields": {"region": settings.region}})
    while not stop.is_set():
        worker.tick()
        stop.wait(settings.tick_seconds)
    for publisher in publishers:
        publisher.stop()
    cache.close()
    engine.dispose()


if __name__ == "__main__":
    main()
