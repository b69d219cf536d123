"""The profile: what a good one says, and each way in which one is refused, in one line that names the key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fittrack_dr.clients.profile import Address, is_loopback, load_profile
from fittrack_dr.errors import ConfigError, ExitCode
from tests.fittrack_dr.clients.profiles import real_rows, rows, write_profile


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_profile(environment)
    assert caught.value.exit_code is ExitCode.USAGE
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("profile ")
    assert environment["OCI_CONFIG_FILE"] in message
    return message


def test_a_rehearsal(tmp_path: Path) -> None:
    profile = load_profile(write_profile(tmp_path, rows(tmp_path)))
    assert profile.rehearsal
    assert profile.endpoint("us-ashburn-1") == "http://127.1.2.32:8080"
    assert profile.resolvers == (Address("127.1.2.2", 5353), Address("127.1.2.3", 5353))
    assert profile.authoritative == Address("127.1.2.1", 5353)
    assert profile.application_port == 8443
    assert profile.clock == tmp_path / "clock.json"
    assert profile.tns_alias("us-phoenix-1") == "fittrack_us_phoenix_1_tp"
    assert str(profile) == f"[oncall] of {tmp_path / 'config'}"


def test_the_real_thing(tmp_path: Path) -> None:
    profile = load_profile(write_profile(tmp_path, real_rows(tmp_path)))
    assert not profile.rehearsal
    assert profile.endpoint("us-ashburn-1") is None
    assert profile.resolvers == (Address("192.0.2.1", 53), Address("192.0.2.2", 5353))
    assert profile.clock is None


def test_keys_are_inherited_and_tns_admin_may_come_from_the_environment(tmp_path: Path) -> None:
    keys = rows(tmp_path)
    own = {key: keys.pop(key) for key in ("user", "fingerprint", "key_file")}
    del keys["fittrack_tns_admin"]
    common = "".join(f"{key} = {value}\n" for key, value in keys.items())
    path = tmp_path / "config"
    path.write_text(f"[DEFAULT]\n{common}[dba]\n" + "".join(f"{key} = {value}\n" for key, value in own.items()))
    environment = {"OCI_CONFIG_FILE": str(path), "OCI_CLI_PROFILE": "dba"}
    assert "fittrack_tns_admin is missing" in refusal(environment)
    profile = load_profile(environment | {"TNS_ADMIN": str(tmp_path / "wallets")})
    assert profile.tns_admin == tmp_path / "wallets"
    assert profile.user == "ocid1.user.oc1..aaaa"


def test_the_default_section_and_the_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / ".oci"
    home.mkdir()
    text = "".join(f"{key} = {value}\n" for key, value in rows(tmp_path).items())
    (home / "config").write_text(f"[DEFAULT]\n{text}")
    monkeypatch.setenv("HOME", str(tmp_path))
    profile = load_profile({})
    assert (profile.path, profile.section) == (home / "config", "DEFAULT")


def test_a_passphrase_is_not_shown(tmp_path: Path) -> None:
    profile = load_profile(write_profile(tmp_path, rows(tmp_path) | {"pass_phrase": "hush-hush"}))
    assert profile.passphrase == "hush-hush"
    assert "hush-hush" not in repr(profile)


REFUSED = [
    ({"fittrack_endpoint.us-phoenix-1": "https://api.example:443"}, "never mix the two"),
    ({"fittrack_resolvers": "127.1.2.2:5353, 192.0.2.1"}, "fittrack_resolvers is 192.0.2.1, a real one; never mix"),
    ({"fittrack_authoritative": "192.0.2.1:53"}, "fittrack_authoritative is 192.0.2.1, a real one; never mix"),
    ({"fittrack_neutral_target": "https://neutral.example/"}, "fittrack_neutral_target is neutral.example, a real one"),
    ({"fittrack_neutral_target": "ftp://127.0.0.1/"}, "fittrack_neutral_target is 'ftp://127.0.0.1/', which is no URL"),
    ({"fittrack_endpoint.us-phoenix-1": "127.1.2.64:8080"}, "is '127.1.2.64:8080', which is no URL"),
    ({"fittrack_endpoint.us-phoenix-1": "http://127.1.2.64:99999"}, "which is no URL"),
    ({"fittrack_endpoint.us-phoenix-1": "http://127.1.2.64:8080/20160918"}, "which is no URL as is needed"),
    ({"fittrack_endpoint.us-phoenix-1": "http://api.example:8080"}, "which is not encrypted; use https"),
    ({"fittrack_endpoint.us-phoenix-1": "http://me:secret@127.1.2.64:80"}, "which is no URL as is needed"),
    ({"fittrack_endpoint.us-phoenix-1": ""}, "fittrack_endpoint.us-phoenix-1 is missing; add it"),
    (
        {"fittrack_endpont.us-phoenix-1": "http://127.1.2.64:8080"},
        "fittrack_endpont.us-phoenix-1 is no key of a profile",
    ),
    ({"fittrack_endpoint.": "http://127.1.2.64:8080"}, "fittrack_endpoint. is no key of a profile"),
    ({"fittrack_clok": "x"}, "fittrack_clok is no key of a profile; correct or remove it"),
    ({"fittrack_application_port": "https"}, "fittrack_application_port has 'https', which is no port"),
    ({"fittrack_application_port": "65536"}, "which is no port; give a number up to 65535"),
    ({"fittrack_resolvers": "resolver.example"}, "fittrack_resolvers has 'resolver.example', which is no address"),
    ({"fittrack_resolvers": "127.1.2.2:dns"}, "fittrack_resolvers has 'dns', which is no port"),
    (
        {"key_file": "/nonexistent/key.pem"},
        "key_file is /nonexistent/key.pem, where there is no file; correct the path",
    ),
    (
        {"fittrack_db_password_file": "/nonexistent"},
        "fittrack_db_password_file is /nonexistent, where there is no file",
    ),
    ({"fittrack_clock": "/nonexistent"}, "fittrack_clock is /nonexistent, where there is no file; correct the path"),
    ({"user": ""}, "user is missing; add it to the section or to [DEFAULT]"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_a_refused_profile(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    assert reason in refusal(write_profile(tmp_path, rows(tmp_path) | change))


@pytest.mark.parametrize(
    "key",
    ["tenancy", "user", "fingerprint", "key_file", "region"]
    + [f"fittrack_{name}" for name in ("resolvers", "neutral_target", "application_port", "db_user")]
    + [f"fittrack_{name}" for name in ("db_password_file", "compartment", "namespace", "tns_admin")],
)
def test_a_missing_key(tmp_path: Path, key: str) -> None:
    keys = rows(tmp_path)
    del keys[key]
    assert f"{key} is missing; add it to the section or to [DEFAULT]" in refusal(write_profile(tmp_path, keys))


def test_a_rehearsal_without_an_endpoint_of_a_region_would_reach_the_real_one(tmp_path: Path) -> None:
    keys = rows(tmp_path)
    del keys["fittrack_endpoint.us-ashburn-1"]
    assert "a rehearsal must not reach the real us-ashburn-1" in refusal(write_profile(tmp_path, keys))
    profile = load_profile(write_profile(tmp_path, rows(tmp_path)))
    with pytest.raises(ConfigError, match="must not reach the real eu-paris-1"):
        profile.endpoint("eu-paris-1")
    with pytest.raises(ConfigError, match=r"fittrack_tns_alias\.eu-paris-1 is missing"):
        profile.tns_alias("eu-paris-1")


@pytest.mark.parametrize("clock", ['{"rate": 15}', '{"rate": 1}'])
def test_real_endpoints_have_the_walls_time(tmp_path: Path, clock: str) -> None:
    """Whatever its pace now: whoever holds the file can change it while a recovery runs."""
    keys = real_rows(tmp_path)
    (tmp_path / "clock.json").write_text(clock)
    message = refusal(write_profile(tmp_path, keys | {"fittrack_clock": str(tmp_path / "clock.json")}))
    assert "fittrack_clock is" in message
    assert "the endpoints are real, and so is their time; remove it" in message


def test_a_real_profile_admits_no_loopback_and_a_rehearsal_nothing_else(tmp_path: Path) -> None:
    real = load_profile(write_profile(tmp_path, real_rows(tmp_path)))
    real.admit("adb.us-phoenix-1.oraclecloud.com", "the database")
    with pytest.raises(ConfigError, match=r"has real endpoints, but the database is 127\.0\.0\.1, a loopback one"):
        real.admit("127.0.0.1", "the database")
    rehearsal = load_profile(write_profile(tmp_path, rows(tmp_path)))
    rehearsal.admit("127.9.9.9", "the database")
    with pytest.raises(ConfigError, match="never mix the two"):
        rehearsal.admit("adb.us-phoenix-1.oraclecloud.com", "the database")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(
            (host, True)
            for host in ("127.0.0.1", "127.200.3.4", "::1", "[::1]", "localhost", "LOCALHOST.", "a.localhost")
        ),
        *((host, False) for host in ("192.0.2.1", "127.0.0.1.example", "localhost.example", "")),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_addresses_of_version_6(tmp_path: Path) -> None:
    keys = rows(tmp_path) | {"fittrack_resolvers": "[::1]:5353, [::1]"}
    profile = load_profile(write_profile(tmp_path, keys))
    assert profile.resolvers == (Address("::1", 5353), Address("::1", 53))
    assert str(profile.resolvers[0]) == "[::1]:5353"


def test_a_section_that_is_not_there(tmp_path: Path) -> None:
    environment = write_profile(tmp_path, rows(tmp_path))
    message = refusal(environment | {"OCI_CLI_PROFILE": "boss"})
    assert "has no section [boss]; set OCI_CLI_PROFILE to one it has: oncall" in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user = me\n", "File contains no section headers"),
        ("[oncall]\nuser = a\nuser = b\n", "option 'user' in section 'oncall' already exists"),
        ("[oncall]\n[oncall]\n", "section 'oncall' already exists"),
        ("[oncall]\nwhat is this\n", "Source contains parsing errors"),
        (b"\xff\xfe", "cannot be read (not UTF-8)"),
    ],
)
def test_a_file_that_is_no_profile(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert reason in refusal({"OCI_CONFIG_FILE": str(path), "OCI_CLI_PROFILE": "oncall"})


def test_a_file_that_is_not_there_or_a_directory(tmp_path: Path) -> None:
    assert "there is no such file; set OCI_CONFIG_FILE" in refusal({"OCI_CONFIG_FILE": str(tmp_path / "none")})
    assert "cannot be read (Is a directory)" in refusal({"OCI_CONFIG_FILE": str(tmp_path)})


def test_a_key_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser of a test box may read everything
    assert "which you may not read; change its owner or mode" in refusal(write_profile(tmp_path, rows(tmp_path)))
