"""``python -m fittrack_dr.cli``: the same as ``fittrack-dr``."""

from __future__ import annotations

import sys

from fittrack_dr.cli import main

sys.exit(main())
