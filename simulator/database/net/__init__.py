"""The Oracle Net server: packets, TTC messages, authentication and cursors; no SQL.

It serves the databases of ``simulator.database.interface`` to the unmodified thin driver.
"""

from simulator.database.net.auth import derive_verifier
from simulator.database.net.server import NetServer

__all__ = ["NetServer", "derive_verifier"]
