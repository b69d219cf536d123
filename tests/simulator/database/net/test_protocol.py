"""The wire itself: what the driver sends, cut anywhere; what no driver sends."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import closing, suppress

import oracledb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.database.net.bindscan import returning_binds
from simulator.database.net.buffers import Incomplete, ProtocolError, Reader
from simulator.database.net.constants import PacketType
from simulator.database.net.packets import parse_descriptor
from simulator.database.net.parser import Parser
from simulator.database.net.requests import Execute, Request
from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny

pytestmark = pytest.mark.wire


class Recorder:
    """A relay between a client and the server that keeps what the client sends."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = bytearray()
        self._threads = [threading.Thread(target=self._relay)]
        self._threads[0].start()

    def _relay(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        with self._listener, client, server:
            back = threading.Thread(target=self._copy, args=(server, client, bytearray()))
            back.start()
            self._copy(client, server, self.sent)
            back.join()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                kept += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def finish(self) -> list[bytes]:
        """The bodies of the DATA packets after ACCEPT, as one message each, in order."""
        for thread in self._threads:
            thread.join()
        position = int.from_bytes(self.sent[:2], "big")
        messages: list[bytes] = []
        joined = b""
        while position < len(self.sent):
            length = int.from_bytes(self.sent[position : position + 4], "big")
            if self.sent[position + 4] == PacketType.DATA:
                joined += bytes(self.sent[position + 10 : position + length])
                if length < 65535:
                    messages.append(joined)
                    joined = b""
            position += length
        return messages


@pytest.fixture(scope="module")
def messages(server: Tiny) -> list[bytes]:
    recorder = Recorder(server.host, server.port)
    dsn = f"127.0.0.1:{recorder.port}/tiny_tp"
    with oracledb.connect(user=USER, password=PASSWORD, dsn=dsn, stmtcachesize=1) as connection:
        cursor = connection.cursor()
        cursor.execute("create table if not exists cut (id NUMBER, text VARCHAR2(100), long CLOB)")
        connection.module = "cut"
        rows = [(i, f"text {i}" * 40, "l" * 40_000 if i % 10 == 0 else None) for i in range(50)]
        cursor.executemany("insert into cut values (:1, :2, :3)", rows)
        out = cursor.var(int)
        cursor.execute("update cut set id = id where id = :1 returning id into :2", [1, out])
        cursor.execute("begin :o := :i; end;", o=cursor.var(str), i="in")
        cursor.execute("select long from cut where id = 10")
        ((lob,),) = cursor.fetchall()
        lob.read(1, 5)
        connection.createlob(oracledb.DB_TYPE_CLOB, "temporary")
        connection.rollback()
    return recorder.finish()


def _parser() -> Parser:
    return Parser(lambda _: None)


def test_no_part_of_a_request_parses(messages: list[bytes]) -> None:
    """A request has no end mark: only the whole may be taken for one, wherever packets were cut."""
    chance = random.Random(7)
    assert len(messages) > 15
    for message in filter(None, messages):
        cuts = range(len(message)) if len(message) < 400 else chance.sample(range(len(message)), 60)
        for cut in cuts:
            with pytest.raises(Incomplete):
                _parser().parse(Reader(message[:cut]))
        reader = Reader(message)
        _parser().parse(reader)
        assert reader.position == len(message)


@pytest.mark.parametrize("step", [1_000, 8_192, 65_525])
def test_a_request_that_arrives_in_pieces_is_the_same(messages: list[bytes], step: int) -> None:
    for message in filter(None, messages):
        parser = _parser()
        received = bytearray()
        request: Request | None = None
        for start in range(0, len(message), step):
            received += message[start : start + step]
            with suppress(Incomplete):
                request = parser.parse(Reader(received))
        assert request == _parser().parse(Reader(message))


def test_the_rows_of_a_batch_are_in_the_request(messages: list[bytes]) -> None:
    calls = [_parser().parse(Reader(message)).call for message in messages if message]
    (batch,) = [call for call in calls if isinstance(call, Execute) and len(call.rows) > 1]
    assert len(batch.rows) == 50
    assert batch.rows[10][1] == ("text 10" * 40).encode()
    assert batch.rows[10][2] == b"l" * 40_000


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300), kind=st.sampled_from([b"", b"\x03\x5e\x01", b"\x11\x69\x01", b"\x03\x60\x01"]))
def test_any_bytes_are_a_request_or_an_expected_failure(data: bytes, kind: bytes) -> None:
    with suppress(Incomplete, ProtocolError):
        _parser().parse(Reader(kind + data))


def test_a_client_that_speaks_nonsense_is_dropped(server: Tiny) -> None:
    chance = random.Random(11)
    sizes = [0, 1, 7, 8, 9, 66, 74, 300, 5_000]
    for size in sizes:
        with closing(socket.create_connection((server.host, server.port), timeout=10)) as client:
            client.sendall(chance.randbytes(size))
            client.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while client.recv(4096):
                    pass
    server.connect().close()


@pytest.mark.parametrize(
    ("sql", "flags"),
    [
        ("insert into t values (:1, :2) returning id into :3", (False, False, True)),
        ("INSERT INTO t VALUES (:a) RETURNING a, b INTO :b, :c", (False, True, True)),
        ("update t set a = ':x', b = q'[:y]' where c = :1 returning a into :2", (False, True)),
        ('update t set "a:b" = :1 /* :no */ -- :no\n returning a into :2', (False, True)),
        ("insert into t (into_x) values (:1) returning into_x into :out", (False, True)),
        ("insert into t values (json_object('k' : v), :1) returning a into :2", (False, True)),
        ("-- returning into\nupdate t set a = :1", (False,)),
        ("delete from t where returning_into = :1", ()),
        ("select 'returning' as a, 'into' as b, :1 as c from t", ()),
        ("begin update t set a = 1 returning b into :1; end;", ()),
    ],
)
def test_which_binds_return(sql: str, flags: tuple[bool, ...]) -> None:
    assert returning_binds(sql).returning == flags


def test_blocks_are_told_from_sql() -> None:
    assert returning_binds(" /* c */ -- d\n begin null; end;").plsql
    assert returning_binds("DECLARE x number; begin null; end;").plsql
    assert not returning_binds("(select 1 from dual)").plsql
    assert not returning_binds("").plsql


def test_a_descriptor_gives_up_its_keywords() -> None:
    text = (
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=tcps)(HOST=db.example)(PORT=1522))(CONNECT_DATA=(service_name = prod_tp )"
        "(SERVER=pooled)(CID=(PROGRAM=python3)(HOST=laptop)(USER=oncall))(CONNECTION_ID=x==)))"
    )
    found = parse_descriptor(text)
    assert (found.service_name, found.sid) == ("prod_tp", "")
    assert (found.program, found.machine, found.os_user) == ("python3", "laptop", "oncall")
