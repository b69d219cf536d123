"""The command line. Only this module and ``root`` load for ``--help``; everything else loads where it is used."""

from __future__ import annotations

import sys


def main() -> int:
    """Entry point of ``fittrack-dr``: runs the command line of this process and returns its exit code."""
    try:
        from fittrack_dr.cli.root import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was anything to interrupt
        return 130
