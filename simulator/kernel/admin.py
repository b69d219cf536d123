"""The command line's side of an admin socket, with the standard library alone so that commands start fast."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from simulator.kernel.process import short_path


class AdminRefusedError(Exception):
    """An admin request that cannot be done: its text goes back to the command line."""


def ask_admin(path: Path, method: str, route: str, body: dict[str, Any] | None = None, *, timeout: float = 10) -> Any:
    """One admin request; the answer's object.

    Raises OSError when nobody answers within ``timeout`` wall seconds, AdminRefusedError when the answer is no.
    """
    connection = _UnixConnection(path, timeout)
    try:
        connection.request(method, route, json.dumps(body or {}), {"content-type": "application/json"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        if answer.status != http.HTTPStatus.OK:
            raise AdminRefusedError(document.get("message", f"HTTP {answer.status}"))
        return document
    except http.client.HTTPException as problem:
        raise ConnectionError(f"{path}: {problem}") from problem
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("simulator", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with short_path(self._path) as name:
            self.sock.connect(name)
