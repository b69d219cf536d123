"""The ``simulator`` command. Subcommands are imported when they are called, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

COMMANDS = {
    "up": "Start the world, creating it when there is none.",
    "down": "Stop the world; its state stays on disk.",
    "status": "Say how each process of the world is.",
    "env": "Print the exports with which any client meets the world.",
    "lose": "Lose a region.",
    "return": "Bring a lost region back, with everything it had.",
    "clock": "Show or change world time.",
    "workload": "Say what runs in a region as pods.",
    "snapshot": "Save or restore the whole world.",
    "durations": "Show how long cloud operations take here, and why.",
    "fault": "Set, list and clear faults of sockets and API calls.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = _PLACES.get(cmd_name, (cmd_name, "command"))
        command: click.Command = getattr(importlib.import_module(f"simulator.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_PLACES = {"lose": ("loss", "lose"), "return": ("loss", "bring_back")}
"""Commands that do not stand in a module of their own name as ``command``."""


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path(".world"),
    show_default=True,
    help="The world's directory.",
)
@click.pass_context
def simulator(ctx: click.Context, directory: Path) -> None:
    """Two Oracle Cloud regions in a box, on the wire, to lose and to bring back."""
    ctx.obj = directory


def main() -> None:
    """Console entry: exit 0 done, 1 aborted, 2 bad input or a world that cannot be used as asked."""
    from simulator.kernel.worldfile import WorldError

    try:
        simulator(prog_name="simulator")
    except (WorldError, OSError) as problem:
        click.echo(f"simulator: {problem}", err=True)
        sys.exit(2)
