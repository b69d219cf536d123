"""The gate: what a client of any listener meets when a fault is set."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulator.kernel.faults import FaultKind, Gate, Peer, Plane, SocketFault, peer_address, serve

Answer = bytes
_HOST = "127.9.9.9"


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each line with the client's port and the line."""
    while line := await reader.readline():
        writer.write(f"{peer_address()[1]} ".encode() + line)
        await writer.drain()


@asynccontextmanager
async def echo_server(is_operator: Callable[[Peer], bool] = lambda _: True) -> AsyncGenerator[tuple[Gate, int]]:
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    gate = Gate("seed", is_operator)
    listener = await serve(gate, Plane.DATA, _HOST, port, _echo)
    try:
        yield gate, port
    finally:
        await listener.close()


async def ask(port: int, text: bytes = b"hello\n") -> bytes:
    """One line there, what comes back until the end or the line's end."""
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        writer.write(text)
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def fault(kind: FaultKind, **more: Any) -> SocketFault:
    return SocketFault(id=kind.value, plane=Plane.DATA, kind=kind, **more)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


def test_a_handler_knows_who_is_at_the_other_end() -> None:
    async def scenario() -> None:
        async with echo_server() as (_, port):
            reader, writer = await asyncio.open_connection(_HOST, port)
            writer.write(b"x\n")
            own = writer.get_extra_info("sockname")[1]
            assert await reader.readline() == f"{own} x\n".encode()
            writer.close()
            await writer.wait_closed()

    run(scenario())


def test_refuse_closes_the_listener_and_its_connections_until_it_is_cleared() -> None:
    async def scenario() -> None:
        async with echo_server() as (gate, port):
            reader, writer = await asyncio.open_connection(_HOST, port)
            await gate.set(fault(FaultKind.REFUSE))
            assert await reader.read() == b""
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await ask(port)
            await gate.clear("refuse")
            assert (await ask(port)).endswith(b" hello\n")

    run(scenario())


def test_a_stall_holds_open_connections_too_and_loses_nothing() -> None:
    async def scenario() -> None:
        async with echo_server() as (gate, port):
            reader, writer = await asyncio.open_connection(_HOST, port)
            writer.write(b"before\n")
            assert (await reader.readline()).endswith(b" before\n")
            await gate.set(fault(FaultKind.STALL))
            writer.write(b"during\n")
            answer = asyncio.create_task(reader.readline())
            new = asyncio.create_task(ask(port, b"new\n"))
            done, _ = await asyncio.wait({answer, new}, timeout=0.1)
            assert not done
            await gate.clear()
            assert (await answer).endswith(b" during\n")
            assert (await new).endswith(b" new\n")
            writer.close()
            await writer.wait_closed()

    run(scenario())


def test_a_delay_holds_what_the_client_says() -> None:
    async def scenario() -> None:
        async with echo_server() as (gate, port):
            await gate.set(fault(FaultKind.DELAY, seconds=0.2))
            started = time.monotonic()
            assert (await ask(port)).endswith(b" hello\n")
            assert time.monotonic() - started >= 0.2

    run(scenario())


def test_truncate_and_reset_cut_the_answer_where_they_say() -> None:
    async def scenario() -> None:
        async with echo_server() as (gate, port):
            await gate.set(fault(FaultKind.TRUNCATE, after_bytes=3))
            assert len(await ask(port)) == 3
            await gate.clear()
            await gate.set(fault(FaultKind.RESET, after_bytes=3))
            with pytest.raises(ConnectionResetError):
                await ask(port)
            await gate.clear()
            await gate.set(fault(FaultKind.RESET))
            with pytest.raises(ConnectionResetError):
                await ask(port)

    run(scenario())


async def _hits(seed_fault: SocketFault, count: int) -> list[bool]:
    async with echo_server() as (gate, port):
        await gate.set(seed_fault)
        found: list[bool] = []
        for _ in range(count):
            try:
                found.append(not await ask(port))
            except ConnectionResetError:
                found.append(True)
        return found


def test_chance_follows_from_the_seed() -> None:
    chance = fault(FaultKind.RESET, probability=0.5)
    first = asyncio.run(_hits(chance, 20))
    assert first == asyncio.run(_hits(chance, 20))
    assert True in first
    assert False in first


def test_a_fault_that_is_counted_ends_by_itself() -> None:
    assert asyncio.run(_hits(fault(FaultKind.RESET, times=2), 4)) == [True, True, False, False]


def test_an_operators_fault_spares_the_world() -> None:
    async def scenario() -> None:
        world_port: list[int] = []
        async with echo_server(lambda peer: peer[1] not in world_port) as (gate, port):
            inside_reader, inside = await asyncio.open_connection(_HOST, port)
            world_port.append(inside.get_extra_info("sockname")[1])
            await gate.set(fault(FaultKind.STALL, operator_only=True))
            inside.write(b"x\n")
            assert (await inside_reader.readline()).endswith(b" x\n")
            outside = asyncio.create_task(ask(port))
            done, _ = await asyncio.wait({outside}, timeout=0.1)
            assert not done
            await gate.clear()
            assert (await outside).endswith(b" hello\n")
            inside.close()
            await inside.wait_closed()

    run(scenario())


def test_a_taken_address_is_an_error_and_refuse_takes_no_chance() -> None:
    async def scenario() -> None:
        async with echo_server() as (gate, port):
            with pytest.raises(OSError, match="in use"):
                await serve(gate, Plane.DATA, _HOST, port, _echo)
        with pytest.raises(ValueError, match="refuse"):
            fault(FaultKind.REFUSE, probability=0.5)

    run(scenario())
