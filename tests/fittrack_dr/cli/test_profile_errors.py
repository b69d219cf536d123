"""A profile that cannot be used ends a command before it has asked anybody anything: one line, exit code 2."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fittrack_dr.cli.test_root import PROGRAM, REPOSITORY
from tests.fittrack_dr.clients.profiles import real_rows, rows, write_profile


def status(environment: dict[str, str]) -> str:
    ended = subprocess.run(
        [PROGRAM, "status"],
        cwd=REPOSITORY,
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("fittrack-dr: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fittrack_endpoint.us-ashburn-1": "https://database.us-ashburn-1.oraclecloud.com"}, "never mix the two"),
        ({"key_file": "/nonexistent/key.pem"}, "key_file is /nonexistent/key.pem, where there is no file"),
        ({"user": ""}, "user is missing"),
    ],
)
def test_a_rehearsal_that_cannot_be_used(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    assert reason in status(write_profile(tmp_path, rows(tmp_path) | change))


def test_a_fast_clock_with_real_endpoints(tmp_path: Path) -> None:
    keys = real_rows(tmp_path)
    (tmp_path / "clock.json").write_text('{"wall": 0, "world": "2026-03-01T08:00:00+00:00", "rate": 15}')
    environment = write_profile(tmp_path, keys | {"fittrack_clock": str(tmp_path / "clock.json")})
    assert "the endpoints are real, and so is their time" in status(environment)


def test_no_profile_at_all(tmp_path: Path) -> None:
    assert "there is no such file; set OCI_CONFIG_FILE" in status({"OCI_CONFIG_FILE": str(tmp_path / "none")})


def test_a_key_that_is_none(tmp_path: Path) -> None:
    keys = rows(tmp_path)  # its key file holds no key
    (tmp_path / "clock.json").write_text('{"wall": 0, "world": "2026-03-01T08:00:00+00:00", "rate": 1}')
    assert "holds no private key that can be used" in status(write_profile(tmp_path, keys))
