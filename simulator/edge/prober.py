"""The health checks' probes: real requests from several vantage points, at intervals of world time.

A probe's time-out is stated in seconds and is an I/O time-out. Where the clock runs fast it shrinks with it, down to
a floor of wall time that a busy machine still meets, so that a fast clock neither delays detection nor invents an
outage. Rounds that a fast clock or a jump would crowd together are dropped, not caught up.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype

from simulator.cloud.healthchecks.results import Results
from simulator.kernel.clock import WorldClock

FLOOR_SECONDS = 1.0
"""Wall time that every probe is given at least."""

PAUSE_SECONDS = 0.25
"""Wall time between two rounds of one monitor at least."""

MAX_BODY = 65536


@dataclass(frozen=True)
class VantagePoint:
    """A place from which probes are made: its name at OCI, and the loopback address that it connects from."""

    name: str
    display_name: str
    provider: str
    city: str
    country: str
    address: str


@dataclass(frozen=True)
class Probe:
    """What to request. ``timeout`` and ``interval`` are in seconds; ``headers`` may hold the Host to ask for."""

    id: str
    targets: tuple[str, ...]
    vantage_points: tuple[str, ...]
    protocol: str
    port: int
    method: str
    path: str
    timeout: float
    headers: tuple[tuple[str, str], ...] = ()
    interval: float = 0.0
    begins: datetime | None = None

    @property
    def host(self) -> str | None:
        """The name to ask for, where it differs from the target."""
        return next((value for name, value in self.headers if name.lower() == "host"), None)


class ProbeError(Exception):
    """A probe that got no response; ``category`` as in HttpProbeResultSummary.error_category."""

    def __init__(self, category: str, message: str) -> None:
        super().__init__(message)
        self.category = category


@dataclass
class _Timings:
    """Milliseconds since the probe's start, of wall time, and what was learnt on the way."""

    started: float = field(default_factory=time.monotonic)
    marks: dict[str, float] = field(default_factory=dict[str, float])
    address: str = ""
    status: int | None = None
    size: int = 0

    def mark(self, name: str) -> None:
        self.marks[name] = (time.monotonic() - self.started) * 1000


