"""How a region's API hands a call of a global service to the edge, and how the edge takes it.

One JSON object per call over HTTP on loopback: ``POST /<service>/<operation>``. The signature was verified by the
region; the edge listens for the regions alone and trusts them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from simulator.cloud.service import Handler, Principal, Region, Reply, Request, Service, ServiceError
from simulator.kernel.web import Receive, Scope, Send, read_body, send_json

EdgeHandler = Callable[[str, Request], Reply | Awaitable[Reply]]
"""What an operation does at the edge; the text is the region by which the call came."""

PATIENCE_SECONDS = 65.0
"""Wall time for the edge's answer: an on-demand probe may take its time-out of a minute."""

BODY_LIMIT = 1 << 20


def declare(service: Service, operations: Mapping[str, tuple[str, str]]) -> None:
    """Add operations (name to method and path) to a region's service, each forwarded to the edge."""
    for name, (method, path) in operations.items():
        service.operation(method, path, name)(_forwarding(service.name, name))


def _forwarding(service: str, operation: str) -> Handler:
    async def forward(region: Region, request: Request) -> Reply:
        url = f"{region.world.edge.internal.url}/{service}/{operation}"
        document = {
            "region": region.name,
            "path": request.path,
            "query": dict(request.query),
            "headers": {k: v for k, v in request.headers.items() if k.startswith(("if-", "opc-"))},
            "body": request.body,
            "request_id": request.request_id,
        }
        import httpx  # here, because the edge loads this module and never forwards

        try:
            async with httpx.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE_SECONDS) as client:
                answer = await client.post(url, json=document)
        except httpx.HTTPError as problem:
            raise ServiceError(503, "ServiceUnavailable", f"{service} does not answer") from problem
        told = answer.json()
        if "code" in told:
            raise ServiceError(answer.status_code, told["code"], told["message"])
        return Reply(told["body"], told["status"], told["headers"])

    return forward


class EdgeApi:
    """The edge's side: an ASGI application over the handlers of each service."""

    def __init__(self, services: Mapping[str, Mapping[str, EdgeHandler]]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        _, service, operation = scope["path"].split("/", 2)
        handler = self._services.get(service, {}).get(operation)
        if handler is None:
            await send_json(send, 501, {"code": "NotImplemented", "message": operation})
            return
        told = json.loads(await read_body(receive, BODY_LIMIT))
        try:
            reply = handler(told["region"], _request(told))
            if inspect.isawaitable(reply):
                reply = await reply
        except ServiceError as error:
            await send_json(send, error.status, {"code": error.code, "message": error.message})
            return
        await send_json(send, 200, {"status": reply.status, "headers": reply.headers, "body": reply.body})


def _request(told: dict[str, Any]) -> Request:
    return Request(
        method="",
        path=told["path"],
        query=told["query"],
        headers=told["headers"],
        body=told["body"],
        raw=b"",
        principal=Principal("", "", "", ""),
        request_id=told["request_id"],
    )
