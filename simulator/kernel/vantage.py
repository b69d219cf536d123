"""Who a connection comes from: the simulated world, or the operator outside it.

On loopback both look alike to a server, so the kernel is asked: a peer is of the world when its address is in the
world's block, or when its socket belongs to a process of one of the world's groups. All else is the operator's side.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from simulator.kernel.faults import Peer
from simulator.kernel.process import ProcessRecord
from simulator.kernel.worldfile import World


def operator_test(world: World) -> Callable[[Peer], bool]:
    """A test for connections that come from outside the simulated world."""

    def is_operator(peer: Peer) -> bool:
        if peer[0].startswith(f"{world.block}."):
            return False
        inode = socket_inode(peer)
        return inode is None or not _owned(inode, _pids(world))

    return is_operator


def socket_inode(address: Peer) -> str | None:
    """The inode of the local TCP socket with this address, or None when there is none."""
    # The kernel prints the address as one number in the machine's byte order.
    wanted = f"{struct.unpack('=I', socket.inet_aton(address[0]))[0]:08X}:{address[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted and fields[9] != "0":
            return fields[9]
    return None


def _pids(world: World) -> Iterable[int]:
    for name in world.processes:
        record = ProcessRecord.read(world.home_of(name))
        if record is not None:
            yield from record.members()


def _owned(inode: str, pids: Iterable[int]) -> bool:
    wanted = f"socket:[{inode}]"
    for pid in pids:
        try:
            if any(str(entry.readlink()) == wanted for entry in Path(f"/proc/{pid}/fd").iterdir()):
                return True
        except OSError:  # it ended, or closed the file, while we looked
            continue
    return False
