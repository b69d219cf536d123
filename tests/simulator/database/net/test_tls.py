"""TLS: wallets on both sides, and every certificate that must not get in."""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import oracledb
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from simulator.database.net.wallet import NAMES, WALLET, Alias, ClientIdentity, write_wallet
from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny, running

pytestmark = pytest.mark.wire

SECRET = "wallet-Secret-1"


@dataclass
class Secured:
    """A TLS server, its certificate and authority, and a directory with a wallet that it accepts."""

    server: Tiny
    certificate: x509.Certificate
    authority: trustme.CA
    wallet: Path

    def connect(self, **options: object) -> oracledb.Connection:
        settings: dict[str, object] = {
            "dsn": "tiny_tp",
            "config_dir": str(self.wallet),
            "wallet_location": str(self.wallet),
            "wallet_password": SECRET,
        }
        return self.server.connect(**settings | options)


def _identity(authority: trustme.CA, trusted: trustme.CA) -> ClientIdentity:
    leaf = authority.issue_cert("oncall.client", common_name="oncall")
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    return ClientIdentity(key, certificate, (x509.load_pem_x509_certificate(trusted.cert_pem.bytes()),))  # pyright: ignore[reportArgumentType]


def _aliases(server: Tiny, certificate: x509.Certificate) -> list[Alias]:
    subject = certificate.subject.rfc4514_string()
    return [
        Alias("tiny_tp", server.host, server.port, "tiny_tp"),
        Alias("tiny_named", server.host, server.port, "tiny_tp", certificate_dn=subject),
        Alias("tiny_misnamed", server.host, server.port, "tiny_tp", certificate_dn="CN=another.example"),
        Alias("tiny_elsewhere", server.host, server.port, "nowhere"),
        Alias("tiny_localhost", "localhost", server.port, "tiny_tp"),
    ]


@contextmanager
def _secured(home: Path, **settings: str) -> Generator[Secured]:
    authority = trustme.CA()
    # A thin driver looks for the host in the common name, never among a certificate's IP addresses.
    leaf = authority.issue_cert(
        "127.0.0.1", common_name="127.0.0.1", organization_name="FitTrack", organization_unit_name="Databases"
    )
    certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    leaf.cert_chain_pems[0].write_to_path(home / "server.pem")
    leaf.private_key_pem.write_to_path(home / "server.key")
    authority.cert_pem.write_to_path(home / "ca.pem")
    files = {"certificate": home / "server.pem", "key": home / "server.key", "client_ca": home / "ca.pem"}
    with running(home / "tiny.db", **{name: str(path) for name, path in files.items()}, **settings) as server:
        write_wallet(home / "wallet", _identity(authority, authority), SECRET, _aliases(server, certificate))
        yield Secured(server, certificate, authority, home / "wallet")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with _secured(tmp_path_factory.mktemp("tls")) as secured:
        yield secured


def test_behind_a_listener_that_knows_nothing_of_tls(tmp_path: Path) -> None:
    """The server then starts TLS itself, on the connection that it was handed; and closing it ends the session."""
    with _secured(tmp_path, mounted="yes") as mounted:
        connections = [mounted.connect() for _ in range(3)]
        for connection in connections:
            cursor = connection.cursor()
            cursor.execute("select :1 as text", ["x" * 100_000])
            assert cursor.fetchone() == ("x" * 100_000,)
        connections.pop().close()
    for connection in connections:
        with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
            connection.ping()


@pytest.mark.parametrize("alias", ["tiny_tp", "tiny_named"])
def test_a_wallet_gets_in(secured: Secured, alias: str) -> None:
    with secured.connect(dsn=alias) as connection:
        cursor = connection.cursor()
        cursor.execute("select :1 as text", ["x" * 300_000])
        assert cursor.fetchone() == ("x" * 300_000,)
        connection.call_timeout = 100
        with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
            cursor.execute("begin dbms_session.sleep(60); end;")
        cursor.execute("select 1 as x")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("alias", ["tiny_misnamed", "tiny_localhost"])
def test_a_server_of_another_name_is_not_trusted(secured: Secured, alias: str) -> None:
    with pytest.raises(oracledb.OperationalError, match="DPY-6005"):
        secured.connect(dsn=alias)


def test_an_unknown_service_is_refused_over_tls_too(secured: Secured) -> None:
    with pytest.raises(oracledb.OperationalError, match="DPY-6001"):
        secured.connect(dsn="tiny_elsewhere")


def test_the_wallet_needs_its_password(secured: Secured) -> None:
    with pytest.raises(oracledb.Error):
        secured.connect(wallet_password="wrong")


def test_a_client_without_a_certificate_is_turned_away(secured: Secured) -> None:
    context = ssl.create_default_context()
    secured.authority.configure_trust(context)
    with pytest.raises(oracledb.OperationalError, match="DPY-"):
        secured.connect(wallet_location=None, wallet_password=None, ssl_context=context)


@pytest.mark.parametrize("stranger", ["client", "server"])
def test_a_wallet_of_another_authority_does_not_get_in(secured: Secured, tmp_path: Path, stranger: str) -> None:
    other = trustme.CA()
    pair = (other, secured.authority) if stranger == "client" else (secured.authority, other)
    write_wallet(tmp_path, _identity(*pair), SECRET, _aliases(secured.server, secured.certificate))
    with pytest.raises(oracledb.OperationalError, match="DPY-"):
        secured.connect(config_dir=str(tmp_path), wallet_location=str(tmp_path))


def test_plain_tcp_is_not_answered(secured: Secured) -> None:
    with pytest.raises(oracledb.OperationalError, match="DPY-"):
        secured.server.connect()
    secured.connect().close()


def test_asyncio_and_a_pool(secured: Secured) -> None:
    async def main() -> None:
        pool = oracledb.create_pool_async(
            user=USER,
            password=PASSWORD,
            dsn="tiny_tp",
            config_dir=str(secured.wallet),
            wallet_location=str(secured.wallet),
            wallet_password=SECRET,
            min=1,
            max=3,
        )
        async with pool.acquire() as connection:
            assert await connection.fetchone("select 'x' as x") == ("x",)
        await pool.close()
        # The driver does not wait for TLS to say goodbye; a loop that ended first would leave the socket open.
        while await asyncio.to_thread(secured.server.ask, "connections") != "0":
            await asyncio.sleep(0)

    asyncio.run(main())


def test_disconnecting_does_not_wait_for_an_idle_client(secured: Secured) -> None:
    with secured.connect() as connection:
        assert secured.server.ask("disconnect") == "ok"
        with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
            connection.ping()
    secured.connect().close()


def test_only_its_owner_reads_a_wallet(secured: Secured) -> None:
    assert stat.S_IMODE((secured.wallet / WALLET).stat().st_mode) == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (secured.wallet / WALLET).read_bytes()
    assert SECRET not in (secured.wallet / NAMES).read_text()
