#!/usr/bin/env python
"""Point FitTrack's name at another region: ``scripts/dns_cutover.py --to REGION [--apply]``.

The same as ``fittrack-dr dns cutover``; nothing is changed without ``--apply``.
"""

from __future__ import annotations

import sys

from fittrack_dr.cli.root import run

if __name__ == "__main__":
    sys.exit(run(["dns", "cutover", *sys.argv[1:]]))
