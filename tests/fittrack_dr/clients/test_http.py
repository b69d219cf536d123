"""HTTPS by address on the wire: what is asked, what is trusted, and that every request ends."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fittrack_dr.clients.dns import NameServers
from fittrack_dr.clients.http import MAX_BODY, Web
from fittrack_dr.clients.profile import Profile, load_profile
from fittrack_dr.errors import ConfigError
from simulator.kernel.certificates import issue_server_certificate
from simulator.kernel.worldfile import World
from simulator.world import exports
from tests.simulator.edge.worlds import NAME, fault, heal, new_world, process, publish_zone

pytestmark = pytest.mark.wire

PATH = "/health/ready"
Script = Callable[[socket.socket, bytes], None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """The edge alone, with a published name."""
    made = new_world(tmp_path_factory.mktemp("web") / "world")
    with process(made, "edge"):
        publish_zone(made, target(made))
        yield made


@pytest.fixture(scope="module")
def profile(world: World) -> Profile:
    return load_profile(exports(world, "oncall"))


@pytest.fixture
def web(profile: Profile) -> Web:
    return Web(profile, NameServers(profile, attempt=0.3), total=1.5)


def target(world: World) -> str:
    return f"{world.block}.200"


class Seen:
    """What a server was asked."""

    request = b""
    server_name: str | None = None


@contextmanager
def server(world: World, script: Script, *, names: tuple[str, ...] = (NAME,), tls: bool = True) -> Generator[Seen]:
    """One connection is accepted and answered by ``script``."""
    seen = Seen()
    context = issue_server_certificate(world, names).server_context()

    def note_name(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        seen.server_name = name

    context.sni_callback = note_name

    def serve(listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                secured = context.wrap_socket(connection, server_side=True) if tls else connection
                with secured:
                    seen.request = secured.recv(4096)
                    script(secured, seen.request)
            except OSError:
                return

    with socket.create_server((target(world), 8443)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def saying(*parts: bytes, pause: float = 0.0) -> Script:
    def script(connection: socket.socket, _: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return script


READY = saying(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"ready": true}')


def test_the_name_goes_into_host_and_sni_and_the_address_into_the_connection(world: World, web: Web) -> None:
    with server(world, READY) as seen:
        answer = web.application_at(target(world), NAME, PATH)
    assert (answer.status, answer.ok, answer.body, answer.address) == (200, True, '{"ready": true}', target(world))
    assert seen.server_name == NAME
    assert seen.request.startswith(b"GET /health/ready HTTP/1.1\r\nHost: app.fittrack.example:8443\r\n")
    assert answer.seconds > 0


def test_by_name_it_goes_where_the_resolvers_say(world: World, web: Web) -> None:
    with server(world, READY):
        assert web.application(NAME, PATH).ok


def test_another_status_is_an_answer_too(world: World, web: Web) -> None:
    with server(world, saying(b"HTTP/1.1 503 Service Unavailable\r\n\r\nnot yet")):
        answer = web.application_at(target(world), NAME, PATH)
    assert (answer.status, answer.ok, answer.detail, answer.body) == (503, False, "503", "not yet")


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (saying(b""), "ended before a response"),
        (saying(b"HTTP/1.1 2"), "ended before a response"),
        (saying(b"SSH-2.0-OpenSSH\r\n\r\n"), "not HTTP"),
        (saying(b"HTTP/1.1 abc OK\r\n\r\n"), "not HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n"), "too long"),
    ],
    ids=["nothing", "half", "other-protocol", "no-status", "endless-head"],
)
def test_what_is_no_response(world: World, web: Web, script: Script, detail: str) -> None:
    with server(world, script):
        answer = web.application_at(target(world), NAME, PATH)
    assert answer.status is None
    assert detail in answer.detail


@pytest.mark.parametrize(
    "script",
    [
        lambda connection, _: connection.recv(1),
        saying(*[b"H"] * 100, pause=0.1),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 100, pause=0.1),
    ],
    ids=["silent", "dripping-head", "dripping-body"],
)
def test_a_slow_server_is_left_when_the_time_is_up(world: World, web: Web, script: Script) -> None:
    """The bound is on the whole: a server that sends a byte now and then does not prolong it."""
    started = time.monotonic()
    with server(world, script):
        answer = web.application_at(target(world), NAME, PATH)
        took = time.monotonic() - started
    assert answer.status is None
    assert "within 1.5 s" in answer.detail
    assert took < 2.5


def test_a_server_that_never_shakes_hands(world: World, web: Web) -> None:
    with socket.create_server((target(world), 8443)):
        answer = web.application_at(target(world), NAME, PATH)
    assert (answer.status, answer.detail) == (None, "no answer within 1.5 s")


def test_nothing_listens(world: World, web: Web) -> None:
    assert web.application_at(target(world), NAME, PATH).detail == "connection refused"


def test_a_large_body_is_cut(world: World, web: Web) -> None:
    with server(world, saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (MAX_BODY + 5000))):
        assert len(web.application_at(target(world), NAME, PATH).body) == MAX_BODY


def test_a_certificate_for_another_name_is_not_trusted(world: World, web: Web) -> None:
    with server(world, READY, names=("other.example",)):
        answer = web.application_at(target(world), NAME, PATH)
    assert answer.status is None
    assert answer.detail.startswith("TLS: certificate not trusted")


def test_a_foreign_authority_is_not_trusted(world: World, profile: Profile, tmp_path: Path) -> None:
    other = new_world(tmp_path / "other")
    stranger = Web(replace(profile, ca_file=other.ca_file), NameServers(profile))
    with server(world, READY):
        assert "not trusted" in stranger.application_at(target(world), NAME, PATH).detail


def test_plain_text_where_tls_was_expected(world: World, web: Web) -> None:
    with server(world, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), tls=False):
        assert web.application_at(target(world), NAME, PATH).detail.startswith("TLS: ")


def test_a_ca_file_without_certificates(profile: Profile, world: World, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    broken = Web(replace(profile, ca_file=tmp_path / "ca.pem"), NameServers(profile))
    with pytest.raises(ConfigError, match="fittrack_ca_file"):
        broken.application_at(target(world), NAME, PATH)


def test_a_rehearsal_connects_to_no_real_address(web: Web) -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        web.application_at("192.0.2.1", NAME, PATH)


def test_the_neutral_target_answers(world: World, web: Web) -> None:
    answer = web.neutral_target()
    assert (answer.status, answer.body) == (200, "ok\n")


def test_a_name_that_nobody_can_tell(world: World, web: Web) -> None:
    answer = web.application("none.fittrack.example", PATH)
    assert (answer.status, answer.address) == (None, "no address")
    assert "no such name" in answer.detail
    fault(world, "resolver-1", "dark")
    fault(world, "resolver-2", "dark")
    answer = web.application(NAME, PATH)
    heal(world)
    assert "no answer" in answer.detail
