"""The root command: which commands there are, and how each of them ends.

Errors are caught here and nowhere else: one line on stderr and the exit code of the error's class. A traceback needs
``--debug``, unless the error is a fault of the program itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import click

from fittrack_dr.errors import ConfigError, ExitCode, FittrackError

PROGRAM = "fittrack-dr"

#: name -> (module, one line of help). The module is imported on use; it holds the click command as ``command``, or
#: under the attribute after the colon.
COMMANDS: dict[str, tuple[str, str]] = {
    "status": ("fittrack_dr.cli.status", "Show how both regions, the standby and the name stand."),
    "policy": ("fittrack_dr.cli.policy", "Check the recovery policy."),
    "failover": ("fittrack_dr.cli.failover:failover", "Recover in the other region when the active one is lost."),
    "switchover": ("fittrack_dr.cli.failover:switchover", "Change roles with the other region; both are alive."),
    "dns": ("fittrack_dr.cli.dns:command", "Show where the name points, or point it at another region."),
    "approve": ("fittrack_dr.cli.approve:approve", "Approve what RUN waits for, in the name of the profile's user."),
    "runs": ("fittrack_dr.cli.runs:runs", "List, show, resume and abort runs."),
    "report": ("fittrack_dr.cli.report", "Write the report of a run."),
}


class LazyGroup(click.Group):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), attribute or "command")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@dataclass
class Settings:
    """What the root's own options say; ``ctx.obj`` of every command."""

    debug: bool = False


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"{PROGRAM} {version('fittrack-dr')}")
        ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
@click.pass_obj
def root(settings: Settings, debug: bool) -> None:
    """Recover FitTrack on Oracle Cloud, or rehearse it.

    Nothing is changed without --apply. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 refused,
    4 outcome unknown, 5 objective missed, 130 aborted.
    """
    settings.debug = debug


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. A command may return an ``ExitCode`` of its own."""
    settings = Settings()
    try:
        result: object = root.main(list(arguments), prog_name=PROGRAM, obj=settings, standalone_mode=False)
    except (click.ClickException, click.Abort, FittrackError, OSError) as error:
        lines, code = _ending(error)
        if settings.debug:
            import traceback

            traceback.print_exception(error)
        click.echo(lines, err=True)
        return code
    return int(result) if isinstance(result, int) else ExitCode.DONE


def _ending(error: Exception) -> tuple[str, ExitCode]:
    """What a person reads, in one line unless it is the help or a list of problems, and what a script reads."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message(), ExitCode.USAGE
    if isinstance(error, ConfigError) and error.problems:
        return "\n".join(error.problems), ExitCode.USAGE
    text, code = str(error), ExitCode.FAILED
    if isinstance(error, FittrackError):
        code = error.exit_code
    elif isinstance(error, click.Abort):
        text, code = "aborted", ExitCode.ABORTED
    elif isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else PROGRAM
        text, code = f"{error.format_message().rstrip('.')}; see '{path} --help'", ExitCode.USAGE
    return f"{PROGRAM}: {' '.join(text.split())}", code
