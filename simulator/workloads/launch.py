"""Becomes a pod's program, tied to its region: when the region's process dies, in whatever way, so does the pod.

Run by path as ``launch.py PARENT-PID PROGRAM ARGUMENT…``, with the standard library alone so that it costs little. The
tie is Linux's parent-death signal, which survives exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie, make sure that the parent is still the one who asked, and exec."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"launch: prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before the tie was made: no signal will come
        sys.exit("launch: the region is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
