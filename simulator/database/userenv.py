"""What a session says of itself: its row of V$SESSION, and SYS_CONTEXT('USERENV', ...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulator.database.sql.types import to_stamp

if TYPE_CHECKING:
    from simulator.database.session import EngineSession


def describe(session: EngineSession) -> dict[str, str | int]:
    """The session's row of V$SESSION."""
    return {
        "sid": session.session_id,
        "serial": session.serial,
        "username": session.user,
        "schema": session.schema,
        "status": "KILLED" if session.ended else "ACTIVE" if session.active else "INACTIVE",
        "program": session.client.program,
        "machine": session.client.machine,
        "osuser": session.client.os_user,
        "module": session.module,
        "action": session.action,
        "client_identifier": session.client_identifier,
        "client_info": session.client_info,
        "logon_time": to_stamp(session.logon_time.replace(microsecond=0)),
        "transaction": int(session.in_transaction),
    }


def userenv(session: EngineSession) -> Mapping[str, str]:
    """The parameters of the namespace USERENV; what is not here is NULL."""
    name = session.database.name
    return {
        "SESSION_USER": session.user,
        "CURRENT_USER": session.user,
        "CURRENT_SCHEMA": session.schema,
        "DB_NAME": name,
        "DB_UNIQUE_NAME": name,
        "CON_NAME": name,
        "INSTANCE_NAME": name.lower(),
        "INSTANCE": "1",
        "SERVICE_NAME": name.lower(),
        "DATABASE_ROLE": "PRIMARY",
        "SID": str(session.session_id),
        "SESSIONID": str(session.session_id),
        "ISDBA": "FALSE",
        "HOST": session.client.machine,
        "OS_USER": session.client.os_user,
        "IP_ADDRESS": session.client.address,
        "CLIENT_PROGRAM_NAME": session.client.program,
        "CLIENT_IDENTIFIER": session.client_identifier,
        "CLIENT_INFO": session.client_info,
        "MODULE": session.module,
        "ACTION": session.action,
        "LANGUAGE": "AMERICAN_AMERICA.AL32UTF8",
        "LANG": "US",
        "NETWORK_PROTOCOL": "tcps",
        "AUTHENTICATION_METHOD": "PASSWORD",
    }
