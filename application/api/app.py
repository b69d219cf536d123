"""Routes, and the rule that every answer comes within a bounded time.

Database work runs in as many threads as the pool has connections, each request with a deadline. A write whose deadline
passed may or may not be kept: the answer says so and asks to repeat it with the same key, which is harmless.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Engine, select
from sqlalchemy.engine import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from application.api.requests import RequestError, read_activity, read_purchase
from application.cache import LEADERBOARD_KEY, Cache
from application.database import UNAVAILABLE, as_utc, explain
from application.drawings import find_drawing, list_drawings
from application.leaderboard import Leaderboard, dump, query_leaderboard
from application.ledger import Receipt, RuleError, buy_ticket, find_activity, record_activity
from application.readiness import ReadinessMonitor
from application.schema import users

log = logging.getLogger(__name__)
T = TypeVar("T")

REQUEST_SECONDS = 8.0


class NotReadyError(Exception):
    """This region does not serve now."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Api:
    """The handlers and what they share: one engine, one cache, one readiness monitor."""

    def __init__(self, region: str, engine: Engine, cache: Cache, monitor: ReadinessMonitor, threads: int) -> None:
        self._region = region
        self._engine = engine
        self._cache = cache
        self._monitor = monitor
        self._threads = threads
        self._limiter: anyio.CapacityLimiter | None = None
        self._leaderboard = Leaderboard(self._cached_leaderboard, self._fresh_leaderboard)

    def routes(self) -> list[Route]:
        """Every path of the API."""
        return [
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/activities", self.post_activity, methods=["POST"]),
            Route("/activities/{key}", self.get_activity),
            Route("/tickets", self.post_ticket, methods=["POST"]),
            Route("/users/{user_id:int}", self.get_user),
            Route("/leaderboard", self.get_leaderboard),
            Route("/drawings", self.get_drawings),
            Route("/drawings/{drawing_id:int}", self.get_drawing),
        ]

    async def live(self, request: Request) -> JSONResponse:
        """The process turns its loop."""
        del request
        return JSONResponse({"live": True, "region": self._region})

    async def ready(self, request: Request) -> JSONResponse:
        """Whether this region may serve, from the monitor's last finding: answered without touching the database."""
        del request
        finding = self._monitor.current()
        body = {
            "ready": finding.ready,
            "region": self._region,
            "reasons": list(finding.reasons),
            "database": {"role": finding.role, "open_mode": finding.open_mode, "revision": finding.revision},
        }
        return JSONResponse(body, 200 if finding.ready else 503)

    async def post_activity(self, request: Request) -> JSONResponse:
        """Earn points. 201 once it is committed, 200 when it already was."""
        activity = read_activity(await request.body())
        return _receipt(await self._in_database(lambda: record_activity(self._engine, activity)))

    async def post_ticket(self, request: Request) -> JSONResponse:
        """Buy a ticket. 201 once it is committed, 200 when it already was."""
        wanted = read_purchase(await request.body())
        return _receipt(
            await self._in_database(lambda: buy_ticket(self._engine, wanted.key, wanted.user_id, wanted.drawing_id))
        )

    async def get_activity(self, request: Request) -> JSONResponse:
        """Whether the activity with this key is kept."""
        key = str(request.path_params["key"])
        receipt = await self._read(lambda connection: find_activity(connection, key))
        if receipt is None:
            return _missing(f"no activity {key}")
        return JSONResponse({"key": receipt.key, "user_id": receipt.user_id, "points": receipt.points})

    async def get_user(self, request: Request) -> JSONResponse:
        """A user and the points they have."""
        user_id = int(request.path_params["user_id"])
        found = await self._read(lambda connection: _find_user(connection, user_id))
        return _missing(f"no user {user_id}") if found is None else JSONResponse(found)

    async def get_leaderboard(self, request: Request) -> JSONResponse:
        """Who earned most."""
        del request
        served = await self._leaderboard.get()
        return JSONResponse({**served.leaderboard, "source": served.source})

    async def get_drawings(self, request: Request) -> JSONResponse:
        """The newest drawings; ``?status=open`` for those to buy tickets for."""
        status = request.query_params.get("status")
        return JSONResponse({"drawings": await self._read(lambda connection: list_drawings(connection, status))})

    async def get_drawing(self, request: Request) -> JSONResponse:
        """One drawing."""
        drawing_id = int(request.path_params["drawing_id"])
        found = await self._read(lambda connection: find_drawing(connection, drawing_id))
        return _missing(f"no drawing {drawing_id}") if found is None else JSONResponse(found)

    async def _cached_leaderboard(self) -> str | None:
        return await self._in_thread(lambda: self._cache.get(LEADERBOARD_KEY))

    async def _fresh_leaderboard(self) -> dict[str, Any]:
        fresh = await self._read(query_leaderboard)
        await self._in_thread(lambda: self._cache.put(LEADERBOARD_KEY, dump(fresh)))
        return fresh

    async def _read(self, query: Callable[[Connection], T]) -> T:
        def work() -> T:
            with self._engine.connect() as connection:
                return query(connection)

        return await self._in_database(work)

    async def _in_database(self, work: Callable[[], T]) -> T:
        """Do the work unless the region is known not to serve, which spares the users a time-out."""
        finding = self._monitor.current()
        if not finding.ready:
            raise NotReadyError(finding.reasons)
        return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._threads)
        with anyio.fail_after(REQUEST_SECONDS):
            return await anyio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)


