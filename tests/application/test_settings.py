"""Settings: from the environment alone, every problem at once, secrets never shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from application.settings import SettingsError, api_settings, database_settings, worker_settings

COMPLETE = {
    "REGION": "us-phoenix-1",
    "HOST": "127.0.0.1",
    "DATABASE_DSN": "fittrack_tp",
    "DATABASE_USER": "FITTRACK",
    "DATABASE_PASSWORD": "Secret-1",
}


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        api_settings({})
    assert raised.value.problems == (
        "REGION is missing",
        "HOST is missing",
        "DATABASE_DSN is missing",
        "DATABASE_USER is missing",
        "DATABASE_PASSWORD (or DATABASE_PASSWORD_FILE) is missing",
    )


@pytest.mark.parametrize("program", ["api", "worker", "migrate upgrade head", "seed"])
def test_a_program_without_settings_says_what_it_needs_in_one_line_and_ends_with_2(program: str) -> None:
    module, *arguments = program.split()
    done = subprocess.run(
        [sys.executable, "-m", f"application.{module}", *arguments],
        env={"DATABASE_PASSWORD": "Secret-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "DATABASE_DSN is missing; DATABASE_USER is missing" in done.stderr
    assert "Secret-1" not in done.stderr


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("From-file-1\n")
    given = COMPLETE | {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": str(file)}
    assert database_settings(given).password == "From-file-1"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"DATABASE_PASSWORD_FILE": "/etc/hostname"}, "DATABASE_PASSWORD and DATABASE_PASSWORD_FILE are both set"),
        (
            {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": "/nowhere/p"},
            "DATABASE_PASSWORD_FILE cannot be read: No such file or directory (/nowhere/p)",
        ),
        (
            {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": "/dev/null"},
            "the file of DATABASE_PASSWORD_FILE is empty",
        ),
        ({"PORT": "http"}, "PORT: 'http' is not a number"),
        ({"PORT": "70000"}, "PORT: 70000 is not between 1 and 65535"),
        ({"PROBE_SECONDS": "nan"}, "PROBE_SECONDS: nan is not between 0.05 and 60"),
        ({"TNS_ADMIN": "/nowhere"}, "TNS_ADMIN: /nowhere is not a directory"),
    ],
)
def test_each_wrong_value_is_named(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as raised:
        api_settings(COMPLETE | changes)
    assert any(problem in found for found in raised.value.problems)
    assert len(raised.value.problems) == 1


def test_secrets_stay_out_of_the_representation() -> None:
    worker = worker_settings(
        COMPLETE
        | {
            "HEARTBEAT_URLS": "https://objects.example/p/token-1/o/a https://objects.example/p/token-2/o/a",
            "REDIS_URL": "redis://:Secret-2@cache:6379/0",
            "DATABASE_WALLET_PASSWORD": "Secret-3",
        }
    )
    assert len(worker.heartbeat_urls) == 2
    for secret in ("Secret-", "token-"):
        assert secret not in repr(worker)


def test_a_heartbeat_url_of_another_kind_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        worker_settings(COMPLETE | {"HEARTBEAT_URLS": "file:///token"})
    assert raised.value.problems == ("HEARTBEAT_URLS: each must begin with http:// or https://",)
