"""What goes wrong on the way becomes an error of ours: what happened, whether anything was changed, what to do next.

Each case is driven through the SDK against a socket that misbehaves, on a read and on a write.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fittrack_dr import errors
from fittrack_dr.clients.database import DatabaseClient
from fittrack_dr.clients.failures import shortened
from fittrack_dr.clients.monitoring import MonitoringClient
from fittrack_dr.clients.objectstorage import ObjectStorageClient
from fittrack_dr.clients.session import Session
from fittrack_dr.domain.cloud import DatabaseRole, Measurement
from tests.fittrack_dr.clients.profiles import make_profile
from tests.fittrack_dr.clients.scripted import DATABASE, RESET, STALL, Server, answer, error, scripted

REGION = "us-phoenix-1"
SECRET = "open-sesame"


@contextmanager
def session_at(directory: Path, url: str) -> Generator[Session]:
    with Session(make_profile(directory, endpoint=url), connect=0.3, read=0.3) as session:
        yield session


def read(session: Session) -> object:
    return DatabaseClient(session, REGION).get("ocid1.autonomousdatabase.oc1.phx.aaaa")


def write(session: Session) -> object:
    return DatabaseClient(session, REGION).fail_over("standby", primary_id="primary", token="token")


def failure(directory: Path, reply: bytes, act: Callable[[Session], object]) -> errors.FittrackError:
    with scripted(reply) as server, session_at(directory, server.url) as session:
        with pytest.raises(errors.FittrackError) as caught:
            act(session)
        assert len(server.requests) == 1, "one request, no retry"
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("could not ")
    return caught.value


UNSETTLED = [
    (STALL, "no answer in time", errors.UnreachableError),
    (RESET, "connection reset by peer", errors.UnreachableError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{", "the connection was cut off", errors.UnreachableError),
    (b"garbage\r\n\r\n", "the connection was cut off", errors.UnreachableError),
    (error(500, "InternalError", "oops"), "500 InternalError: oops", errors.RetryableError),
    (error(503, "ServiceUnavailable", "later"), "503 ServiceUnavailable: later", errors.RetryableError),
    (answer(502, b"<html>bad gateway</html>"), "502: <html>bad gateway</html>", errors.RetryableError),
]


@pytest.mark.parametrize(("reply", "reason", "kind"), UNSETTLED)
def test_a_read_without_an_answer_can_be_asked_again(
    tmp_path: Path, reply: bytes, reason: str, kind: type[errors.RetryableError]
) -> None:
    failed = failure(tmp_path, reply, read)
    assert type(failed) is kind
    assert reason in str(failed)
    assert failed.delay >= 1


@pytest.mark.parametrize(("reply", "reason", "kind"), UNSETTLED)
def test_a_write_without_an_answer_may_have_been_carried_out(
    tmp_path: Path, reply: bytes, reason: str, kind: type[errors.RetryableError]
) -> None:
    failed = failure(tmp_path, reply, write)
    assert type(failed) is errors.OutcomeUnknownError
    assert failed.exit_code == 4
    assert reason in str(failed)
    assert "look whether it was carried out before doing it again" in str(failed)


REFUSED = [
    (error(400, "InvalidParameter", "peerDbId"), errors.PermanentError, "400 InvalidParameter: peerDbId"),
    (
        error(401, "NotAuthenticated"),
        errors.ConfigError,
        "check user, fingerprint and key_file of the profile [oncall]",
    ),
    (error(403, "NotAllowed"), errors.PermanentError, "403 NotAllowed"),
    (error(404, "NotAuthorizedOrNotFound"), errors.NotFoundError, "it does not exist, or the user of the profile"),
    (error(409, "IncorrectState", "busy"), errors.RetryableError, "409 IncorrectState: busy"),
    (error(409, "QuotaExceeded"), errors.PermanentError, "409 QuotaExceeded"),
    (error(412, "NoEtagMatch"), errors.ChangedError, "412 NoEtagMatch"),
    (error(429, "TooManyRequests"), errors.RetryableError, "429 TooManyRequests"),
    (error(501, "NotImplemented", "GetX"), errors.PermanentError, "501 NotImplemented: GetX"),
]


@pytest.mark.parametrize("act", [read, write])
@pytest.mark.parametrize(("reply", "kind", "reason"), REFUSED)
def test_a_refusal_changed_nothing(
    tmp_path: Path, reply: bytes, kind: type[errors.FittrackError], reason: str, act: Callable[[Session], object]
) -> None:
    failed = failure(tmp_path, reply, act)
    assert type(failed) is kind
    assert reason in str(failed)


def test_a_token_that_was_used_up_means_that_an_earlier_request_went_through(tmp_path: Path) -> None:
    reply = error(409, "InvalidatedRetryToken")
    assert type(failure(tmp_path, reply, write)) is errors.OutcomeUnknownError
    assert type(failure(tmp_path, reply, read)) is errors.PermanentError


def test_the_service_says_when_to_come_back(tmp_path: Path) -> None:
    failed = failure(tmp_path, error(429, "TooManyRequests", retry_after="42"), read)
    assert isinstance(failed, errors.RetryableError)
    assert failed.delay == 42
    failed = failure(tmp_path, error(429, "TooManyRequests", retry_after="Fri, 31 Dec"), read)
    assert isinstance(failed, errors.RetryableError)
    assert failed.delay == 15


def test_an_error_names_its_request_and_stays_short(tmp_path: Path) -> None:
    failed = failure(tmp_path, error(400, "InvalidParameter", "long \x1b[31m" * 200, opc_request_id="ABC/DEF"), read)
    assert "(opc-request-id ABC/DEF)" in str(failed)
    assert "\x1b" not in str(failed)
    assert len(str(failed)) < 400


@pytest.mark.parametrize("act", [read, write])
def test_what_was_never_sent_changed_nothing(tmp_path: Path, act: Callable[[Session], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    refused = pytest.raises(errors.UnreachableError, match="connection refused")
    with session_at(tmp_path, f"http://127.0.0.1:{port}") as session, refused:
        act(session)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b""),
        answer(200, b"<html>login</html>", content_type="text/html"),
        answer(200, []),
        answer(200, {}),
        answer(200, {**DATABASE, "timeOfLastFailover": "yesterday"}),
        answer(200, {**DATABASE, "peerDbIds": 7}),
        answer(200, b"\xff\xfe"),
    ],
)
def test_a_malformed_answer_to_a_read_can_be_asked_again(tmp_path: Path, reply: bytes) -> None:
    failed = failure(tmp_path, reply, read)
    assert type(failed) is errors.RetryableError
    assert "the answer is malformed" in str(failed)


def test_a_write_without_its_work_request_may_have_been_carried_out(tmp_path: Path) -> None:
    assert type(failure(tmp_path, answer(200, DATABASE), write)) is errors.OutcomeUnknownError


def test_what_the_failover_sends(tmp_path: Path) -> None:
    reply = answer(200, DATABASE, opc_work_request_id="ocid1.workrequest.1")
    with scripted(reply) as server, session_at(tmp_path, server.url) as session:
        assert write(session) == "ocid1.workrequest.1"
    head = server.requests[0].split(b"\r\n\r\n")[0].decode().lower()
    assert head.startswith("post /20160918/autonomousdatabases/standby/actions/failover?")
    assert "peerdbid=primary" in head.splitlines()[0]
    assert "opc-retry-token: token" in head
    assert "authorization: signature" in head


def test_a_role_of_a_later_version_is_unknown_not_an_error(tmp_path: Path) -> None:
    reply = answer(200, {**DATABASE, "role": "OBSERVER", "failedDataRecoveryInSeconds": 3})
    with scripted(reply) as server, session_at(tmp_path, server.url) as session:
        record = DatabaseClient(session, REGION).get("x")
    assert (record.role, record.lost_seconds) == (DatabaseRole.UNKNOWN, 3.0)


def test_lag_is_the_worst_stream_of_each_minute(tmp_path: Path) -> None:
    def stream(*points: tuple[int, float]) -> dict[str, object]:
        rows = [{"timestamp": f"2026-03-01T08:{minute:02}:00.000Z", "value": value} for minute, value in points]
        return {
            "namespace": "oci_autonomous_database",
            "compartmentId": "c",
            "name": "PeerLag",
            "dimensions": {},
            "aggregatedDatapoints": rows,
        }

    reply = answer(200, [stream((2, 4.0), (1, 9.0)), stream((1, 2.0), (2, 5.0))])
    start = datetime(2026, 3, 1, 8, tzinfo=UTC)
    with scripted(reply) as server, session_at(tmp_path, server.url) as session:
        found = MonitoringClient(session, REGION).peer_lag("db", since=start, until=start.replace(hour=9))
    assert found == (Measurement(start.replace(minute=1), 9.0), Measurement(start.replace(minute=2), 5.0))


def test_an_object_that_does_not_match_its_checksum_is_no_object(tmp_path: Path) -> None:
    reply = answer(200, b"damaged", etag="e", content_md5="AAAAAAAAAAAAAAAAAAAAAA==", content_type="text/plain")
    damaged = pytest.raises(errors.RetryableError, match="does not match its MD5")
    with scripted(reply) as server, session_at(tmp_path, server.url) as session, damaged:
        ObjectStorageClient(session, REGION, "bucket").get("name")


def test_a_listing_goes_on_page_after_page(tmp_path: Path) -> None:
    def page(*names: str, **rest: str) -> bytes:
        return answer(200, {"objects": [{"name": name} for name in names], **rest})

    first, second = page("a", "b", nextStartWith="c"), page("c")
    with scripted(first, second) as server, session_at(tmp_path, server.url) as session:
        assert ObjectStorageClient(session, REGION, "bucket").names("") == ("a", "b", "c")
    assert b"start=c" in server.requests[1].split(b"\r\n")[0]


def test_a_listing_that_never_ends_is_malformed(tmp_path: Path) -> None:
    """A page token that leads to itself must not keep an operator waiting for ever."""
    from fittrack_dr.clients.session import pages

    class Page:
        data = ("item",)
        next_page = "again"

    with pytest.raises(ValueError, match="more than 1000 pages"):
        list(pages(lambda **_: Page()))


def test_a_proxy_of_the_environment_is_no_way_into_a_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with scripted(answer(200, DATABASE)) as server, session_at(tmp_path, server.url) as session:
        assert read(session)


def test_credentials_that_cannot_be_used(tmp_path: Path) -> None:
    profile = make_profile(tmp_path)
    profile.key_file.write_text(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n")
    with Session(profile) as session, pytest.raises(errors.ConfigError) as caught:
        read(session)
    assert "holds no private key that can be used" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_malformed_ocid_in_the_profile(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, user="somebody")
    with Session(profile) as session, pytest.raises(errors.ConfigError, match="user is malformed; correct it"):
        read(session)


def test_clients_are_made_once_and_closed_with_the_session(tmp_path: Path) -> None:
    from oci.object_storage import ObjectStorageClient as Sdk

    with Session(make_profile(tmp_path)) as session:
        first = session.client(Sdk, REGION)
        assert session.client(Sdk, REGION) is first
        assert session.client(Sdk, "us-ashburn-1") is not first
    assert session.client(Sdk, REGION) is not first


def test_shortened_text_is_one_printable_line() -> None:
    assert shortened("a\n b\t\x00c") == "a b c"
    assert len(shortened("x" * 1000)) == 200
    assert shortened("x" * 1000).endswith("…")


def test_servers_of_tests_count_their_requests(tmp_path: Path) -> None:
    with scripted(answer(200, DATABASE), answer(200, DATABASE)) as server, session_at(tmp_path, server.url) as session:
        read(session)
        read(session)
    assert isinstance(server, Server)
    assert len(server.requests) == 2
