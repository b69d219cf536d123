"""What a workload is: an image, how many of it, its environment and its secrets. Checked before anything changes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
_REFERENCE = re.compile(r"\$\(([A-Z][A-Z0-9_]*)\)")


class WorkloadError(Exception):
    """A workload that cannot be had: one line that names every problem."""


@dataclass(frozen=True)
class Workload:
    """A declared workload. ``secrets`` are names only: their contents are files that pods find by ``<NAME>_FILE``."""

    name: str
    image: str
    replicas: int
    env: Mapping[str, str]
    secrets: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return asdict(self) | {"env": dict(self.env), "secrets": list(self.secrets)}

    @classmethod
    def stored(cls, document: Mapping[str, Any]) -> Workload:
        """From the store."""
        return cls(
            document["name"],
            document["image"],
            document["replicas"],
            document["env"],
            tuple(document["secrets"]),
        )

    def scaled(self, replicas: int) -> Workload:
        """The same with another number of pods."""
        return replace(self, replicas=replicas)

    def same_pods(self, other: Workload) -> bool:
        """Whether pods of the one can go on as pods of the other."""
        return self.scaled(0) == other.scaled(0)

    def pod_names(self) -> list[str]:
        """``<workload>-<ordinal>``."""
        return [f"{self.name}-{ordinal}" for ordinal in range(self.replicas)]


@dataclass(frozen=True)
class Declaration:
    """An asked-for workload with the contents of its secrets, which go to files and nowhere else."""

    workload: Workload
    contents: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the contents."""
        return f"Declaration({self.workload!r})"


def read_declaration(body: Mapping[str, Any], *, images: Collection[str], limit: int) -> Declaration:
    """Check an asked-for workload. Raises WorkloadError with every problem."""
    problems: list[str] = []
    name, image, replicas = body.get("name"), body.get("image"), body.get("replicas", 1)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problems.append("name: lower-case letters, digits and dashes, at most 31, beginning with a letter")
    if image not in images:
        problems.append(f"image: {image!r} is not one of {', '.join(sorted(images))}")
    problems += _replica_problems(replicas, limit)
    env, secrets = _texts(body, "env", problems), _texts(body, "secrets", problems)
    problems += [f"{key}: both in env and in secrets" for key in sorted(env.keys() & secrets.keys())]
    unknown = sorted(set(body) - {"name", "image", "replicas", "env", "secrets"})
    problems += [f"{key}: no such field" for key in unknown]
    if problems:
        raise WorkloadError("workload refused: " + "; ".join(problems))
    workload = Workload(cast("str", name), cast("str", image), replicas, env, tuple(sorted(secrets)))
    return Declaration(workload, secrets)


def read_replicas(body: Mapping[str, Any], *, limit: int) -> int:
    """The number of pods in a request to scale. Raises WorkloadError."""
    replicas = body.get("replicas")
    problems = _replica_problems(replicas, limit)
    if problems:
        raise WorkloadError(problems[0])
    return cast("int", replicas)


def expand(env: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Replace ``$(NAME)`` by what is known under that name, as Kubernetes does; an unknown reference stays."""
    return {key: _REFERENCE.sub(lambda match: known.get(match[1], match[0]), value) for key, value in env.items()}


def _replica_problems(replicas: object, limit: int) -> list[str]:
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not 0 <= replicas <= limit:
        return [f"replicas: {replicas!r} is not a whole number from 0 to {limit}"]
    return []


def _texts(body: Mapping[str, Any], field: str, problems: list[str]) -> dict[str, str]:
    given = body.get(field, {})
    if not isinstance(given, dict):
        problems.append(f"{field}: not an object")
        return {}
    texts = cast("dict[str, Any]", given)
    for key, value in texts.items():
        if not _VARIABLE.fullmatch(key):
            problems.append(f"{field}: {key!r} is not a variable's name")
        elif not isinstance(value, str) or "\0" in value:
            problems.append(f"{field}: {key} is not a text")
    return {key: value for key, value in texts.items() if isinstance(value, str)}
