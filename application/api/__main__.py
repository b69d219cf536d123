"""``python -m application.api``: serve plain HTTP on HOST:PORT until SIGTERM."""

from __future__ import annotations

import os

import uvicorn

from application import log
from application.api.app import create_app
from application.cache import open_cache
from application.database import open_engine
from application.readiness import ReadinessMonitor
from application.settings import api_settings, read_or_exit


def main() -> None:
    """Read the settings, then serve. Exits with 2 when the settings cannot be used."""
    settings = read_or_exit("application.api", api_settings, os.environ)
    log.configure()
    engine = open_engine(settings.database, spare=1)
    monitor = ReadinessMonitor(engine, interval=settings.probe_seconds)
    app = create_app(
        settings.region,
        engine,
        open_cache(settings.redis_url),
        monitor,
        threads=settings.database.pool_size,
    )
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
