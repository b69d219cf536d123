"""The SQL functions that SQLite lacks or means otherwise, registered on each connection."""

from __future__ import annotations

import apsw

from simulator.database.sql.context import CallContext
from simulator.database.sql.functions import dates, json, numbers, system, text
from simulator.database.sql.functions.aggregates import AGGREGATES

_VOLATILE = frozenset({"ora_nextval", "ora_currval", "sys_guid", "ora_random"})


def register_functions(connection: apsw.Connection, context: CallContext) -> None:
    """Make the functions known to a connection; ``context`` is what they read of the running call.

    All but a few are declared deterministic: within one statement they are, and SQLite then computes a call without
    column arguments once, which is also what Oracle's SYSTIMESTAMP does.
    """
    for module in (
        dates.scalar_functions(context),
        numbers.scalar_functions(),
        text.scalar_functions(),
        json.scalar_functions(),
        system.scalar_functions(context),
    ):
        for name, (function, arguments) in module.items():
            connection.create_scalar_function(name, function, arguments, deterministic=name not in _VOLATILE)
    for name, factory in AGGREGATES.items():
        connection.create_window_function(name, factory)  # pyright: ignore[reportArgumentType]
