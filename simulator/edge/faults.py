"""The edge's faults: name servers that misbehave, and the sockets of its HTTP listeners.

They are rows of the store, so that a restarted edge has them again, and take the same admin requests as a region's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.cloud.durations import DURATIONS
from simulator.edge.dnsserver import DnsServer
from simulator.edge.resolver import Resolver
from simulator.kernel.admin import AdminRefusedError
from simulator.kernel.faults import FaultKind, Gate, Plane, SocketFault
from simulator.kernel.store import Store

_KIND = "fault"
DARK = "dark"
STALE = "stale"


class EdgeFaults:
    """Sets, lists and clears faults, in force and in the store."""

    def __init__(
        self, store: Store, gate: Gate, servers: Mapping[str, DnsServer], resolvers: Mapping[str, Resolver]
    ) -> None:
        self._store = store
        self._gate = gate
        self._servers = servers
        self._resolvers = resolvers
        self.routes = {
            ("GET", "/faults"): self.show,
            ("POST", "/faults"): self.set,
            ("POST", "/faults/clear"): self.clear,
            ("POST", "/slow"): self.slow,
            ("POST", "/flush"): self.flush,
        }

    async def restore(self) -> None:
        """Put the stored faults in force again."""
        for document in self._store.find(_KIND, layer="socket"):
            await self._gate.set(_socket_fault(document))
        self._enforce()

    def show(self, _: dict[str, Any]) -> dict[str, Any]:
        """Those in force, as they were set, and what is set slow."""
        return {"faults": self._store.find(_KIND), "slow": self._store.find("slow")}

    async def set(self, document: dict[str, Any]) -> dict[str, Any]:
        """Put a fault in force.

        ``{"layer": "dns", "id", "target": "authoritative" | "resolver-1" | "resolver-2", "kind": "dark" | "stale"}``:
        silent, or telling for ever what it once cached. ``{"layer": "socket", …}``: the fields of ``SocketFault``.
        """
        layer = document["layer"]
        if layer == "socket":
            await self._gate.set(_socket_fault(document))
        elif layer == "dns":
            self._check(document["target"], document["kind"])
        else:
            raise AdminRefusedError(f"layer {layer!r}: dns or socket")
        self._store.put(_KIND, document["id"], document)
        self._enforce()
        return document

    async def clear(self, document: dict[str, Any]) -> dict[str, Any]:
        """End the fault ``id``, or all without one; which were ended."""
        wanted = document.get("id")
        ended = [row["id"] for row in self._store.find(_KIND) if wanted in (None, row["id"])]
        for fault in ended:
            self._store.delete(_KIND, fault)
            await self._gate.clear(fault)
        self._enforce()
        return {"cleared": ended}

    def slow(self, document: dict[str, Any]) -> dict[str, Any]:
        """Let the operation ``name`` (a row of the durations, or ``*``) take its slow case, or no longer."""
        name = document["name"]
        if name != "*" and name not in DURATIONS:
            raise AdminRefusedError(f"no duration {name!r}; there are {', '.join(DURATIONS)}")
        if document.get("slow", True):
            self._store.put("slow", name, {"name": name})
        else:
            self._store.delete("slow", name)
        return {"slow": self._store.find("slow")}

    def flush(self, document: dict[str, Any]) -> dict[str, Any]:
        """Let the resolver ``target`` forget what it cached."""
        resolver = self._resolvers.get(document["target"])
        if resolver is None:
            raise AdminRefusedError(f"{document['target']}: no such resolver; there are {', '.join(self._resolvers)}")
        resolver.flush()
        return {}

    def _check(self, target: str, kind: str) -> None:
        if target not in self._servers:
            raise AdminRefusedError(f"{target}: no such name server; there are {', '.join(self._servers)}")
        if kind not in (DARK, STALE):
            raise AdminRefusedError(f"kind {kind!r}: {DARK} or {STALE}")
        if kind == STALE and target not in self._resolvers:
            raise AdminRefusedError(f"{target} caches nothing: it cannot be stale")

    def _enforce(self) -> None:
        """Make the name servers as the stored faults say."""
        faults = {(row["target"], row["kind"]) for row in self._store.find(_KIND, layer="dns")}
        for name, server in self._servers.items():
            server.dark = (name, DARK) in faults
        for name, resolver in self._resolvers.items():
            resolver.stale = (name, STALE) in faults


def _socket_fault(document: dict[str, Any]) -> SocketFault:
    """Raises TypeError or ValueError for fields that a socket's fault does not have."""
    fields = {key: value for key, value in document.items() if key not in ("layer", "kind", "plane")}
    return SocketFault(kind=FaultKind(document["kind"]), plane=Plane(document["plane"]), **fields)
