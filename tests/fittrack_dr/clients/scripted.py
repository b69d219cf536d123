"""A server on loopback that does to a request what a broken far side does, for what no world can be asked to do."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


def answer(status: int, body: object, **headers: str) -> bytes:
    """A whole HTTP answer; ``body`` is JSON unless it is bytes. Underscores in header names become hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-type": "application/json", "content-length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + content


def error(status: int, code: str, message: str = "no", **headers: str) -> bytes:
    """An answer as OCI's errors are."""
    return answer(status, {"code": code, "message": message}, **headers)


STALL = b""
"""Read the request and say nothing until the client gives up."""
RESET = b"RST"
"""Read the request and reset the connection."""


@dataclass
class Server:
    """What it was sent, and where it listens; each connection gets the next answer, then is closed."""

    url: str
    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list[bytes])


@contextmanager
def scripted(*answers: bytes) -> Generator[Server]:
    """Serve the answers, one per connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}", list(answers))
    stopping = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, server, stopping), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listener.close()


def _serve(listener: socket.socket, server: Server, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            server.requests.append(_request(connection))
            reply = server.answers.pop(0)
            if reply == STALL:
                connection.settimeout(10)
                connection.recv(1)  # returns when the client closes
            elif reply == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(reply)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    more = connection.recv(65536)
    if not more:
        raise ConnectionError("the client went away in the middle of its request")
    return more


DATABASE: dict[str, Any] = {
    "id": "ocid1.autonomousdatabase.oc1.phx.aaaa",
    "compartmentId": "ocid1.compartment.oc1..aaaa",
    "dbName": "fittrack",
    "lifecycleState": "AVAILABLE",
    "role": "STANDBY",
    "peerDbIds": ["ocid1.autonomousdatabase.oc1.iad.aaaa"],
}
"""A database as the service describes it."""
