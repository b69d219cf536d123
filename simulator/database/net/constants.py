"""The numbers of Oracle Net and TTC that this server speaks.

Protocol facts as the thin `oracledb` driver uses them; only what the server reads or writes is listed.
"""

from __future__ import annotations

import enum

PROTOCOL_VERSION = 318  # below 315 the driver refuses; from 319 on it would look for more capabilities
SDU = 65535  # bytes of a packet; the driver takes the server's value unchecked
TTC_FIELD_VERSION = 12  # the field layout of 19c: neither tokens in headers nor vector metadata
CHARSET_UTF8 = 873
CHARSET_UTF16 = 2000
LONG_LIMIT = 32767  # bytes; in SQL, binds declared larger travel at the end of their row

DATA_FLAG_EOF = 0x0040

CALL_IN_TRANSACTION = 0x0002

ERROR_NO_DATA_FOUND = 1403
ERROR_ARRAY_DML = 24381

SESSION_SHUTDOWN_CODES = frozenset({12572, 12573})  # told in a CONTROL packet; the call itself still runs


class PacketType(enum.IntEnum):
    """The type byte of a packet's header."""

    CONNECT = 1
    ACCEPT = 2
    REFUSE = 4
    DATA = 6
    MARKER = 12
    CONTROL = 14


class Marker(enum.IntEnum):
    """What a MARKER packet asks for."""

    BREAK = 1
    RESET = 2
    INTERRUPT = 3


class Message(enum.IntEnum):
    """The first byte of a TTC message."""

    PROTOCOL = 1
    DATA_TYPES = 2
    FUNCTION = 3
    ERROR = 4
    ROW_HEADER = 6
    ROW_DATA = 7
    PARAMETER = 8
    STATUS = 9
    IO_VECTOR = 11
    LOB_DATA = 14
    DESCRIBE = 16
    PIGGYBACK = 17
    SERVER_PIGGYBACK = 23
    ONE_WAY = 26


class Function(enum.IntEnum):
    """The function code of FUNCTION, PIGGYBACK and ONE_WAY messages."""

    RE_EXECUTE = 4
    FETCH = 5
    LOGOFF = 9
    COMMIT = 14
    ROLLBACK = 15
    RE_EXECUTE_AND_FETCH = 78
    EXECUTE = 94
    LOB = 96
    CLOSE_CURSORS = 105
    AUTHENTICATE = 115
    SESSION_KEY = 118
    END_TO_END = 135
    PING = 147
    SET_SCHEMA = 152
    APPLICATION_CONTEXT = 154
    RELEASE_SESSION = 163
    SESSION_STATE = 176


class ExecuteOption(enum.IntFlag):
    """The option bits of an execute call."""

    DEFINE = 0x10
    EXECUTE = 0x20
    FETCH = 0x40
    COMMIT = 0x100
    DESCRIBE = 0x20000
    BATCH_ERRORS = 0x80000


EXECUTE_FLAG_SCROLLABLE = 0x02
EXECUTE_FLAG_ROW_COUNTS = 0x4000
RE_EXECUTE_COMMIT = 0x01

BIND_IS_ARRAY = 0x40


class OracleType(enum.IntEnum):
    """Type codes of columns and binds."""

    VARCHAR = 1
    NUMBER = 2
    BINARY_INTEGER = 3
    LONG = 8
    ROWID = 11
    DATE = 12
    RAW = 23
    LONG_RAW = 24
    CHAR = 96
    BINARY_FLOAT = 100
    BINARY_DOUBLE = 101
    CURSOR = 102
    OBJECT = 109
    CLOB = 112
    BLOB = 113
    JSON = 119
    VECTOR = 127
    TIMESTAMP = 180
    TIMESTAMP_TZ = 181
    TIMESTAMP_LTZ = 231
    BOOLEAN = 252


COLUMN_IS_JSON = 0x100  # the driver parses the text itself


class LobOperation(enum.IntEnum):
    """What a LOB call does."""

    LENGTH = 0x01
    READ = 0x02
    TRIM = 0x20
    WRITE = 0x40
    CREATE_TEMPORARY = 0x110
    CHUNK_SIZE = 0x4000
    OPEN = 0x8000
    CLOSE = 0x10000
    IS_OPEN = 0x11000


AUTH_MODE_CHANGE_PASSWORD = 0x02
AUTH_MODE_PRIVILEGED = 0x20 | 0x40 | 0x400000 | 0x1000000 | 0x2000000 | 0x4000000 | 0x8000000  # SYSDBA .. SYSRAC
VERIFIER_TYPE_12C = 0x4815
