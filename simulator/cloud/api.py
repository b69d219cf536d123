"""The API server of a region: route, authenticate, then let the room's handler answer."""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.cloud import signature
from simulator.cloud.bodies import receive_body, receive_upload
from simulator.cloud.faults import HttpFault, HttpFaultKind, HttpFaults
from simulator.cloud.retrytokens import RetryTokens
from simulator.cloud.service import ANONYMOUS, FileSlice, Operation, Region, Reply, Request, Service, ServiceError
from simulator.cloud.unimplemented import operation_name
from simulator.kernel.faults import Connection, Listener, Plane
from simulator.kernel.ids import etag
from simulator.kernel.web import CONNECTION, Receive, Scope, Send, serve_http

log = logging.getLogger(__name__)
_FILE_CHUNK = 1 << 18


class HttpApi:
    """All services of one region on its API address."""

    def __init__(self, region: Region, services: Iterable[Service]) -> None:
        self._region = region
        self._services = tuple(services)
        self._router = Router(operation for service in self._services for operation in service.operations)
        self._retry_tokens = RetryTokens(region)
        self._listener: Listener | None = None
        self._number = 0
        self.faults = HttpFaults(f"{region.world.seed}/{region.name}")

    def prepare(self) -> None:
        """Set up the rooms: before any component starts, for the components use them."""
        for service in self._services:
            for setup in service.setups:
                setup(self._region)

    async def start(self) -> None:
        """Serve. Raises OSError when the address is taken."""
        address = self._region.world.regions[self._region.name].api
        self._listener = await serve_http(self._region.gate, Plane.CONTROL, address.host, address.port, self)

    async def stop(self) -> None:
        """Stop serving."""
        if self._listener is not None:
            await self._listener.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = self._request_id(headers)
        fault = None
        try:
            reply, fault = await self._answer(scope, headers, request_id, receive)
        except ServiceError as error:
            reply = _error_reply(error)
        except ConnectionError:
            return
        if fault is not None and fault.kind is HttpFaultKind.LOST:
            await _lose(scope[CONNECTION], receive)
            return
        reply.headers.setdefault("opc-request-id", request_id)
        if "opc-client-request-id" in headers:
            reply.headers.setdefault("opc-client-request-id", headers["opc-client-request-id"])
        await _send(send, reply)

    async def _answer(
        self, scope: Scope, headers: dict[str, str], request_id: str, receive: Receive
    ) -> tuple[Reply, HttpFault | None]:
        raw_path = scope["raw_path"].decode("latin-1")
        query_string = scope["query_string"].decode("latin-1")
        target = f"{raw_path}?{query_string}" if query_string else raw_path
        method: str = scope["method"]
        operation, path = self._router.find(method, raw_path)
        principal = ANONYMOUS
        if operation is None or operation.signed:
            signed = signature.Signed(method, target, headers)
            body_signed = operation is None or not operation.streamed
            principal = signature.verify(signed, self._region.store, body_signed=body_signed)
        if operation is None:
            raise ServiceError(501, "NotImplemented", operation_name(method, raw_path))
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        request = Request(method, path, query, headers, {}, b"", principal, request_id)
        fault = self.faults.draw(operation.name)
        if fault is not None and fault.kind is HttpFaultKind.STATUS:
            raise fault.error()
        if operation.streamed:
            return await self._streamed(operation, request, receive), fault
        raw = await receive_body(receive)
        if operation.signed:
            signature.check_body(headers, signature.digest(raw))
        return await self._handle(operation, replace(request, raw=raw, body=_parse(raw, headers))), fault

    async def _streamed(self, operation: Operation, request: Request, receive: Receive) -> Reply:
        async with receive_upload(receive, self._region.home / "uploads") as upload:
            signature.check_body(request.headers, upload.sha256)
            return await self._handle(operation, replace(request, upload=upload))

    async def _handle(self, operation: Operation, request: Request) -> Reply:
        """Let the room answer; a plain handler's writes and its retry token become durable together, or not at all."""
        known = self._retry_tokens.find(operation, request)
        if known is not None:
            return known
        if not inspect.iscoroutinefunction(operation.handler):
            with self._region.store.transaction():
                reply = operation.handler(self._region, request)
                if inspect.isawaitable(reply):
                    raise TypeError(f"{operation.name}: its handler must be a coroutine function to be awaited")
                self._retry_tokens.keep(operation, request, reply)
            return reply
        reply = await operation.handler(self._region, request)
        self._retry_tokens.keep(operation, request, reply)
        return reply

    def _request_id(self, headers: dict[str, str]) -> str:
        """The caller's own, followed by ours, as OCI answers it."""
        self._number += 1
        own = etag(self._region.name, self._number, headers.get("date", "")).replace("-", "").upper()
        given = headers.get("opc-request-id")
        return f"{given}/{own}" if given else own


class Router:
    """Paths to operations; a literal segment wins over a parameter."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        ordered = sorted(operations, key=lambda operation: (operation.path.count("{"), -len(operation.path)))
        self._rows = [(_pattern(operation.path), operation) for operation in ordered]

    def find(self, method: str, raw_path: str) -> tuple[Operation | None, dict[str, str]]:
        """The operation and its decoded path parameters. A HEAD is answered by a GET's handler when it has no own."""
        for wanted in (method, "GET") if method == "HEAD" else (method,):
            for pattern, operation in self._rows:
                if operation.method == wanted and (match := pattern.fullmatch(raw_path)):
                    return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}


def _pattern(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    for literal, name, rest in re.findall(r"([^{]*)(?:\{(\w+)(\*?)\})?", path):
        parts.append(re.escape(literal))
        if name:
            parts.append(f"(?P<{name}>.+)" if rest else f"(?P<{name}>[^/]+)")
    return re.compile("".join(parts))


def _parse(raw: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The JSON object of a body; empty for none and for other content types. Raises 400."""
    if not raw or "json" not in headers.get("content-type", "application/json"):
        return {}
    try:
        document = json.loads(raw)
    except ValueError:
        raise ServiceError(400, "CannotParseRequest", "Incorrectly formatted request: not JSON") from None
    if not isinstance(document, dict):
        raise ServiceError(400, "CannotParseRequest", "Incorrectly formatted request: not a JSON object")
    return document


def _error_reply(error: ServiceError) -> Reply:
    body = {"code": error.code, "message": error.message}
    return Reply(body, error.status, error.headers)


async def _lose(connection: Connection, receive: Receive) -> None:
    """Reset the connection, and wait until the server has noticed."""
    connection.cut()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, reply: Reply) -> None:
    raw = reply.raw or b""
    headers = {"date": formatdate(usegmt=True)} | {name.lower(): text for name, text in reply.headers.items()}
    if reply.body is not None:
        raw = json.dumps(reply.body).encode()
        headers.setdefault("content-type", "application/json")
    if reply.status not in (204, 304):
        length = sum(piece.length for piece in reply.files) if reply.files else len(raw)
        headers.setdefault("content-length", str(length))
    encoded = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    for piece in reply.files:
        await _send_file(send, piece)
    await send({"type": "http.response.body", "body": raw, "more_body": False})


async def _send_file(send: Send, piece: FileSlice) -> None:
    missing = piece.length
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        while missing and (chunk := file.read(min(_FILE_CHUNK, missing))):
            missing -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
