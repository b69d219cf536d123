"""Which command an image stands for; a name that is not here cannot be run.

``python`` as a command's first word is the interpreter that runs the region.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fittrack-api": ("python", "-m", "application.api"),
        "fittrack-worker": ("python", "-m", "application.worker"),
        "redis": ("python", "-m", "simulator.workloads.redis"),
    }
)
