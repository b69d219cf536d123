"""Options that several commands share; importing this loads nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

policy_option = click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    default="recovery.yaml",
    envvar="FITTRACK_POLICY",
    show_default=True,
    metavar="FILE",
    help="The recovery policy.",
)
"""``--policy FILE``, given to the command as ``policy_file: Path``."""

journal_option = click.option(
    "--journal",
    "journal",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="FITTRACK_JOURNAL",
    metavar="DIR",
    help="Keep journal and recovery state in DIR instead of the control bucket.",
)
"""``--journal DIR``, given to the command as ``journal: Path | None``."""


@dataclass(frozen=True)
class RunRequest:
    """What ``run_options`` and ``policy_option`` give to a command that can begin a run."""

    apply: bool
    confirmed: str | None
    forced: tuple[str, ...]
    reason: str | None
    journal: Path | None
    policy_file: Path


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that plans, and acts when told to; each means one thing."""
    for option in reversed(RUN_OPTIONS):
        command = option(command)
    return command


RUN_OPTIONS = (
    click.option("--apply", is_flag=True, help="Carry the plan out; without it nothing is changed."),
    click.option("--plan", "confirmed", metavar="DIGEST", help="Refuse unless the plan still has this digest."),
    click.option("--force", "forced", multiple=True, metavar="GATE", help="Waive one gate, by its name."),
    click.option("--reason", metavar="TEXT", help="Why a gate is waived; kept in the journal."),
    journal_option,
)
