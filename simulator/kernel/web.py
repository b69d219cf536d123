"""HTTP servers of the simulated processes: uvicorn's protocol behind the gate, or on the admin socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import ssl as tls
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.kernel.admin import AdminRefusedError
from simulator.kernel.faults import Connection, Gate, Listener, Plane
from simulator.kernel.process import bind_unix

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
AdminRoutes = Mapping[tuple[str, str], Callable[[dict[str, Any]], Any]]

CONNECTION = "simulator.connection"
"""The scope's key for the ``Connection`` that a request came by."""

ADMIN_BODY_LIMIT = 1 << 20


async def serve_http(
    gate: Gate, plane: Plane, host: str, port: int, app: Application, *, ssl: tls.SSLContext | None = None
) -> Listener:
    """Serve an ASGI application behind the gate; the scope carries the real client address and the connection.

    No Date or Server header is added. Raises OSError when the address is taken.
    """
    config = _config(app)
    state = uvicorn.Server(config).server_state

    def factory(connection: Connection) -> asyncio.BaseProtocol:
        async def run(scope: Any, receive: Any, send: Any) -> None:
            scope["client"] = connection.peer
            scope[CONNECTION] = connection
            await app(scope, receive, send)

        protocol = H11Protocol(config=config, server_state=state, app_state={})
        protocol.app = run
        return protocol

    return await gate.listen(plane, host, port, factory, ssl=ssl)


async def serve_admin(path: Path, routes: AdminRoutes) -> asyncio.Server:
    """Serve JSON over a Unix socket: each route gets the request's object and gives the answer's.

    A route raises AdminRefusedError for a request that makes no sense (answered 400 with its text).
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.get((scope["method"], scope["path"]))
        if route is None:
            await send_json(send, 404, {"message": f"no admin route {scope['method']} {scope['path']}"})
            return
        try:
            raw = await read_body(receive, ADMIN_BODY_LIMIT)
            answer = route(json.loads(raw) if raw else {})
            if inspect.isawaitable(answer):
                answer = await answer
        except (AdminRefusedError, ValueError, KeyError, TypeError) as problem:
            text = f"missing field {problem}" if isinstance(problem, KeyError) else str(problem)
            await send_json(send, 400, {"message": text})
            return
        await send_json(send, 200, answer)

    config = _config(app)
    state = uvicorn.Server(config).server_state
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(
        lambda: H11Protocol(config=config, server_state=state, app_state={}), sock=bind_unix(path)
    )


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises ValueError beyond ``limit`` bytes, ConnectionError when the client went away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away in the midst of its request")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise ValueError(f"the body is larger than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def send_json(send: Send, status: int, document: Any) -> None:
    """A whole JSON answer."""
    raw = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})


def _config(app: Application) -> uvicorn.Config:
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    config.load()
    return config
