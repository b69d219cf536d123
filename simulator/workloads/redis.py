"""``python -m simulator.workloads.redis``: the Redis pod, in memory, on HOST:PORT until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading

from fakeredis import TcpFakeServer


def main() -> None:
    """Serve until asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    TcpFakeServer.allow_reuse_address = True
    server = TcpFakeServer((os.environ["HOST"], int(os.environ["PORT"])), server_type="redis")
    threading.Thread(target=server.serve_forever, name="redis", daemon=True).start()
    stop.wait()
    server.shutdown()
    server.server_close()
    sys.exit(0)


if __name__ == "__main__":
    main()