def _find_user(connection: Connection, user_id: int) -> dict[str, Any] | None:
    row = connection.execute(
        select(users.c.display_name, users.c.status, users.c.points_balance, users.c.created_at).where(
            users.c.id == user_id
        )
    ).one_or_none()
    if row is None:
        return None
    return {
        "id": user_id,
        "name": row[0],
        "status": row[1],
        "points": int(row[2]),
        "created_at": as_utc(row[3]).isoformat(),
    }


def _receipt(receipt: Receipt) -> JSONResponse:
    body = {
        "key": receipt.key,
        "user_id": receipt.user_id,
        "points": receipt.points,
        "repeated": receipt.repeated,
    }
    return JSONResponse(body, 200 if receipt.repeated else 201)


def _missing(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, 404)


async def _bad_request(request: Request, error: Exception) -> JSONResponse:
    del request
    problems = error.problems if isinstance(error, RequestError) else [str(error)]
    return JSONResponse({"error": "the request cannot be understood", "problems": problems}, 400)


async def _against_the_rules(request: Request, error: Exception) -> JSONResponse:
    del request
    return JSONResponse({"error": str(error)}, 404 if isinstance(error, RuleError) and error.missing else 409)


async def _not_ready(request: Request, error: Exception) -> JSONResponse:
    del request
    reasons = list(error.reasons) if isinstance(error, NotReadyError) else [str(error)]
    return JSONResponse({"error": "this region does not serve now", "reasons": reasons}, 503, {"retry-after": "1"})


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    log.warning("%s %s failed: %s", request.method, request.url.path, explain(error))
    body = {"error": "the database did not answer; repeat the request with the same key", "outcome": "unknown"}
    return JSONResponse(body, 503, {"retry-after": "1"})


def create_app(region: str, engine: Engine, cache: Cache, monitor: ReadinessMonitor, *, threads: int) -> Starlette:
    """The ASGI application; its lifespan runs the monitor and closes engine and cache."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        monitor.start()
        try:
            yield
        finally:
            monitor.stop()
            cache.close()
            engine.dispose()

    unavailable = dict.fromkeys((*UNAVAILABLE, TimeoutError), _unavailable)
    return Starlette(
        routes=Api(region, engine, cache, monitor, threads).routes(),
        exception_handlers={
            RequestError: _bad_request,
            RuleError: _against_the_rules,
            NotReadyError: _not_ready,
            **unavailable,
        },
        lifespan=lifespan,
    )
