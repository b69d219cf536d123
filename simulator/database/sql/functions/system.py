"""SQL functions that ask the session or the engine."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable

from simulator.database.interface import OracleError
from simulator.database.sql.context import CallContext
from simulator.database.sql.types import Cell


def scalar_functions(context: CallContext) -> dict[str, tuple[Callable[..., Cell], int]]:
    """Name → (function, number of arguments; -1 any)."""

    def sys_context(namespace: Cell, parameter: Cell, *_: Cell) -> Cell:
        if str(namespace).upper() != "USERENV":
            return None
        name = str(parameter).upper()
        value = context.userenv().get(name) if context.userenv is not None else None
        if value is None and name not in _KNOWN:
            raise OracleError(2003, "invalid USERENV parameter")
        return value

    def hook(name: str) -> Callable[..., Cell]:
        def call(*arguments: Cell) -> Cell:
            answer = context.hooks[name](*arguments)
            return json.dumps(answer) if isinstance(answer, (dict, list)) else answer  # pyright: ignore[reportReturnType]

        return call

    def visible(owner: Cell, name: Cell) -> Cell:
        return int(bool(context.hooks["visible"](context.user, owner, name)))

    def setting(name: Cell, default: Cell) -> Cell:
        return context.settings.get(str(name), str(default))

    def scn_to_timestamp(scn: Cell) -> Cell:
        return context.hooks["time_of_scn"](context.connection, scn)  # pyright: ignore[reportReturnType]

    def timestamp_to_scn(time: Cell) -> Cell:
        return context.hooks["scn_of_time"](context.connection, time, context.now)  # pyright: ignore[reportReturnType]

    def transaction_id(*_: Cell) -> Cell:
        return context.transaction_id or None

    return {
        "sys_context": (sys_context, -1),
        "ora_user": (lambda: context.user, 0),
        "ora_visible": (visible, 2),
        "ora_is_role": (hook("is_role"), 1),
        "ora_setting": (setting, 2),
        "ora_transaction_id": (transaction_id, -1),
        "ora_database": (hook("database"), 0),
        "ora_sessions": (hook("sessions"), 0),
        "ora_nextval": (hook("nextval"), 1),
        "ora_currval": (hook("currval"), 1),
        "ora_current_scn": (hook("current_scn"), 0),
        "scn_to_timestamp": (scn_to_timestamp, 1),
        "timestamp_to_scn": (timestamp_to_scn, 1),
        "sys_guid": (lambda: secrets.token_bytes(16), 0),
        "ora_random": (_random, -1),
        "standard_hash": (_standard_hash, -1),
        "ora_assign": (hook("assign"), 2),
    }


_KNOWN = frozenset(
    [
        "ACTION",
        "CLIENT_IDENTIFIER",
        "CLIENT_INFO",
        "CURRENT_SCHEMA",
        "CURRENT_USER",
        "DB_NAME",
        "DB_UNIQUE_NAME",
        "DATABASE_ROLE",
        "HOST",
        "INSTANCE",
        "INSTANCE_NAME",
        "IP_ADDRESS",
        "ISDBA",
        "LANG",
        "LANGUAGE",
        "MODULE",
        "NETWORK_PROTOCOL",
        "NLS_DATE_FORMAT",
        "OS_USER",
        "PROXY_USER",
        "SERVER_HOST",
        "SERVICE_NAME",
        "SESSION_USER",
        "SESSIONID",
        "SID",
        "TERMINAL",
        "CON_NAME",
        "CON_ID",
        "CDB_NAME",
        "CURRENT_SCHEMAID",
        "SESSION_USERID",
        "AUTHENTICATION_METHOD",
        "CLIENT_PROGRAM_NAME",
        "ORACLE_HOME",
        "CURRENT_EDITION_NAME",
    ]
)


def _random(*bounds: Cell) -> Cell:
    low, high = (float(bounds[0] or 0), float(bounds[1] or 0)) if len(bounds) == 2 else (0.0, 1.0)
    return low + (high - low) * secrets.randbelow(2**53) / 2**53


def _standard_hash(value: Cell, *method: Cell) -> Cell:
    names = {"SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512", "MD5": "md5"}
    name = names.get(str(method[0]).upper()) if method else "sha1"
    if name is None:
        raise OracleError(905, "missing keyword")
    if value is None:
        return None
    raw = value if isinstance(value, bytes) else str(value).encode()
    return hashlib.new(name, raw, usedforsecurity=False).digest()
