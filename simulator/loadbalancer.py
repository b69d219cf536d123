"""The region's load balancer: TLS for the application's name, HTTP to the pods that say they are ready.

Every pod of the application's workload is asked for ``/health/ready`` again and again over real HTTP; only those that
answered 200 get requests, in turn. With none the answer is 503 and says how each pod answered. A request that reached a
pod is never repeated on another: whether it was done is the client's to find out, by its key.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging

import httpx

from simulator.cloud.service import Region
from simulator.kernel.certificates import issue_server_certificate
from simulator.kernel.faults import Listener, Plane
from simulator.kernel.web import Receive, Scope, Send, read_body, send_json, serve_http
from simulator.kernel.worldfile import DNS_NAME
from simulator.workloads import Workloads

log = logging.getLogger(__name__)

BACKEND = "fittrack-api"
"""The workload behind the balancer."""

HEALTH_PATH = "/health/ready"
CHECK_EVERY = 10.0
"""World seconds between two checks of a pod, as OCI's default; in wall time kept within ``_CHECK_WALL``."""

_CHECK_WALL = (0.1, 1.0)
_CHECK_TIMEOUT = 2.0
_PROXY_TIMEOUT = httpx.Timeout(15.0, connect=1.0)
_BODY_LIMIT = 1 << 20
_OK = 200
# Shorter than the pods keep an idle connection, so that no request meets one that is just closing.
_LIMITS = httpx.Limits(max_connections=200, keepalive_expiry=2.0)
_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

Headers = list[tuple[bytes, bytes]]


class LoadBalancer:
    """The component; needs the region's workloads started before it."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._address = region.world.regions[region.name].load_balancer
        self._health: dict[str, int | str] = {}
        self._turn = itertools.count()
        self._listener: Listener | None = None
        self._client: httpx.AsyncClient | None = None
        self._checking: asyncio.Task[None] | None = None
        region.admin[("GET", "/loadbalancer")] = lambda _: self.describe()

    async def start(self) -> None:
        """Listen and begin to check. Raises OSError when the address is taken."""
        context = issue_server_certificate(self._region.world, [DNS_NAME, self._address.host]).server_context()
        # The environment's proxies are for the outside world, never for a region's inside.
        self._client = httpx.AsyncClient(trust_env=False, timeout=_PROXY_TIMEOUT, limits=_LIMITS)
        self._checking = asyncio.create_task(self._check_for_ever(self._client), name="load balancer checks")
        self._listener = await serve_http(
            self._region.gate, Plane.DATA, self._address.host, self._address.port, self._serve, ssl=context
        )

    async def stop(self) -> None:
        """Stop listening and checking; open connections end."""
        if self._listener is not None:
            await self._listener.close()
        if self._checking is not None:
            self._checking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._checking
        if self._client is not None:
            await self._client.aclose()

    def describe(self) -> dict[str, object]:
        """The backends and what each last said: an HTTP status, or why there was none."""
        return {"backend": BACKEND, "address": str(self._address), "health": dict(self._health)}

    async def _check_for_ever(self, client: httpx.AsyncClient) -> None:
        while True:
            pods = self._workloads.pods(BACKEND)
            seen = await asyncio.gather(*(self._check(client, pod.spec.address.url) for pod in pods))
            health = {pod.spec.name: status for pod, status in zip(pods, seen, strict=True)}
            if health != self._health:
                log.info("backends: %s", health or "none")
            self._health = health
            await asyncio.sleep(self._pause())

    async def _check(self, client: httpx.AsyncClient, url: str) -> int | str:
        try:
            answer = await client.get(url + HEALTH_PATH, timeout=_CHECK_TIMEOUT)
        except httpx.HTTPError as error:
            return type(error).__name__
        return answer.status_code

    def _pause(self) -> float:
        """Wall seconds until the next check."""
        rate = self._region.clock.rate
        low, high = _CHECK_WALL
        return min(max(CHECK_EVERY / rate, low), high) if rate else high

    @property
    def _workloads(self) -> Workloads:
        return self._region.rooms["workloads"]

    def _ready(self) -> list[str]:
        """The URLs of the ready pods, the one whose turn it is first."""
        urls = [pod.spec.address.url for pod in self._workloads.pods(BACKEND) if self._health.get(pod.spec.name) == _OK]
        first = next(self._turn) % len(urls) if urls else 0
        return urls[first:] + urls[:first]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive, _BODY_LIMIT)
        except ValueError as problem:
            await send_json(send, 413, {"error": str(problem)})
            return
        except ConnectionError:
            return
        for url in self._ready():
            try:
                answer = await self._forward(url, scope, body)
            except httpx.ConnectError:
                continue  # it got nothing, so another may have it
            except httpx.TimeoutException:
                await send_json(send, 504, {"error": "the application did not answer in time"})
                return
            except httpx.HTTPError as problem:
                await send_json(send, 502, {"error": f"the application broke off: {type(problem).__name__}"})
                return
            await _pass_on(answer, send)
            return
        await send_json(
            send,
            503,
            {"error": f"no pod of {BACKEND} is ready in {self._region.name}", "backends": self._health},
        )

    async def _forward(self, url: str, scope: Scope, body: bytes) -> httpx.Response:
        assert self._client is not None
        path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        target = httpx.URL(url).copy_with(raw_path=path + (b"?" + query if query else b""))
        request = httpx.Request(scope["method"], target, headers=_onward(scope), content=body)
        return await self._client.send(request, stream=True)


def _onward(scope: Scope) -> Headers:
    """The client's headers as the pod gets them."""
    headers: Headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in _HOP_BY_HOP and name not in {b"content-length", b"x-forwarded-for", b"x-forwarded-proto"}
    ]
    client = scope.get("client")
    if client:
        headers.append((b"x-forwarded-for", client[0].encode()))
    headers.append((b"x-forwarded-proto", b"https"))
    return headers


async def _pass_on(answer: httpx.Response, send: Send) -> None:
    """The pod's answer to the client, as it comes. When the pod breaks off midway, so does the answer."""
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP_BY_HOP]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async with contextlib.aclosing(answer):
        try:
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx.HTTPError as problem:
            log.warning("a pod broke off its answer: %s", type(problem).__name__)
            return
    await send({"type": "http.response.body", "body": b""})
