"""Wallets: what a client needs to reach a database, as the console's download gives it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Final

from simulator.cloud.database.room import Call
from simulator.cloud.database.validation import conflict, dry_run, invalid
from simulator.cloud.service import Region, Reply, Request
from simulator.database.descriptors import LEVELS, alias
from simulator.database.net.wallet import NAMES, WALLET, tnsnames
from simulator.database.records import PROVISIONING, TERMINATED, TERMINATING, Record
from simulator.kernel.certificates import issue_client_certificate, wallet_pem

_SQLNET: Final = """WALLET_LOCATION = (SOURCE = (METHOD = file) (METHOD_DATA = (DIRECTORY = "?/network/admin")))
SSL_SERVER_DN_MATCH = yes
"""
_README: Final = """Unpack this archive into a directory of its own and point TNS_ADMIN at it.
ewallet.pem is for drivers that read PEM wallets (thin drivers); its key is encrypted under the wallet's password.
The archive has no cwallet.sso and no Java key store.
"""
_PASSWORD: Final = re.compile(r"(?=.*[A-Za-z])(?=.*[^A-Za-z]).{8,}\Z", re.DOTALL)


def generate(region: Region, request: Request) -> Reply:
    """A zip with a fresh client certificate; SINGLE (this database) or ALL (every one of the region)."""
    call = Call(region, request)
    record = call.record()
    if record.lifecycle_state in (PROVISIONING, TERMINATING, TERMINATED):
        raise conflict(f"A wallet is not possible: {record.id} is {record.lifecycle_state}")
    password = request.need("password")
    if not isinstance(password, str) or not _PASSWORD.match(password):
        raise invalid("password must have 8 characters or more with a letter and a digit or special character")
    kind = request.body.get("generateType") or "SINGLE"
    if kind not in ("SINGLE", "ALL"):
        raise invalid("generateType must be SINGLE or ALL")
    if dry_run(request):
        return Reply()
    records = [record] if kind == "SINGLE" else call.records.living()
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="Wallet_{record.db_name}.zip"',
        "etag": record.etag,
    }
    return Reply(raw=_archive(region, records, password), headers=headers)


def _archive(region: Region, records: Iterable[Record], password: str) -> bytes:
    address = region.world.regions[region.name].net
    aliases = [alias(address, record.id, record.db_name, level) for record in records for level in LEVELS]
    certificate = issue_client_certificate(region.world, f"{region.name}-client")
    content = {
        WALLET: wallet_pem(region.world, certificate, password),
        NAMES: tnsnames(aliases).encode(),
        "sqlnet.ora": _SQLNET.encode(),
        "README": _README.encode(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, region.clock.now().timetuple()[:6]), data)
    return buffer.getvalue()
