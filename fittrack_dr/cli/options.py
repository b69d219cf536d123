"""Options that several commands share; importing this loads nothing else."""

from __future__ import annotations

from pathlib import Path

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
