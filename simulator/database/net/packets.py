"""Oracle Net packets: framing, the CONNECT descriptor, and the answers a listener gives before TTC starts."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from simulator.database.net.buffers import ProtocolError
from simulator.database.net.constants import PROTOCOL_VERSION, SDU, Marker, PacketType

HEADER = 8
DATA_FLAGS = 2
MAX_BODY = SDU - HEADER - DATA_FLAGS
_CONNECT_FIXED = 74 - HEADER


@dataclass(frozen=True)
class Packet:
    """One packet without its header."""

    type: int
    body: bytes


@dataclass(frozen=True)
class ConnectRequest:
    """What a CONNECT descriptor asks for; empty where it says nothing."""

    service_name: str
    sid: str
    program: str
    machine: str
    os_user: str


async def read_packet(reader: asyncio.StreamReader, *, large: bool = True) -> Packet:
    """The next packet. ``large`` after ACCEPT: the length then has four bytes.

    Raises asyncio.IncompleteReadError at the end of the connection, ProtocolError for an impossible length.
    """
    header = await reader.readexactly(HEADER)
    length = int.from_bytes(header[: 4 if large else 2], "big")
    if not HEADER <= length <= max(SDU, 1 << 16):
        raise ProtocolError(f"a packet of {length} bytes")
    return Packet(header[4], await reader.readexactly(length - HEADER))


def packet(kind: PacketType, body: bytes, *, large: bool = True) -> bytes:
    """One packet, ready for the wire."""
    length = HEADER + len(body)
    size = length.to_bytes(4, "big") if large else length.to_bytes(2, "big") + b"\0\0"
    return size + bytes((kind, 0, 0, 0)) + body


def data_packets(message: bytes | bytearray) -> bytes:
    """A TTC message cut into DATA packets; the client joins values across any cut."""
    if len(message) <= MAX_BODY:
        return packet(PacketType.DATA, b"\0\0" + message)
    view = memoryview(message)
    cuts = range(0, len(message), MAX_BODY)
    return b"".join(packet(PacketType.DATA, b"\0\0" + view[start : start + MAX_BODY]) for start in cuts)


def marker(kind: Marker) -> bytes:
    """A MARKER packet."""
    return packet(PacketType.MARKER, bytes((1, 0, kind)))


def control(code: int) -> bytes:
    """An in-band notification: the driver notes the code and reports the connection unhealthy."""
    return packet(PacketType.CONTROL, b"\x00\x08\0\0\0\0" + code.to_bytes(4, "big"))


def accept() -> bytes:
    """The listener's yes: no out-of-band breaks, no fast authentication, no end-of-response marks."""
    body = b"".join(
        (
            PROTOCOL_VERSION.to_bytes(2, "big"),
            b"\0\0",
            SDU.to_bytes(2, "big") * 2,
            b"\0\1\0\0",
            b"\0\x2d",  # offset of the connect data that does not follow
            bytes(10),
            SDU.to_bytes(4, "big"),
            bytes(5),
            bytes(4),
        )
    )
    return packet(PacketType.ACCEPT, body, large=False)


def refuse(code: int) -> bytes:
    """The listener's no, with a TNS code."""
    text = f"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
    return packet(PacketType.REFUSE, b"\x22\0" + len(text).to_bytes(2, "big") + text, large=False)


async def read_connect(reader: asyncio.StreamReader) -> ConnectRequest:
    """The client's CONNECT with its descriptor, which follows in a packet of its own when it is long."""
    first = await read_packet(reader, large=False)
    if first.type != PacketType.CONNECT or len(first.body) < _CONNECT_FIXED:
        raise ProtocolError(f"a packet of type {first.type} in place of CONNECT")
    length = int.from_bytes(first.body[16:18], "big")
    descriptor = first.body[_CONNECT_FIXED:]
    if length and not descriptor:
        descriptor = (await read_packet(reader, large=False)).body[DATA_FLAGS:]
    return parse_descriptor(descriptor[:length].decode("utf-8", "replace"))


def parse_descriptor(text: str) -> ConnectRequest:
    """Pick the few keywords that matter from a connect descriptor."""

    def value(keyword: str) -> str:
        found = re.search(rf"\(\s*{keyword}\s*=\s*([^()]*?)\s*\)", text, re.IGNORECASE)
        return found.group(1) if found else ""

    # HOST also stands in the address, so the client's own host is looked up inside CID alone.
    cid = re.search(r"\(\s*CID\s*=((?:\s*\([^()]*\))*)\s*\)", text, re.IGNORECASE)
    host = re.search(r"\(\s*HOST\s*=\s*([^()]*?)\s*\)", cid.group(1), re.IGNORECASE) if cid else None
    return ConnectRequest(
        service_name=value("SERVICE_NAME"),
        sid=value("SID"),
        program=value("PROGRAM"),
        machine=host.group(1) if host else "",
        os_user=value("USER"),
    )
