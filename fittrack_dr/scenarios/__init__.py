"""The procedures: each composes steps and brings the actions behind them.

``procedures`` names the module of each by ``Plan.procedure``, so that a journal alone is enough to resume a run. A
module is imported only when its procedure is used, and has ``actions(environment) -> Mapping[str, Action]``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast

from fittrack_dr.domain import Action
from fittrack_dr.errors import ConfigError


class Procedure(Protocol):
    """What a procedure's module offers to whoever runs or resumes a plan of it."""

    def actions(self, environment: object) -> Mapping[str, Action]:
        """One action per ``Step.action``; ``environment`` holds the policy, the profile and the clients."""
        ...


procedures: Mapping[str, str] = MappingProxyType(
    {
        "dns-cutover": "fittrack_dr.scenarios.dns_cutover",
        "region-failover": "fittrack_dr.scenarios.failover",
        "region-switchover": "fittrack_dr.scenarios.failover",
    }
)
"""Procedure -> the module that carries it out."""


def procedure(name: str) -> Procedure:
    """The module of a procedure. Raises ConfigError for one this version does not know."""
    if name not in procedures:
        raise ConfigError(f"procedure '{name}' is not known to this version; known: {', '.join(sorted(procedures))}")
    return cast("Procedure", importlib.import_module(procedures[name]))
