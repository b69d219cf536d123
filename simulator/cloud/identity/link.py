"""Carries IAM's changes from the home region to the other over the inter-region link.

The follower dials and says up to which change it has them; the home region sends each later one, one JSON line per
change, once the replication's time has passed. A cut link only makes the follower late.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from datetime import timedelta

from simulator.cloud.identity import changes
from simulator.cloud.identity.changes import Change
from simulator.cloud.service import Region
from simulator.kernel.faults import Listener, Plane, serve

log = logging.getLogger(__name__)
_POLL = 0.1  # wall seconds between looks for new changes, and between attempts to connect


class IdentityLink:
    """The home region's end, or the other's."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._listener: Listener | None = None
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen in the home region, follow it elsewhere. Raises OSError when the address is taken."""
        home = self._region.world.home_region
        if self._region.name == home.name:
            address = home.identity_link
            self._listener = await serve(self._region.gate, Plane.LINK, address.host, address.port, self._send)
        else:
            self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End both."""
        if self._listener is not None:
            await self._listener.close()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Home: to one follower, from where it is, until it goes."""
        number = int(await reader.readline() or b"0")
        store = self._region.store
        while not reader.at_eof():
            if number == changes.last_number(store):
                await asyncio.sleep(_POLL)
                continue
            change = changes.read(store, number + 1)
            delay = timedelta(seconds=self._region.duration("iam.replication"))
            await self._region.clock.sleep_until(change.moment + delay)
            writer.write(json.dumps(vars(change)).encode() + b"\n")
            await writer.drain()
            number += 1

    async def _follow(self) -> None:
        """Elsewhere: for ever, across cut connections."""
        address = self._region.world.home_region.identity_link
        store = self._region.store
        while True:
            try:
                reader, writer = await asyncio.open_connection(address.host, address.port)
            except OSError:
                await asyncio.sleep(_POLL)
                continue
            try:
                writer.write(f"{changes.applied(store)}\n".encode())
                while line := await reader.readline():
                    changes.follow(store, Change(**json.loads(line)))
            except OSError as problem:
                log.info("the link to %s was cut: %s", address, problem)
            finally:
                writer.close()
            await asyncio.sleep(_POLL)
