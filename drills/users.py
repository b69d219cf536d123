"""Synthetic users who remember: they resolve the name, connect, write, and keep every acknowledgement they were given.

Each user is one person on one resolver: resolves FitTrack's name as often as its TTL says, keeps a connection while it
works, and writes one activity after another. What was acknowledged and what failed goes line by line to a file that the
judge reads afterwards. A user repeats an unanswered write with the same idempotency key, as a phone does.

Run as ``python -m drills.users CONFIG.json OUTPUT.jsonl``; ends at SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import ssl
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.exception
import httpx

from drills.worldtime import WorldTime

# Wall seconds: one attempt of a user who is not patient. A black hole costs a user this much per attempt.
REQUEST_TIMEOUT = httpx.Timeout(1.0, connect=0.5)


@dataclass(frozen=True)
class Town:
    """Where the users live: what they resolve, through whom, and how busy they are."""

    name: str
    port: int
    resolvers: tuple[tuple[str, int], ...]
    ca_file: str
    clock: str | None
    users: int
    pause: float  # world seconds between one user's writes
    first_user_id: int = 1
    seed: int = 1

    @classmethod
    def load(cls, path: Path) -> Town:
        """Read the JSON that ``as_json`` wrote."""
        document = json.loads(path.read_text())
        resolvers = tuple((str(host), int(port)) for host, port in document.pop("resolvers"))
        return cls(resolvers=resolvers, **document)

    def as_json(self) -> str:
        """The same town as a file for ``load``."""
        return json.dumps(asdict(self), indent=2)


class User:
    """One user: a name, a resolver, at most one open connection and one write on its way."""

    def __init__(
        self, number: int, town: Town, context: ssl.SSLContext, remember: Callable[[dict[str, Any]], None]
    ) -> None:
        self.number = number
        self._town = town
        self._time = WorldTime(Path(town.clock) if town.clock else None)
        self._random = random.Random(f"{town.seed}/{number}")
        self._client = httpx.AsyncClient(verify=context, timeout=REQUEST_TIMEOUT)
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [town.resolvers[number % len(town.resolvers)][0]]
        self._resolver.port = town.resolvers[number % len(town.resolvers)][1]
        self._resolver.lifetime = 1.0
        self._remember = remember
        self._address = ""
        self._resolve_again = self._time.now()

    async def live(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._write(str(uuid.UUID(int=self._random.getrandbits(128), version=4)))
                await self._rest(self._random.uniform(0.5, 1.5) * self._town.pause)
        finally:
            await self._client.aclose()

    async def _write(self, key: str) -> None:
        """Until it is acknowledged: the same activity under the same key, however often it has to be sent."""
        activity = {
            "user_id": self._town.first_user_id + self.number,
            "kind": "walk",
            "minutes": self._random.randint(5, 90),
            "key": key,
        }
        while True:
            started = self._time.now()
            problem = await self._attempt(activity)
            record: dict[str, Any] = {
                "user": self.number,
                "key": key,
                "started": started.isoformat(),
                "ended": self._time.now().isoformat(),
                "address": self._address,
            }
            self._remember(record | ({"problem": problem} if problem else {"acknowledged": True}))
            if not problem:
                return
            self._resolve_again = self._time.now()
            await self._rest(1.0)

    async def _attempt(self, activity: Mapping[str, Any]) -> str:
        """Try the write once; the empty string when it was acknowledged, else what went wrong in a word or two."""
        try:
            address = await self._resolve()
            answer = await self._client.post(
                f"https://{address}:{self._town.port}/activities",
                json=activity,
                headers={"host": self._town.name},
                extensions={"sni_hostname": self._town.name},
            )
        except dns.exception.DNSException as error:
            return f"dns {type(error).__name__}"
        except httpx.HTTPError as error:
            return f"http {type(error).__name__}"
        return "" if answer.is_success else f"status {answer.status_code}"

    async def _resolve(self) -> str:
        now = self._time.now()
        if self._address and now < self._resolve_again:
            return self._address
        answer = await self._resolver.resolve(self._town.name, "A")
        self._address = str(next(iter(answer)))
        self._resolve_again = now + timedelta(seconds=max(answer.rrset.ttl if answer.rrset else 0, 1))
        return self._address

    async def _rest(self, world_seconds: float) -> None:
        until: datetime = self._time.now() + timedelta(seconds=world_seconds)
        while (remaining := (until - self._time.now()).total_seconds()) > 0:
            await asyncio.sleep(self._time.wall_seconds(remaining))


async def live(town: Town, output: Path) -> None:
    """Let all users of a town live until SIGTERM or SIGINT, remembering to ``output``."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    context = ssl.create_default_context(cafile=town.ca_file)
    with output.open("a", buffering=1) as lines:

        def remember(record: dict[str, Any]) -> None:
            lines.write(json.dumps(record) + "\n")

        users = [asyncio.create_task(User(n, town, context, remember).live()) for n in range(town.users)]
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *users], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *users):
            task.cancel()
        for task in done - {stopped}:
            task.result()  # a user only ends by a defect of this program: let it be seen
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*users)


def main() -> None:
    """``python -m drills.users CONFIG.json OUTPUT.jsonl``."""
    if len(sys.argv) != 3:
        sys.exit("usage: python -m drills.users CONFIG.json OUTPUT.jsonl")
    asyncio.run(live(Town.load(Path(sys.argv[1])), Path(sys.argv[2])))


if __name__ == "__main__":
    main()
