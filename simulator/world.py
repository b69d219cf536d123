"""Makes a world: its block of addresses, people and their keys, authority, secrets, the clients' profile."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.kernel import ids
from simulator.kernel.clock import write_anchor
from simulator.kernel.worldfile import DATABASE_NAME, NAMESPACE, Address, User, World, WorldError

REGIONS = (("us-ashburn-1", "iad", 32), ("us-phoenix-1", "phx", 64))
"""Name, key and the last byte of the first address; the first is the home region."""

PEOPLE = {
    "oncall": "FitTrackOnCall",
    "dba": "FitTrackDatabaseAdmins",
    "platform-lead": "FitTrackPlatformLeads",
    "security-lead": "FitTrackSecurityLeads",
}
SECRETS = ("database-admin", "fittrack_dr", "fittrack_app", "wallet")
DEFAULT_USER = "oncall"
CONTROL_REGION = "us-phoenix-1"


def create(directory: Path, *, seed: int, block: str | None, start: datetime, rate: float) -> World:
    """Write a new world, complete or not at all.

    Raises WorldError when the directory holds something else, or the block is taken, or none is free.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise WorldError(f"{directory}: holds no world and is not empty; choose another --dir")
    # Imported here: only the making of a world needs cryptography, and `simulator --help` starts without it.
    from simulator.kernel.certificates import create_ca, write_private

    chosen = choose_block(directory, block)
    building = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    (building / "oci").mkdir(parents=True)
    building.chmod(0o700)
    (building / "tns").mkdir()
    names = list(PEOPLE)
    with ThreadPoolExecutor() as pool:
        keys = dict(zip(names, pool.map(lambda _: new_key(), names), strict=True))
    document = _document(seed, chosen, start, {name: public for name, (_, public) in keys.items()})
    (building / "world.json").write_text(json.dumps(document, indent=2) + "\n")
    world = World.load(building)
    for name, (private, _) in keys.items():
        write_private(world.key_file(name), private)
    for name in SECRETS:
        write_private(world.secrets / name, _password().encode())
    create_ca(world)
    write_anchor(world.clock_file, world=start, rate=rate)
    final = World.load(building.rename(directory))
    write_private(final.profile_file, profile_text(final).encode())
    return final


def choose_block(directory: Path, wanted: str | None) -> str:
    """The first free ``127.A.B``, starting at a hash of the directory; or the wanted one when it is free."""
    if wanted is not None:
        return _checked(wanted)
    for block in _candidates(str(directory.absolute())):
        if block_owner(block) is None:
            return block
    raise WorldError("no free block of loopback addresses from 127.16.0 to 127.250.255: take a world down")


def block_owner(block: str) -> Address | None:
    """The first of a block's addresses that something else uses, or None."""
    for address in _addresses(block):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.host, address.port))
                probe.listen()
            except OSError:
                return address
    return None


def exports(world: World, user: str) -> dict[str, str]:
    """The environment with which any client meets this world as that user. Raises WorldError for an unknown user."""
    if user not in world.users:
        raise WorldError(f"user {user!r}: this world has {', '.join(world.users)}")
    return {
        "OCI_CONFIG_FILE": str(world.profile_file),
        "OCI_CLI_PROFILE": user,
        "TNS_ADMIN": str(world.tns_admin),
        "FITTRACK_RESOLVERS": ",".join(str(resolver) for resolver in world.edge.resolvers),
        "FITTRACK_CLOCK": str(world.clock_file),
        "FITTRACK_CA_FILE": str(world.ca_file),
    }


