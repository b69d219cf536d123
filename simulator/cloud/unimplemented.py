"""The names of operations that the simulator does not have, so that a 501 says what was called.

They are read from the SDK's own client sources, once, when first needed; where the SDK is not installed or does not
know the path, the method and path say it.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

_BASE = re.compile(r"'base_path': '([^']*)'")
_CALL = re.compile(
    r"resource_path = \"([^\"]+)\"\s+method = \"([A-Z]+)\"\s+operation_name = \"([^\"]+)\"", re.MULTILINE
)
_CLIENTS = [
    "container_engine",
    "core",
    "database",
    "dns",
    "events",
    "functions",
    "healthchecks",
    "identity",
    "key_management",
    "load_balancer",
    "logging",
    "monitoring",
    "network_load_balancer",
    "object_storage",
    "ons",
    "resource_scheduler",
    "sch",
    "secrets",
    "vault",
    "work_requests",
]


def operation_name(method: str, path: str) -> str:
    """The SDK's name of the operation (``create_vcn``), or ``METHOD /path``."""
    for pattern, verb, name in _operations():
        if verb == method and pattern.fullmatch(path):
            return name
    return f"{method} {path}"


@functools.cache
def _operations() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """Every known call; literal paths before those with parameters, the longer first."""
    found = sorted(_read(), key=lambda row: (row[0].count("{"), -len(row[0])))
    return tuple((re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), verb, name) for path, verb, name in found)


def _read() -> Iterator[tuple[str, str, str]]:
    spec = importlib.util.find_spec("oci")
    if spec is None or spec.origin is None:
        return
    root = Path(spec.origin).parent
    for name in _CLIENTS:
        for file in (root / name).glob("*_client.py"):
            text = file.read_text(encoding="utf-8")
            base = _BASE.search(text)
            prefix = (base.group(1) if base else "").rstrip("/")
            for path, verb, operation in _CALL.findall(text):
                yield prefix + path, verb, operation
