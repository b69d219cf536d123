"""Joins the wallets of several regions into the one directory that ``TNS_ADMIN`` names.

    python -m simulator.cloud.database.tnsdirectory DIRECTORY us-ashburn-1=a.zip us-phoenix-1=b.zip

Each region's wallet calls its database ``fittrack_tp``; side by side they become ``fittrack_us_ashburn_1_tp`` and
``fittrack_us_phoenix_1_tp``. The driver's own retries (a minute of them) are taken out: who recovers a region wants to
be told at once that it does not answer, and waits by their own clock. Both regions trust the same authority, so the
first wallet's certificate serves for all; its key stays encrypted under that wallet's password.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import click

from simulator.database.net.wallet import NAMES, WALLET
from simulator.kernel.certificates import write_private

_LINE = re.compile(r"(?m)^(?P<db>\w+?)_(?P<level>high|medium|low|tp|tpurgent) = (?P<descriptor>\(.*\))$")
_RETRIES = re.compile(r"\(retry_count=\d+\)\(retry_delay=\d+\)")


def join_wallets(directory: Path, wallets: Mapping[str, bytes]) -> None:
    """Write ``tnsnames.ora`` and ``ewallet.pem`` from zip archives by region.

    Raises ValueError for an archive that is no wallet.
    """
    lines: list[str] = []
    certificate = b""
    for region, archive in wallets.items():
        names, pem = _unpack(region, archive)
        certificate = certificate or pem
        for match in _LINE.finditer(names):
            descriptor = _RETRIES.sub("", match["descriptor"])
            lines.append(f"{match['db']}_{region.replace('-', '_')}_{match['level']} = {descriptor}\n")
    directory.mkdir(parents=True, exist_ok=True)
    write_private(directory / WALLET, certificate)
    (directory / NAMES).write_text("".join(lines))


def _unpack(region: str, archive: bytes) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as wallet:
            return wallet.read(NAMES).decode(), wallet.read(WALLET)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as problem:
        raise ValueError(f"the wallet of {region} is not one: {problem}") from problem


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.argument("wallets", nargs=-1, required=True, metavar="REGION=ZIP...")
def main(directory: Path, wallets: tuple[str, ...]) -> None:
    """Join the wallets of several regions into DIRECTORY."""
    archives: dict[str, bytes] = {}
    for pair in wallets:
        region, _, file = pair.partition("=")
        try:
            archives[region] = Path(file).read_bytes()
        except OSError as problem:
            raise click.BadParameter(f"{pair}: {problem.strerror}") from None
    try:
        join_wallets(directory, archives)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None


if __name__ == "__main__":
    main()
