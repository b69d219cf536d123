"""Dictionary views that ask the engine: V$ views, NLS settings, the recycle bin, a user's own privileges."""

from __future__ import annotations

from typing import Final

_SESSIONS = "json_each(ora_sessions()) s"
_RECYCLED = """SELECT name, definition ->> 'dropped_name', 'DROP', 'TABLE', 'DATA', created,
  substr(definition ->> 'dropped_at', 1, 19) || '.000000', definition ->> 'dropped_scn', 'YES', 'YES', object_id
  FROM objects WHERE kind = 'TABLE' AND definition ->> 'dropped_name' IS NOT NULL"""
_RECYCLE_COLUMNS = (
    "OBJECT_NAME ORIGINAL_NAME OPERATION TYPE TS_NAME CREATETIME DROPTIME DROPSCN:number CAN_UNDROP CAN_PURGE"
    " BASE_OBJECT:number"
)
_VERSION = "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production"
_OWN_GRANTS = "SELECT grantee, privilege, 'NO' FROM grants WHERE grantee = ora_user() AND owner = ''"
_NLS = """SELECT name, value FROM (
  SELECT 'NLS_DATE_FORMAT' AS name, ora_setting('NLS_DATE_FORMAT', 'DD-MON-RR') AS value
  UNION ALL SELECT 'NLS_TIMESTAMP_FORMAT', ora_setting('NLS_TIMESTAMP_FORMAT', 'DD-MON-RR HH.MI.SSXFF AM')
  UNION ALL SELECT 'NLS_LANGUAGE', 'AMERICAN' UNION ALL SELECT 'NLS_TERRITORY', 'AMERICA'
  UNION ALL SELECT 'NLS_CHARACTERSET', 'AL32UTF8' UNION ALL SELECT 'NLS_NCHAR_CHARACTERSET', 'AL16UTF16'
  UNION ALL SELECT 'NLS_SORT', 'BINARY' UNION ALL SELECT 'NLS_COMP', 'BINARY'
  UNION ALL SELECT 'NLS_NUMERIC_CHARACTERS', '.,' UNION ALL SELECT 'NLS_CALENDAR', 'GREGORIAN')"""

