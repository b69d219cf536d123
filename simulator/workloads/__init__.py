"""A region's workloads: what runs in it as pods, each a child process on a loopback address of its own."""

from simulator.workloads.component import Workloads

__all__ = ["Workloads"]
