"""The LOB call: reading, writing and creating large objects through their locators."""

from __future__ import annotations

from simulator.database.interface import OracleError
from simulator.database.net import lobs
from simulator.database.net.answers import lob_data
from simulator.database.net.buffers import sb
from simulator.database.net.constants import LobOperation, Message, OracleType
from simulator.database.net.lobs import LobTable
from simulator.database.net.requests import LobCall

_PARAMETER = bytes((Message.PARAMETER,))


def answer_lob_call(table: LobTable, call: LobCall) -> bytes:
    """Do one operation; the answer lacks only the final STATUS.

    Raises OracleError 22275 for an unknown locator, 22926 for a trim beyond the end, 3001 for other operations.
    """
    if call.operation == LobOperation.CREATE_TEMPORARY:
        lob = lobs.new_temporary(call.kind == OracleType.CLOB, call.charset)
        return _PARAMETER + table.add(lob, temporary=True) + b"\0\0"
    lob = table.find(call.locator)
    data, amount, extra = b"", call.amount, b""
    if call.operation == LobOperation.LENGTH:
        amount = len(lob.value)
    elif call.operation == LobOperation.CHUNK_SIZE:
        amount = lobs.CHUNK_SIZE
    elif call.operation == LobOperation.READ:
        content = lobs.read(lob, call.offset, call.amount or 0)
        data = lob_data(content) if content else b""
    elif call.operation == LobOperation.WRITE:
        lobs.write(lob, call.offset, call.data or b"")
    elif call.operation == LobOperation.TRIM:
        lobs.trim(lob, call.amount or 0)
    elif call.operation in (LobOperation.OPEN, LobOperation.CLOSE):
        lob.open = call.operation == LobOperation.OPEN
    elif call.operation == LobOperation.IS_OPEN:
        extra = bytes((lob.open,))
    else:
        raise OracleError(3001, f"unimplemented feature: LOB operation {call.operation:#x}")
    returned = sb(amount) if call.amount is not None and amount is not None else b""
    return data + _PARAMETER + call.locator + returned + extra
