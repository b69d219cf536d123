"""The edge's parts, put together over one world directory."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

from simulator.cloud.dns.book import ZoneBook
from simulator.cloud.dns.operations import DnsOperations
from simulator.cloud.durations import DURATIONS
from simulator.cloud.healthchecks.operations import HealthChecksOperations, Parts
from simulator.cloud.healthchecks.results import Results
from simulator.edge.authority import Authority
from simulator.edge.dnsserver import DnsServer
from simulator.edge.faults import EdgeFaults
from simulator.edge.forward import EdgeApi
from simulator.edge.prober import Probe, Prober, VantagePoint
from simulator.edge.resolver import Resolver
from simulator.kernel import ids
from simulator.kernel.clock import WorldClock
from simulator.kernel.faults import Gate, Listener, Plane
from simulator.kernel.store import Store
from simulator.kernel.transitions import Transitions
from simulator.kernel.vantage import operator_test
from simulator.kernel.web import Receive, Scope, Send, serve_admin, serve_http
from simulator.kernel.worldfile import World

_VANTAGE_POINTS = (
    ("aws-sea", "AWS Seattle", "Amazon", "Seattle", "US", 11),
    ("azr-sat", "Azure San Antonio", "Microsoft", "San Antonio", "US", 12),
    ("goo-chs", "Google North Charleston", "Google", "North Charleston", "US", 13),
)
"""Name, display name, provider, city, country, last byte of the address."""


def vantage_points(world: World) -> tuple[VantagePoint, ...]:
    """Where the health checks look from: three networks that are none of the regions'."""
    return tuple(
        VantagePoint(name, display, provider, city, country, f"{world.block}.{last}")
        for name, display, provider, city, country, last in _VANTAGE_POINTS
    )


class Edge:
    """All of the edge, from ``start`` to ``stop``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = WorldClock(world.clock_file)
        self._store = Store(world.home_of("edge") / "state.db")
        self._transitions = Transitions(self._store, self._clock)
        self._gate = Gate(f"{world.seed}/edge", operator_test(world))
        self._book = ZoneBook(self._store, self._transitions, lambda: self._duration("dns.publish"))
        authoritative = (world.edge.authoritative.host, world.edge.authoritative.port)
        self._authority = Authority(lambda: self._book.published)
        self._resolvers = {
            f"resolver-{number}": Resolver(self._clock, authoritative)
            for number in range(1, len(world.edge.resolvers) + 1)
        }
        self._results = Results(self._store)
        points = vantage_points(world)
        self._prober = Prober(
            self._clock,
            self._results,
            points,
            self._enabled,
            ssl.create_default_context(cafile=str(world.ca_file)),
            authoritative,
        )
        dns = DnsOperations(self._book, self._clock, self._new_ocid)
        self._health = HealthChecksOperations(
            Parts(
                store=self._store,
                clock=self._clock,
                results=self._results,
                vantage_points=points,
                new_ocid=self._new_ocid,
                run=self._prober.once,
                changed=self._prober.refresh,
                creation_delay=lambda: self._duration("healthchecks.create"),
            )
        )
        self._api = EdgeApi({"dns": dns.handlers, "healthchecks": self._health.handlers})
        self._servers: dict[str, DnsServer] = {}
        self._faults = EdgeFaults(self._store, self._gate, self._servers, self._resolvers)
        self._listeners: list[Listener] = []
        self._admin: asyncio.Server | None = None
        self._agenda: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve everything. Raises OSError when an address is taken, with nothing left listening."""
        try:
            await self._serve()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything; what was accepted is on disk."""
        if self._admin is not None:
            self._admin.close()
        await self._prober.stop()
        await self._health.stop()
        for listener in self._listeners:
            await listener.close()
        for server in self._servers.values():
            await server.stop()
        for resolver in self._resolvers.values():
            await resolver.stop()
        if self._agenda is not None:
            self._agenda.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._agenda
        self._store.close()

    async def failed(self) -> None:
        """Wait until the agenda of due changes breaks: state that would no longer be true is not served on."""
        if self._agenda is not None:
            await asyncio.shield(self._agenda)

    async def _serve(self) -> None:
        place = self._world.edge
        answers = {"authoritative": (place.authoritative, self._authority.answer)}
        for (name, resolver), address in zip(self._resolvers.items(), place.resolvers, strict=True):
            answers[name] = (address, resolver.answer)
        for name, (address, answer) in answers.items():
            server = DnsServer(address.host, address.port, answer)
            await server.start()
            self._servers[name] = server
        for plane, address, app in (
            (Plane.LINK, place.internal, self._api),
            (Plane.DATA, place.neutral_target, _neutral),
        ):
            self._listeners.append(await serve_http(self._gate, plane, address.host, address.port, app))
        self._agenda = asyncio.get_running_loop().create_task(self._transitions.run())
        self._prober.refresh()
        await self._faults.restore()
        routes = {("GET", "/ready"): self._ready, **self._faults.routes}
        self._admin = await serve_admin(self._world.admin_socket("edge"), routes)

    def _ready(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"ready": True, "zones": [zone.name for zone in self._book.published]}

    def _enabled(self) -> list[Probe]:
        return self._health.enabled()

    def _duration(self, name: str) -> float:
        row = DURATIONS[name]
        slow = self._store.get("slow", name) or self._store.get("slow", "*")
        return row.typical if slow is None else row.slow

    def _new_ocid(self, kind: str) -> str:
        return ids.ocid(kind, "", seed=self._world.seed, number=self._store.next_number(f"ocid/{kind}"))


async def _neutral(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A web page of nobody's region: it answers 200, so an operator sees that their own network works."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})
