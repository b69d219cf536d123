"""Frames between regions: what is sent arrives, and nonsense or silence ends the connection by name."""

from __future__ import annotations

import asyncio
import json
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.database.dataguard_wire import Frame, LinkError, encode, read_frame, redo_entries, redo_frame
from simulator.database.redo import RedoEntry

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def read(data: bytes, *, within: float = 1.0, ended: bool = True) -> Frame:
    async def run() -> Frame:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        if ended:
            reader.feed_eof()
        return await read_frame(reader, within=within)

    return asyncio.run(run())


entries = st.lists(
    st.builds(
        RedoEntry,
        scn=st.integers(1, 2**40),
        time=st.integers(0, 10**9).map(lambda micros: NOON + timedelta(microseconds=micros)),
        epoch=st.integers(1, 99),
        kind=st.sampled_from(["commit", "ddl", "open"]),
        payload=st.binary(max_size=200),
    ),
    max_size=6,
)


@given(entries)
def test_redo_arrives_as_it_was_sent(sent: list[RedoEntry]) -> None:
    assert redo_entries(read(encode(redo_frame(sent)))) == sent


def test_a_question_arrives_with_its_body() -> None:
    frame = Frame("copy", {"scn": 7}, b"\x00\xff" * 1000)
    assert read(encode(frame)) == frame


@pytest.mark.parametrize(
    "data",
    [
        b"",
        encode(Frame("status"))[:-1],
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 3, 0) + b"{]}",
        struct.pack(">II", 2, 0) + b"{}",
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 20, 2**31),
    ],
)
def test_nonsense_is_a_broken_link(data: bytes) -> None:
    with pytest.raises(LinkError):
        read(data)


def test_silence_is_a_broken_link() -> None:
    with pytest.raises(LinkError, match="TimeoutError"):
        read(b"\x00\x00", within=0.01, ended=False)


def test_redo_that_does_not_add_up_is_refused() -> None:
    (entry,) = [RedoEntry(1, NOON, 1, "commit", b"abc")]
    whole = redo_frame([entry])
    with pytest.raises(LinkError, match="add up"):
        redo_entries(Frame("redo", json.loads(json.dumps(whole.fields)), whole.body + b"x"))
