#!/usr/bin/env python3
"""Recover FitTrack in the other region: ``scripts/failover.py --to us-phoenix-1 [--apply]``.

The same as ``fittrack-dr failover``; see ``--help``.
"""

import sys

from fittrack_dr.cli.root import run

if __name__ == "__main__":
    sys.exit(run(["failover", *sys.argv[1:]]))
