"""The admin routes for faults and slow days. Faults are rows of the store: a restarted region has them again."""

from __future__ import annotations

import dataclasses
from typing import Any

from simulator.cloud.durations import DURATIONS
from simulator.cloud.faults import HttpFault, HttpFaultKind, HttpFaults
from simulator.cloud.service import Region
from simulator.kernel.admin import AdminRefusedError
from simulator.kernel.faults import FaultKind, Plane, SocketFault

_KIND = "fault"


class FaultRoutes:
    """Sets, lists and clears the faults of one region, in force and in its store."""

    def __init__(self, region: Region, http: HttpFaults) -> None:
        self._region = region
        self._http = http
        region.admin[("GET", "/faults")] = self.show
        region.admin[("POST", "/faults")] = self.set
        region.admin[("POST", "/faults/clear")] = self.clear
        region.admin[("POST", "/slow")] = self.slow

    async def restore(self) -> None:
        """Put the stored faults in force again."""
        for document in self._region.store.find(_KIND):
            await self._enforce(document)

    def show(self, _: dict[str, Any]) -> dict[str, Any]:
        """Those in force, as they were set, and what is set slow."""
        return {"faults": self._region.store.find(_KIND), "slow": self._region.store.find("slow")}

    async def set(self, document: dict[str, Any]) -> dict[str, Any]:
        """Put a fault in force: ``layer`` is ``socket`` or ``http``, the rest its fields."""
        await self._enforce(document)
        self._region.store.put(_KIND, document["id"], document)
        return document

    async def clear(self, document: dict[str, Any]) -> dict[str, Any]:
        """End the fault ``id``, or all without one; how many were ended."""
        wanted = document.get("id")
        ended = [row["id"] for row in self._region.store.find(_KIND) if wanted in (None, row["id"])]
        for fault in ended:
            self._region.store.delete(_KIND, fault)
            self._http.clear(fault)
            await self._region.gate.clear(fault)
        return {"cleared": ended}

    def slow(self, document: dict[str, Any]) -> dict[str, Any]:
        """Let the operation ``name`` (a row of the durations, or ``*``) take its slow case, or no longer."""
        name = document["name"]
        if name != "*" and name not in DURATIONS:
            raise AdminRefusedError(f"no duration {name!r}; there are {', '.join(DURATIONS)}")
        if document.get("slow", True):
            self._region.store.put("slow", name, {"name": name})
        else:
            self._region.store.delete("slow", name)
        return {"slow": self._region.store.find("slow")}

    async def _enforce(self, document: dict[str, Any]) -> None:
        fields = {key: value for key, value in document.items() if key != "layer"}
        if document["layer"] == "http":
            _check_fields(fields, HttpFault)
            fields["kind"] = HttpFaultKind(fields["kind"])
            self._http.set(HttpFault(**fields))
        elif document["layer"] == "socket":
            _check_fields(fields, SocketFault)
            fields["kind"] = FaultKind(fields["kind"])
            fields["plane"] = Plane(fields["plane"])
            await self._region.gate.set(SocketFault(**fields))
        else:
            raise AdminRefusedError(f"layer {document['layer']!r}: socket or http")


def _check_fields(fields: dict[str, Any], shape: type) -> None:
    known = {field.name for field in dataclasses.fields(shape)}
    if unknown := sorted(set(fields) - known):
        raise AdminRefusedError(f"a fault has no field {', '.join(unknown)}; it has {', '.join(sorted(known))}")
