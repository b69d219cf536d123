"""``simulator workload``."""

from simulator.workloads.commands import command

__all__ = ["command"]
