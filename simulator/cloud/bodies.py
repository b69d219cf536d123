"""Request bodies: small ones in memory, uploads streamed to disk so that a region's memory stays small."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from simulator.cloud.service import ServiceError, Upload
from simulator.kernel.web import Receive, read_body

BODY_LIMIT = 8 << 20
_number = itertools.count(1)


async def receive_body(receive: Receive) -> bytes:
    """The whole body in memory. Raises 413 when it is larger than ``BODY_LIMIT``."""
    try:
        return await read_body(receive, BODY_LIMIT)
    except ValueError as problem:
        raise ServiceError(413, "RequestEntityTooLarge", str(problem)) from None


@asynccontextmanager
async def receive_upload(receive: Receive, directory: Path) -> AsyncGenerator[Upload]:
    """The body as a file of its own, with its digests; removed at the end unless it was renamed away."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{next(_number)}.part"
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    size = 0
    try:
        with path.open("wb") as file:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError("the client went away in the midst of its upload")
                chunk: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                file.write(chunk)
                md5.update(chunk)
                sha256.update(chunk)
                size += len(chunk)
        yield Upload(path, size, md5.digest(), sha256.digest())
    finally:
        path.unlink(missing_ok=True)
