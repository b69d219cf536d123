"""The two ends of the inter-region link: who dials, who listens, and how a cut shows.

A cut link is cut in both directions: a region whose LINK plane is faulty neither takes connections (the gate sees to
that) nor gets through with its own (seen to here).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from simulator.cloud.service import Region
from simulator.database.dataguard_wire import (
    SILENCE_SECONDS,
    Frame,
    LinkError,
    PeerRefusedError,
    close,
    read_frame,
    send,
)
from simulator.kernel.faults import FaultKind, Gate, Listener, Plane, serve

log = logging.getLogger(__name__)

Answerer = Callable[[Frame], Awaitable[Frame]]
Shipper = Callable[[Frame, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ANSWER_SECONDS = 10.0
"""Wall time for an answer: a base copy of some megabytes is made meanwhile."""


def severed(gate: Gate) -> bool:
    """Whether this region's own link is down, so that what it dials gets nowhere either."""
    return any(fault.plane is Plane.LINK and fault.kind in (FaultKind.REFUSE, FaultKind.STALL) for fault in gate.faults)


class Dialer:
    """Reaches the other regions' links."""

    def __init__(self, region: Region) -> None:
        self._region = region

    @property
    def severed(self) -> bool:
        return severed(self._region.gate)

    async def connect(self, region: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to that region's link. Raises LinkError."""
        place = self._region.world.regions.get(region)
        if place is None or self.severed:
            raise LinkError(f"link: {region} cannot be reached")
        own = self._region.world.regions[self._region.name].link
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await asyncio.open_connection(place.link.host, place.link.port, local_addr=(own.host, 0))
        except (TimeoutError, OSError) as problem:
            raise LinkError(f"link: {region} cannot be reached: {type(problem).__name__}") from problem

    async def ask(self, region: str, question: str, /, *, within: float = ANSWER_SECONDS, **fields: Any) -> Frame:
        """Put one question. Raises LinkError when no answer came, PeerRefusedError when the answer is no.

        After a LinkError the other side may or may not have acted: every question can be put again.
        """
        reader, writer = await self.connect(region)
        try:
            await send(writer, Frame("request", {"question": question, **fields}))
            answer = await read_frame(reader, within=within)
        finally:
            await close(writer)
        if self.severed:
            raise LinkError(f"link: {region} cannot be reached")
        if answer.kind == "refusal":
            raise PeerRefusedError(answer.fields["code"], answer.fields["message"])
        return answer


class LinkServer:
    """Listens for the other regions."""

    def __init__(self, region: Region, answer: Answerer, ship: Shipper) -> None:
        self._region = region
        self._answer = answer
        self._ship = ship
        self._listener: Listener | None = None

    async def start(self) -> None:
        """Raises OSError when the link's address is taken."""
        address = self._region.world.regions[self._region.name].link
        self._listener = await serve(self._region.gate, Plane.LINK, address.host, address.port, self._serve)

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(LinkError):
            first = await read_frame(reader)
            if first.kind == "watch":
                await self._ship(first, reader, writer)
                return
            try:
                reply = await self._answer(first)
            except (KeyError, TypeError, ValueError) as problem:
                reply = Frame("refusal", {"code": "malformed", "message": f"malformed question: {problem!r}"})
            except PeerRefusedError as refusal:
                reply = Frame("refusal", {"code": refusal.code, "message": str(refusal)})
            await send(writer, reply)