def profile_text(world: World) -> str:
    """The profile file: the SDK's keys, and the rehearsal's own beside them."""
    common = {
        "tenancy": world.tenancy,
        "region": CONTROL_REGION,
        **{f"fittrack_endpoint.{name}": place.api.url for name, place in world.regions.items()},
        "fittrack_tns_admin": str(world.tns_admin),
        **{f"fittrack_tns_alias.{name}": f"{DATABASE_NAME}_{name.replace('-', '_')}_tp" for name in world.regions},
        "fittrack_resolvers": ", ".join(str(resolver) for resolver in world.edge.resolvers),
        "fittrack_authoritative": str(world.edge.authoritative),
        "fittrack_neutral_target": f"{world.edge.neutral_target.url}/",
        "fittrack_application_port": str(next(iter(world.regions.values())).load_balancer.port),
        "fittrack_ca_file": str(world.ca_file),
        "fittrack_clock": str(world.clock_file),
        "fittrack_db_user": "FITTRACK_DR",
        "fittrack_db_password_file": str(world.secrets / "fittrack_dr"),
        "fittrack_wallet_password_file": str(world.secrets / "wallet"),
        "fittrack_compartment": world.compartment,
        "fittrack_namespace": world.namespace,
    }
    sections = [_section("DEFAULT", common)]
    for user in world.users.values():
        own = {"user": user.id, "fingerprint": user.fingerprint, "key_file": str(world.key_file(user.name))}
        sections.append(_section(user.name, own))
    return "\n".join(sections)


def _section(name: str, rows: dict[str, str]) -> str:
    return "".join([f"[{name}]\n", *(f"{key} = {value}\n" for key, value in rows.items())])


def _document(seed: int, block: str, start: datetime, public_keys: dict[str, str]) -> dict[str, Any]:
    users = [
        asdict(User(name, ids.ocid("user", "", seed=seed, number=number), _fingerprint(key), key, PEOPLE[name]))
        for number, (name, key) in enumerate(public_keys.items())
    ]
    groups = [
        {"name": name, "id": ids.ocid("group", "", seed=seed, number=number)}
        for number, name in enumerate(PEOPLE.values())
    ]
    return {
        "id": secrets.token_hex(8),
        "seed": seed,
        "block": block,
        "tenancy": ids.ocid("tenancy", "", seed=seed, number=0),
        "compartment": ids.ocid("compartment", "", seed=seed, number=0),
        "namespace": NAMESPACE,
        "created": start.isoformat(),
        "regions": [
            {"name": name, "key": key, "base": base, "home": number == 0}
            for number, (name, key, base) in enumerate(REGIONS)
        ],
        "users": users,
        "groups": groups,
    }


def new_key() -> tuple[bytes, str]:
    """An RSA key pair as PEM: the private half, the public half."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public.decode()


def _fingerprint(public_key: str) -> str:
    body = "".join(line for line in public_key.splitlines() if "KEY" not in line)
    return ids.fingerprint(base64.b64decode(body))


def _password() -> str:
    """Meets Autonomous Database's rules: 12 to 30 characters, upper, lower and digit."""
    return f"Aa1{secrets.token_hex(10)}"


def _checked(block: str) -> str:
    parts = block.split(".")
    if len(parts) != 3 or parts[0] != "127" or not all(p.isdigit() and int(p) <= 255 for p in parts):
        raise WorldError(f"block {block!r}: must be 127.A.B, three numbers")
    if (owner := block_owner(block)) is not None:
        raise WorldError(f"block {block}: {owner} is taken; take that world down or choose another --block")
    return block


def _candidates(name: str) -> Iterator[str]:
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    count = 235 * 256
    for step in range(min(count, 512)):
        number = (first + step * 257) % count
        yield f"127.{16 + number // 256}.{number % 256}"


def _addresses(block: str) -> Iterator[Address]:
    """The fixed addresses of a world; two worlds never share a block, so these stand for all."""
    yield Address(f"{block}.1", 5353)
    yield Address(f"{block}.4", 8080)
    for _, _, base in REGIONS:
        yield Address(f"{block}.{base}", 8080)
        yield Address(f"{block}.{base + 1}", 1522)
        yield Address(f"{block}.{base + 2}", 8443)
        yield Address(f"{block}.{base + 3}", 7400)
