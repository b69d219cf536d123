"""How a database of a region is named to clients: services, connect descriptors, TNS aliases.

As on Autonomous Database, the service name carries a prefix of the database's own, so that the two databases of an
association differ in it as well as in the listener's address: an alias always means one region.
"""

from __future__ import annotations

import hashlib
from typing import Final

from simulator.database.net.wallet import Alias
from simulator.kernel.worldfile import Address

LEVELS: Final = ("high", "medium", "low", "tp", "tpurgent")
"""The predefined services; they differ in resource shares only, which this world does not ration."""

_DOMAIN: Final = "adb.oraclecloud.com"
_RETRIES: Final = 20
_RETRY_SECONDS: Final = 3


def service_name(database_id: str, db_name: str, level: str) -> str:
    """``g<15 hex digits>_<db name>_<level>.adb.oraclecloud.com``, in lower case."""
    prefix = hashlib.sha256(database_id.encode()).hexdigest()[:15]
    return f"g{prefix}_{db_name.lower()}_{level}.{_DOMAIN}"


def alias(address: Address, database_id: str, db_name: str, level: str) -> Alias:
    """The alias ``<db name>_<level>`` with the retries that Autonomous Database's own wallets have."""
    return Alias(
        name=f"{db_name.lower()}_{level}",
        host=address.host,
        port=address.port,
        service_name=service_name(database_id, db_name, level),
        retry_count=_RETRIES,
        retry_delay=_RETRY_SECONDS,
    )


def descriptor(address: Address, database_id: str, db_name: str, level: str) -> str:
    """The connect descriptor behind the alias."""
    return alias(address, database_id, db_name, level).render().partition(" = ")[2]
