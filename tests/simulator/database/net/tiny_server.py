"""The server under test as a process of its own: a server in the client's process would hang at the client's exit.

It says ``ready HOST PORT`` on standard output, then obeys lines on standard input (``drain``, ``disconnect``,
``sessions``, ``lock USER``, ``refuse SERVICE CODE``), answers each with one line, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

from simulator.database.net import NetServer, derive_verifier
from tests.simulator.database.net.tiny_engine import TinyDirectory, TinyInstance


def _context(settings: dict[str, str]) -> ssl.SSLContext | None:
    if not settings:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings["certificate"], settings["key"])
    if "client_ca" in settings:
        context.load_verify_locations(settings["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Control:
    def __init__(self, server: NetServer, directory: TinyDirectory, instance: TinyInstance) -> None:
        self._server = server
        self._directory = directory
        self._instance = instance

    async def obey(self, line: str) -> str:
        match line.split():
            case ["drain"]:
                await self._server.drain(12572, instance=self._instance)
            case ["drain", code]:
                await self._server.drain(int(code))
            case ["disconnect"]:
                await self._server.disconnect(instance=self._instance)
            case ["sessions"]:
                return json.dumps(sorted(self._instance.sessions))
            case ["running"]:
                return str(self._instance.running)
            case ["connections"]:
                return str(self._server.connections)
            case ["events"]:
                return json.dumps(self._instance.events)
            case ["lock", user]:
                self._instance.locked.add(user)
            case ["unlock", user]:
                self._instance.locked.discard(user)
            case ["refuse", service, code]:
                self._directory.refused[service] = int(code)
            case ["offer", service]:
                self._directory.refused.pop(service, None)
            case _:
                return "what?"
        return "ok"


async def _main(settings: dict[str, str]) -> None:
    instance = TinyInstance(Path(settings.pop("database")))
    for user, password in (("SCOTT", "tiger-Tiger-1"), ("Mixed", "Mixed-case-1"), ("LOCKED", "locked-Locked-1")):
        instance.users[user] = derive_verifier(password)
    instance.locked.add("LOCKED")
    directory = TinyDirectory({"tiny_tp": instance, "tiny_low": instance}, {"tiny_blocked": 12528})
    mounted = settings.pop("mounted", "")
    server = NetServer(directory, ssl_context=_context(settings))
    if mounted:  # behind a listener of another's, which knows nothing of TLS
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
        host, port = listener.sockets[0].getsockname()
    else:
        listener = None
        host, port = await server.start("127.0.0.1", 0)
    control = _Control(server, directory, instance)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write(f"ready {host} {port}\n")
    sys.stdout.flush()
    while line := (await lines.readline()).decode():
        sys.stdout.write(await control.obey(line) + "\n")
        sys.stdout.flush()
    if listener is not None:
        listener.close()
    await server.close()


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