# (name, columns with types, the query that gives them in this order)
SYSTEM_VIEWS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "V$DATABASE",
        """DBID:number NAME CREATED:date LOG_MODE OPEN_MODE DATABASE_ROLE DB_UNIQUE_NAME CURRENT_SCN:number
        RESETLOGS_CHANGE#:number RESETLOGS_TIME:date FLASHBACK_ON PROTECTION_MODE PLATFORM_NAME CDB""",
        """SELECT 1, d ->> 'name', d ->> 'created', 'ARCHIVELOG', d ->> 'open_mode', d ->> 'role', d ->> 'unique_name',
        d ->> 'scn', (SELECT max(scn) FROM incarnations), (SELECT max(time) FROM incarnations), 'YES',
        'MAXIMUM PERFORMANCE', 'Linux x86 64-bit', 'YES' FROM (SELECT ora_database() AS d)""",
    ),
    (
        "V$INSTANCE",
        "INSTANCE_NUMBER:number INSTANCE_NAME HOST_NAME VERSION VERSION_FULL STATUS DATABASE_STATUS INSTANCE_ROLE",
        """SELECT 1, lower(d ->> 'name'), 'localhost', '19.0.0.0.0', '19.28.0.0.0', d ->> 'status', 'ACTIVE',
        'PRIMARY_INSTANCE' FROM (SELECT ora_database() AS d)""",
    ),
    ("V$VERSION", "BANNER BANNER_FULL CON_ID:number", f"SELECT '{_VERSION}', '{_VERSION}', 0"),
    (
        "PRODUCT_COMPONENT_VERSION",
        "PRODUCT VERSION VERSION_FULL STATUS",
        "SELECT 'Oracle Database 19c Enterprise Edition', '19.0.0.0.0', '19.28.0.0.0', 'Production'",
    ),
    (
        "V$SESSION",
        """SID:number SERIAL#:number USERNAME SCHEMANAME STATUS OSUSER MACHINE PROGRAM MODULE ACTION CLIENT_IDENTIFIER
        CLIENT_INFO LOGON_TIME:date TYPE TADDR""",
        f"""SELECT s.value ->> 'sid', s.value ->> 'serial', s.value ->> 'username', s.value ->> 'schema',
        s.value ->> 'status', s.value ->> 'osuser', s.value ->> 'machine', s.value ->> 'program', s.value ->> 'module',
        s.value ->> 'action', s.value ->> 'client_identifier', s.value ->> 'client_info', s.value ->> 'logon_time',
        'USER', CASE s.value ->> 'transaction' WHEN 1 THEN '00' END FROM {_SESSIONS}""",
    ),
    (
        "V$TRANSACTION",
        "ADDR SES_SID:number STATUS",
        f"SELECT '00', s.value ->> 'sid', 'ACTIVE' FROM {_SESSIONS} WHERE s.value ->> 'transaction' = 1",
    ),
    (
        "V$RESTORE_POINT",
        "NAME SCN:number TIME:tstz",
        """SELECT o.name, o.definition ->> 'scn', o.created FROM objects o WHERE o.kind = 'RESTORE POINT'""",
    ),
    (
        "V$DATABASE_INCARNATION",
        "INCARNATION#:number RESETLOGS_CHANGE#:number RESETLOGS_TIME:date STATUS",
        """SELECT epoch, scn, time,
        CASE epoch WHEN (SELECT max(epoch) FROM incarnations) THEN 'CURRENT' ELSE 'PARENT' END FROM incarnations""",
    ),
    ("NLS_SESSION_PARAMETERS", "PARAMETER VALUE", _NLS),
    ("NLS_DATABASE_PARAMETERS", "PARAMETER VALUE", _NLS),
    ("USER_RECYCLEBIN", _RECYCLE_COLUMNS, f"{_RECYCLED} AND owner = ora_user()"),
    ("RECYCLEBIN", _RECYCLE_COLUMNS, f"{_RECYCLED} AND owner = ora_user()"),
    ("DBA_RECYCLEBIN", f"OWNER {_RECYCLE_COLUMNS}", _RECYCLED.replace("SELECT name", "SELECT owner, name")),
    (
        "ALL_USERS",
        "USERNAME USER_ID:number CREATED:date ORACLE_MAINTAINED",
        "SELECT name, user_id, substr(created, 1, 19) || '.000000', 'N' FROM users",
    ),
    (
        "DBA_USERS",
        "USERNAME USER_ID:number ACCOUNT_STATUS CREATED:date DEFAULT_TABLESPACE",
        """SELECT name, user_id, CASE locked WHEN 1 THEN 'LOCKED' ELSE 'OPEN' END, substr(created, 1, 19) || '.000000',
        'DATA' FROM users""",
    ),
    (
        "USER_USERS",
        "USERNAME USER_ID:number ACCOUNT_STATUS CREATED:date DEFAULT_TABLESPACE",
        'SELECT * FROM "SYS.DBA_USERS" WHERE "USERNAME" = ora_user()',
    ),
    (
        "USER_SYS_PRIVS",
        "USERNAME PRIVILEGE ADMIN_OPTION",
        f"{_OWN_GRANTS} AND NOT ora_is_role(privilege)",
    ),
    (
        "USER_ROLE_PRIVS",
        "USERNAME GRANTED_ROLE ADMIN_OPTION",
        f"{_OWN_GRANTS} AND ora_is_role(privilege)",
    ),
    (
        "USER_TAB_PRIVS",
        "GRANTEE OWNER TABLE_NAME PRIVILEGE",
        "SELECT grantee, owner, object, privilege FROM grants WHERE owner <> '' AND ora_user() IN (grantee, owner)",
    ),
)
