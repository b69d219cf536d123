"""The region's workloads: declared through the admin socket, kept in the region's store, run as pods.

A region that was killed starts again with the same pods on the same addresses; a region that was stopped by a signal
finds them as they were, because they are stopped and continued with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.cloud.service import Region
from simulator.kernel.admin import AdminRefusedError
from simulator.kernel.certificates import write_private
from simulator.workloads.images import IMAGES
from simulator.workloads.model import Declaration, Workload, WorkloadError, expand, read_declaration, read_replicas
from simulator.workloads.pod import Pod, PodSpec

POD_LIMIT = 16
_KIND = "workload"
_ADDRESSES = "pod-address"


class Workloads:
    """The component. Other parts of the region find it as ``region.rooms["workloads"]``."""

    def __init__(self, region: Region, images: Mapping[str, tuple[str, ...]] = IMAGES) -> None:
        self._region = region
        self._images = images
        self._pods: dict[str, list[Pod]] = {}
        # Declarations change pods over several awaits: one at a time.
        self._changing = asyncio.Lock()
        region.rooms["workloads"] = self
        region.admin[("GET", "/workloads")] = lambda _: self.describe()
        region.admin[("POST", "/workloads")] = self.apply
        region.admin[("POST", "/workloads/scale")] = self.scale
        region.admin[("DELETE", "/workloads")] = self.delete

    async def start(self) -> None:
        """Start the pods of every workload that the store knows."""
        for workload in self._stored():
            await self._run(workload)

    async def stop(self) -> None:
        """End every pod; the declarations stay."""
        async with self._changing:
            pods = [pod for pods in self._pods.values() for pod in pods]
            self._pods.clear()
            await asyncio.gather(*(pod.stop() for pod in pods))

    def pods(self, workload: str) -> list[Pod]:
        """The pods of one workload, running or waiting to start again; none for an unknown name."""
        return list(self._pods.get(workload, ()))

    def describe(self) -> dict[str, Any]:
        """Every workload and its pods; of secrets the names alone."""
        return {
            "workloads": [
                workload.document() | {"pods": [pod.status() for pod in self.pods(workload.name)]}
                for workload in self._stored()
            ]
        }

    async def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make it so; what is so already is left running. Raises AdminRefusedError."""
        async with self._changing:
            try:
                declaration = read_declaration(body, images=self._images, limit=POD_LIMIT)
            except WorkloadError as problem:
                raise AdminRefusedError(str(problem)) from problem
            workload = declaration.workload
            self._need_room(workload)
            before = self._find(workload.name)
            changed = self._write_secrets(declaration)
            self._region.store.put(_KIND, workload.name, workload.document())
            if before is not None and (changed or not before.same_pods(workload)):
                await self._end(workload.name, keep=0)
            await self._run(workload)
        return self._describe(workload)

    async def scale(self, body: dict[str, Any]) -> dict[str, Any]:
        """Change the number of pods. Raises AdminRefusedError."""
        async with self._changing:
            try:
                replicas = read_replicas(body, limit=POD_LIMIT)
            except WorkloadError as problem:
                raise AdminRefusedError(str(problem)) from problem
            workload = self._need(body).scaled(replicas)
            self._need_room(workload)
            self._region.store.put(_KIND, workload.name, workload.document())
            await self._run(workload)
        return self._describe(workload)

    async def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """End the pods and forget the workload with its secrets; its logs stay. Raises AdminRefusedError."""
        async with self._changing:
            workload = self._need(body)
            await self._end(workload.name, keep=0)
            self._region.store.delete(_KIND, workload.name)
            for document in self._region.store.find(_ADDRESSES, workload=workload.name):
                self._region.store.delete(_ADDRESSES, document["pod"])
            shutil.rmtree(self._directory(workload.name) / "secrets", ignore_errors=True)
        return {"deleted": workload.name}

    async def _run(self, workload: Workload) -> None:
        """Bring the pods to the declared number."""
        await self._end(workload.name, keep=workload.replicas)
        pods = self._pods.setdefault(workload.name, [])
        for name in workload.pod_names()[len(pods) :]:
            pod = Pod(self._spec(workload, name), self._region.clock.now)
            pods.append(pod)
            pod.start()

    async def _end(self, name: str, *, keep: int) -> None:
        pods = self._pods.get(name, [])
        surplus = pods[keep:]
        del pods[keep:]
        await asyncio.gather(*(pod.stop() for pod in surplus))

    def _spec(self, workload: Workload, pod: str) -> PodSpec:
        directory = self._directory(workload.name)
        directory.mkdir(parents=True, exist_ok=True)
        address = self._region.world.regions[self._region.name].pod(self._pod_number(workload.name, pod))
        given = {
            "REGION": self._region.name,
            "POD_NAME": pod,
            "HOST": address.host,
            "PORT": str(address.port),
            **{f"{secret}_FILE": str(directory / "secrets" / secret) for secret in workload.secrets},
        }
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "MALLOC_ARENA_MAX": "2",
            "PYTHONUNBUFFERED": "1",
            **expand(workload.env, given | self._services()),
            **given,
        }
        return PodSpec(pod, self._images[workload.image], env, address, directory)

    def _services(self) -> dict[str, str]:
        """Where the other workloads' first pods are, under the names that Kubernetes gives to services."""
        known: dict[str, str] = {}
        for document in self._region.store.find(_ADDRESSES, ordinal=0):
            address = self._region.world.regions[self._region.name].pod(document["number"])
            prefix = str(document["workload"]).upper().replace("-", "_")
            known[f"{prefix}_SERVICE_HOST"] = address.host
            known[f"{prefix}_SERVICE_PORT"] = str(address.port)
        return known

    def _pod_number(self, workload: str, pod: str) -> int:
        """The pod's place among the region's addresses: once given, kept until the workload is deleted."""
        store = self._region.store
        if (document := store.get(_ADDRESSES, pod)) is not None:
            return int(document["number"])
        taken = {int(other["number"]) for other in store.find(_ADDRESSES)}
        number = next(candidate for candidate in range(POD_LIMIT) if candidate not in taken)
        ordinal = int(pod.rpartition("-")[2])
        store.put(_ADDRESSES, pod, {"pod": pod, "workload": workload, "ordinal": ordinal, "number": number})
        return number

    def _need_room(self, workload: Workload) -> None:
        """Addresses once given stay with their workload, so they count even while it is scaled down."""
        others = [doc for doc in self._region.store.find(_ADDRESSES) if doc["workload"] != workload.name]
        if len(others) + workload.replicas > POD_LIMIT:
            raise AdminRefusedError(
                f"workload {workload.name}: {workload.replicas} pods, but {POD_LIMIT - len(others)} of the "
                f"region's {POD_LIMIT} addresses are free; delete a workload first"
            )

    def _write_secrets(self, declaration: Declaration) -> bool:
        """Write the files, remove those no longer declared; whether any content changed."""
        directory = self._directory(declaration.workload.name) / "secrets"
        changed = False
        if directory.exists():
            for file in directory.iterdir():
                if file.name not in declaration.contents:
                    file.unlink()
        for name, content in declaration.contents.items():
            file = directory / name
            if not file.exists() or file.read_text() != content:
                write_private(file, content.encode())
                changed = True
        return changed

    def _need(self, body: Mapping[str, Any]) -> Workload:
        name = body.get("name")
        workload = self._find(name) if isinstance(name, str) else None
        if workload is None:
            names = ", ".join(stored.name for stored in self._stored()) or "none"
            raise AdminRefusedError(f"no workload {name!r}; there are: {names}")
        return workload

    def _find(self, name: str) -> Workload | None:
        document = self._region.store.get(_KIND, name)
        return None if document is None else Workload.stored(document)

    def _stored(self) -> list[Workload]:
        return [Workload.stored(document) for document in self._region.store.find(_KIND)]

    def _describe(self, workload: Workload) -> dict[str, Any]:
        return workload.document() | {"pods": [pod.status() for pod in self.pods(workload.name)]}

    def _directory(self, workload: str) -> Path:
        return self._region.home / "workloads" / workload
