"""Who counts as the operator: everybody but the world's own processes and addresses."""

from __future__ import annotations

import socket

import psutil
import pytest

from simulator.kernel.vantage import operator_test, socket_inode
from tests.worlds import RunningWorld, wait_until

pytestmark = pytest.mark.wire


def test_the_worlds_own_connections_are_not_the_operators(world: RunningWorld) -> None:
    is_operator = operator_test(world.world)
    link = world.world.home_region.identity_link

    def follower() -> tuple[str, int] | None:
        """The other region's end of the inter-region link."""
        connections = psutil.Process(world.admin_pid("us-phoenix-1")).net_connections("tcp4")
        for row in connections:
            if row.raddr and tuple(row.raddr) == (link.host, link.port) and row.laddr:
                return row.laddr[0], row.laddr[1]
        return None

    assert not is_operator(wait_until(follower))
    api = world.world.home_region.api
    with socket.create_connection((api.host, api.port)) as own:
        assert is_operator(own.getsockname())
    with socket.create_connection((api.host, api.port), source_address=(f"{world.world.block}.200", 0)) as user:
        assert not is_operator(user.getsockname())
    assert socket_inode(("127.0.0.1", 1)) is None