class Prober:
    """Runs every enabled monitor; ``probes`` tells which those are now."""

    def __init__(
        self,
        clock: WorldClock,
        results: Results,
        vantage_points: Iterable[VantagePoint],
        probes: Callable[[], list[Probe]],
        tls: ssl.SSLContext,
        name_server: tuple[str, int],
    ) -> None:
        self.vantage_points = {point.name: point for point in vantage_points}
        self._clock = clock
        self._results = results
        self._probes = probes
        self._tls = tls
        self._name_server = name_server
        self._running: dict[Probe, asyncio.Task[None]] = {}

    def refresh(self) -> None:
        """Start what is newly enabled, stop what is gone or changed."""
        wanted = {probe.id: probe for probe in self._probes()}
        for probe, task in list(self._running.items()):
            if wanted.get(probe.id) != probe:
                task.cancel()
                del self._running[probe]
        running = {probe.id for probe in self._running}
        loop = asyncio.get_running_loop()
        for probe in wanted.values():
            if probe.id not in running:
                self._running[probe] = loop.create_task(self._monitor(probe))

    async def stop(self) -> None:
        """Stop probing."""
        tasks = list(self._running.values())
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def once(self, probe: Probe) -> None:
        """One round: every target from every vantage point, at the same time; then its results are kept."""
        points = [self.vantage_points[name] for name in probe.vantage_points]
        rounds = [self._probe(probe, target, point) for target in probe.targets for point in points]
        self._results.add(await asyncio.gather(*rounds))

    async def _monitor(self, probe: Probe) -> None:
        due = probe.begins or self._clock.now()
        while True:
            await self._clock.sleep_until(due)
            await self.once(probe)
            await asyncio.sleep(PAUSE_SECONDS)
            due = max(due + timedelta(seconds=probe.interval), self._clock.now())

    async def _probe(self, probe: Probe, target: str, point: VantagePoint) -> dict[str, Any]:
        began = self._clock.now()
        timings = _Timings()
        error = ("NONE", "")
        timed_out = False
        try:
            async with asyncio.timeout(self._patience(probe.timeout)):
                await self._request(probe, target, point, timings)
        except TimeoutError:
            timed_out = True
            error = ("NETWORK", f"no response within {probe.timeout:g} s")
        except ProbeError as problem:
            error = (problem.category, str(problem))
        timings.mark("responseEnd")
        healthy = timings.status is not None and not timed_out and 200 <= timings.status < 300
        start = began.timestamp() * 1000
        return {
            "probeConfigurationId": probe.id,
            "startTime": start,
            "target": target,
            "vantagePointName": point.name,
            "isTimedOut": timed_out,
            "isHealthy": healthy,
            "errorCategory": error[0],
            "errorMessage": error[1],
            "protocol": probe.protocol,
            "statusCode": timings.status,
            "duration": timings.marks["responseEnd"],
            "encodedBodySize": timings.size,
            "connection": _connection(probe, timings),
            **{name: start + offset for name, offset in timings.marks.items()},
        }

    def _patience(self, timeout: float) -> float:
        """Wall seconds for a probe of ``timeout`` seconds."""
        rate = self._clock.rate
        return min(timeout, max(FLOOR_SECONDS, timeout / rate if rate else 0.0))

    async def _request(self, probe: Probe, target: str, point: VantagePoint, timings: _Timings) -> None:
        timings.mark("fetchStart")
        timings.mark("domainLookupStart")
        timings.address = await self._resolve(target)
        timings.mark("domainLookupEnd")
        timings.mark("connectStart")
        name = probe.host or target
        secure = probe.protocol == "HTTPS"
        try:
            reader, writer = await asyncio.open_connection(
                timings.address,
                probe.port,
                local_addr=(point.address, 0),
                ssl=self._tls if secure else None,
                server_hostname=name if secure else None,
            )
        except ssl.SSLError as problem:
            raise ProbeError("TRANSPORT", f"TLS: {problem.reason or problem}") from problem
        except OSError as problem:
            raise ProbeError("NETWORK", problem.strerror or str(problem)) from problem
        timings.mark("connectEnd")
        try:
            await self._exchange(probe, name, reader, writer, timings)
        except (OSError, asyncio.IncompleteReadError, ValueError) as problem:
            raise ProbeError("TRANSPORT", "the connection ended before a response") from problem
        finally:
            writer.close()
            # The far side may be silent: a polite end of TLS is not worth waiting for.
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(
        self,
        probe: Probe,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        timings: _Timings,
    ) -> None:
        timings.mark("requestStart")
        lines = [f"{probe.method} {probe.path} HTTP/1.1", f"Host: {name}", "Connection: close"]
        lines += [f"{key}: {value}" for key, value in probe.headers if key.lower() != "host"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        status = await reader.readuntil(b"\r\n")
        timings.mark("responseStart")
        timings.status = int(status.split(b" ", 2)[1])
        await reader.readuntil(b"\r\n\r\n")
        timings.size = len(await reader.read(MAX_BODY))

    async def _resolve(self, target: str) -> str:
        """The target's address: vantage points ask the authoritative server, so no cache hides a change from them."""
        if target.replace(".", "").isdigit():
            return target
        query = dns.message.make_query(target, dns.rdatatype.A)
        host, port = self._name_server
        try:
            reply, _ = await dns.asyncquery.udp_with_fallback(query, host, FLOOR_SECONDS, port)
        except (dns.exception.DNSException, OSError) as problem:
            raise ProbeError("DNS", f"{target}: no answer") from problem
        for rrset in reply.answer:
            if rrset.rdtype == dns.rdatatype.A:
                return next(iter(rrset)).to_text()
        raise ProbeError("DNS", f"{target}: no address")


def _connection(probe: Probe, timings: _Timings) -> dict[str, Any] | None:
    if "connectEnd" not in timings.marks:
        return None
    took = timings.marks["connectEnd"] - timings.marks["connectStart"]
    return {
        "address": timings.address,
        "port": probe.port,
        "connectDuration": took,
        "secureConnectDuration": took if probe.protocol == "HTTPS" else 0.0,
    }
