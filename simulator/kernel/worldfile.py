"""A world as its directory describes it: who, where, which addresses. Written once, then only read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

NAMESPACE = "fittrack"
DNS_ZONE = "fittrack.example"
DNS_NAME = "app.fittrack.example"
DATABASE_NAME = "fittrack"


class WorldError(Exception):
    """The world cannot be used as asked: one clear line for the person at the command line."""


@dataclass(frozen=True)
class Address:
    """A loopback address and port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """As a plain HTTP endpoint."""
        return f"http://{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class RegionPlace:
    """Where one region is found."""

    name: str
    key: str
    home: bool
    block: str
    base: int

    @property
    def api(self) -> Address:
        """All OCI APIs, over HTTP."""
        return Address(f"{self.block}.{self.base}", 8080)

    @property
    def net(self) -> Address:
        """Oracle Net over TLS."""
        return Address(f"{self.block}.{self.base + 1}", 1522)

    @property
    def load_balancer(self) -> Address:
        """The application, over HTTPS."""
        return Address(f"{self.block}.{self.base + 2}", 8443)

    @property
    def link(self) -> Address:
        """The inter-region link of the databases."""
        return Address(f"{self.block}.{self.base + 3}", 7400)

    @property
    def identity_link(self) -> Address:
        """The inter-region link by which IAM's writes reach the other region."""
        return Address(f"{self.block}.{self.base + 3}", 7401)

    def pod(self, number: int) -> Address:
        """The address of the region's pod ``number``, from 0 to 15."""
        if not 0 <= number < 16:
            raise ValueError(f"pod {number}: a region has 16 pod addresses")
        return Address(f"{self.block}.{self.base + 8 + number}", 8000)


@dataclass(frozen=True)
class EdgePlace:
    """Where what belongs to no region is found."""

    block: str

    @property
    def authoritative(self) -> Address:
        """Authoritative DNS, UDP and TCP."""
        return Address(f"{self.block}.1", 5353)

    @property
    def internal(self) -> Address:
        """Where the regions' API servers reach the global services' state."""
        return Address(f"{self.block}.1", 8053)

    @property
    def resolvers(self) -> tuple[Address, Address]:
        """Two caching resolvers."""
        return Address(f"{self.block}.2", 5353), Address(f"{self.block}.3", 5353)

    @property
    def neutral_target(self) -> Address:
        """Answers HTTP 200 whatever happens to the regions."""
        return Address(f"{self.block}.4", 8080)


@dataclass(frozen=True)
class User:
    """A person of the world; the private key is ``World.key_file(name)``."""

    name: str
    id: str
    fingerprint: str
    public_key: str
    group: str


@dataclass(frozen=True)
class Group:
    """An IAM group."""

    name: str
    id: str


@dataclass(frozen=True)
class World:
    """The contents of ``world.json``, and where everything else lies."""

    directory: Path
    id: str
    seed: int
    block: str
    tenancy: str
    compartment: str
    namespace: str
    created: datetime
    regions: Mapping[str, RegionPlace]
    edge: EdgePlace
    users: Mapping[str, User]
    groups: Mapping[str, Group]

    @classmethod
    def load(cls, directory: Path) -> World:
        """Read ``world.json``. Raises WorldError when there is none or it is not one."""
        file = directory / "world.json"
        try:
            document = json.loads(file.read_text())
        except FileNotFoundError:
            raise WorldError(f"{directory}: no world here; `simulator up` creates one") from None
        except (OSError, ValueError) as problem:
            raise WorldError(f"{file}: cannot be read as a world: {problem}") from problem
        return cls.from_document(directory, document)

    @classmethod
    def from_document(cls, directory: Path, document: dict[str, Any]) -> World:
        """The world that the document describes. Raises WorldError when a field is missing."""
        try:
            block = document["block"]
            regions = {row["name"]: RegionPlace(block=block, **row) for row in document["regions"]}
            return cls(
                directory=directory.absolute(),
                id=document["id"],
                seed=document["seed"],
                block=block,
                tenancy=document["tenancy"],
                compartment=document["compartment"],
                namespace=document["namespace"],
                created=datetime.fromisoformat(document["created"]),
                regions=MappingProxyType(regions),
                edge=EdgePlace(block),
                users=MappingProxyType({row["name"]: User(**row) for row in document["users"]}),
                groups=MappingProxyType({row["name"]: Group(**row) for row in document["groups"]}),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise WorldError(f"{directory / 'world.json'}: not a world of this version: {problem}") from problem

    @property
    def clock_file(self) -> Path:
        """The clock's anchor."""
        return self.directory / "clock.json"

    @property
    def ca_file(self) -> Path:
        """The world's certificate authority (PEM)."""
        return self.directory / "ca.pem"

    @property
    def ca_key_file(self) -> Path:
        """Its key (0600)."""
        return self.directory / "ca-key.pem"

    @property
    def profile_file(self) -> Path:
        """The clients' profile, in the form of ``~/.oci/config``."""
        return self.directory / "oci" / "config"

    @property
    def tns_admin(self) -> Path:
        """``tnsnames.ora`` and wallets."""
        return self.directory / "tns"

    @property
    def secrets(self) -> Path:
        """Passwords, one per file (0600)."""
        return self.directory / "secrets"

    @property
    def home_region(self) -> RegionPlace:
        """The one region that takes IAM's writes."""
        return next(place for place in self.regions.values() if place.home)

    @property
    def processes(self) -> tuple[str, ...]:
        """The names of the process groups: the edge, then the regions."""
        return ("edge", *self.regions)

    def peer_of(self, region: str) -> RegionPlace:
        """The other region."""
        return next(place for name, place in self.regions.items() if name != region)

    def key_file(self, user: str) -> Path:
        """The user's API signing key (PEM, 0600)."""
        return self.directory / "oci" / "keys" / f"{user}.pem"

    def home_of(self, process: str) -> Path:
        """The directory of one process: its state, admin socket and log."""
        return self.directory / process

    def admin_socket(self, process: str) -> Path:
        """The Unix socket by which ``simulator`` talks to one process."""
        return self.home_of(process) / "admin.sock"

    def secret(self, name: str) -> str:
        """One password. Raises WorldError when there is no such secret."""
        file = self.secrets / name
        try:
            return file.read_text().strip()
        except OSError as problem:
            raise WorldError(f"{file}: cannot be read: {problem.strerror}") from problem
