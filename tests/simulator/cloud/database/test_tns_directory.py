"""Wallets of several regions joined into one TNS_ADMIN."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cloud.database.tnsdirectory import join_wallets, main

LINE = "fittrack_tp = (description=(retry_count=20)(retry_delay=3)(address=(host={host})))\n"


def wallet(host: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tnsnames.ora", LINE.format(host=host))
        archive.writestr("ewallet.pem", f"key of {host}")
    return buffer.getvalue()


def test_aliases_carry_their_region_and_do_not_retry(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(wallet(name))
    target = tmp_path / "tns"
    done = CliRunner().invoke(main, [str(target), f"us-ashburn-1={tmp_path / 'a'}", f"us-phoenix-1={tmp_path / 'b'}"])
    assert done.exit_code == 0, done.output
    assert (target / "tnsnames.ora").read_text().splitlines() == [
        "fittrack_us_ashburn_1_tp = (description=(address=(host=a)))",
        "fittrack_us_phoenix_1_tp = (description=(address=(host=b)))",
    ]
    assert (target / "ewallet.pem").read_text() == "key of a"
    assert (target / "ewallet.pem").stat().st_mode & 0o077 == 0


def test_what_is_no_wallet_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="us-ashburn-1"):
        join_wallets(tmp_path, {"us-ashburn-1": b"no zip"})
    done = CliRunner().invoke(main, [str(tmp_path / "tns"), "us-ashburn-1=/nowhere/wallet.zip"])
    assert done.exit_code == 2
    assert "No such file" in done.output
