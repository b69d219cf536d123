"""A pod for tests, run by path: HTTP on HOST:PORT, ready as long as the file READY_FILE exists.

``/echo`` answers what it got and who it is, ``/exit`` ends the process with code 3, ``/short`` breaks its answer off,
``/hang`` answers after the file RELEASE_FILE exists.
"""

from __future__ import annotations

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by path."""
        path = self.path.partition("?")[0]
        if path == "/health/ready":
            self._answer(200 if Path(os.environ["READY_FILE"]).exists() else 503, {})
        elif path == "/exit":
            os._exit(3)
        elif path == "/short":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b"short")
            self.close_connection = True
        elif path == "/hang":
            while not Path(os.environ["RELEASE_FILE"]).exists():
                time.sleep(0.01)
            self._answer(200, {})
        else:
            self._answer(200, {"pod": os.environ["POD_NAME"], "path": self.path, "headers": dict(self.headers)})

    def do_POST(self) -> None:
        """Answer with the body that came."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self._answer(201, {"pod": os.environ["POD_NAME"], "body": body.decode()})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Quiet."""

    def _answer(self, status: int, document: dict[str, object]) -> None:
        raw = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.send_header("x-pod", os.environ["POD_NAME"])
        self.end_headers()
        self.wfile.write(raw)


if __name__ == "__main__":
    if "SAY" in os.environ:
        os.write(1, f"{os.environ['SAY']}\n".encode())
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
