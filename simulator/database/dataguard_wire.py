"""What travels between two regions' databases, and how it is framed.

A frame is ``u32 header length, u32 body length``, a JSON header with its kind, and raw bytes (redo payloads, a base
copy). A connection carries one purpose, named by its first frame: ``request`` asks one question; ``watch`` follows a
database, with its redo when the follower is its standby.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulator.database.redo import RedoEntry

SILENCE_SECONDS: Final = 3.0
"""Wall time without a byte after which a connection counts as dead (the other side sends a status each second)."""

_LENGTHS = struct.Struct(">II")
_LARGEST_HEADER = 8 << 20
_LARGEST_BODY = 512 << 20


class LinkError(Exception):
    """The other region cannot be reached, fell silent, or speaks nonsense."""


class PeerRefusedError(Exception):
    """The other region answered and refused; ``code`` is its reason in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Frame:
    """One message. ``fields`` is JSON, ``body`` raw."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    body: bytes = field(default=b"", repr=False)


def encode(frame: Frame) -> bytes:
    header = json.dumps({"kind": frame.kind, **frame.fields}).encode()
    return _LENGTHS.pack(len(header), len(frame.body)) + header + frame.body


async def read_frame(reader: asyncio.StreamReader, *, within: float | None = SILENCE_SECONDS) -> Frame:
    """The next frame.

    Raises LinkError when none is complete ``within`` wall seconds (None: wait for ever), or when the stream ended.
    """
    try:
        async with asyncio.timeout(within):
            return await _read(reader)
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as problem:
        raise LinkError(f"link: {type(problem).__name__}") from problem
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as problem:
        raise LinkError("link: malformed frame") from problem


async def _read(reader: asyncio.StreamReader) -> Frame:
    header_length, body_length = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    if header_length > _LARGEST_HEADER or body_length > _LARGEST_BODY:
        raise LinkError(f"link: a frame of {header_length} + {body_length} bytes is too large")
    fields = json.loads(await reader.readexactly(header_length))
    body = await reader.readexactly(body_length) if body_length else b""
    return Frame(str(fields.pop("kind")), fields, body)


async def send(writer: asyncio.StreamWriter, frame: Frame, *, within: float = SILENCE_SECONDS) -> None:
    """Write and wait until the buffers take it. Raises LinkError when they do not ``within`` wall seconds."""
    try:
        writer.write(encode(frame))
        async with asyncio.timeout(within):
            await writer.drain()
    except (TimeoutError, OSError) as problem:
        raise LinkError(f"link: {type(problem).__name__}") from problem


async def close(writer: asyncio.StreamWriter) -> None:
    """Close without waiting for a peer that may never answer."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def redo_frame(entries: Sequence[RedoEntry]) -> Frame:
    """Entries in SCN order, their payloads one after another in the body."""
    heads = [
        {
            "scn": entry.scn,
            "time": entry.time.isoformat(),
            "epoch": entry.epoch,
            "kind": entry.kind,
            "size": len(entry.payload),
        }
        for entry in entries
    ]
    return Frame("redo", {"entries": heads}, b"".join(entry.payload for entry in entries))


def redo_entries(frame: Frame) -> list[RedoEntry]:
    """The entries of a redo frame. Raises LinkError when it is malformed, or heads and body do not fit."""
    try:
        return _redo_entries(frame)
    except (KeyError, TypeError, ValueError) as problem:
        raise LinkError("link: malformed redo frame") from problem


def _redo_entries(frame: Frame) -> list[RedoEntry]:
    entries: list[RedoEntry] = []
    position = 0
    for head in frame.fields["entries"]:
        payload = frame.body[position : position + head["size"]]
        position += head["size"]
        time = datetime.fromisoformat(head["time"])
        entries.append(RedoEntry(head["scn"], time, head["epoch"], head["kind"], payload))
    if position != len(frame.body):
        raise LinkError("link: redo frame does not add up")
    return entries
