"""opc-retry-token: the same POST with the same token is done once; for 24 hours its answer is given again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from simulator.cloud.service import Operation, Region, Reply, Request, ServiceError

LIFETIME = timedelta(hours=24)
_KIND = "retry_token"


class RetryTokens:
    """The tokens that one region has seen, by caller."""

    def __init__(self, region: Region) -> None:
        self._region = region

    def find(self, operation: Operation, request: Request) -> Reply | None:
        """The answer already given, or None. Raises 409 when the token came with another request."""
        key = _key(request)
        row = self._region.store.get(_KIND, key) if key else None
        if row is None or self._region.clock.now() - datetime.fromisoformat(row["time"]) > LIFETIME:
            return None
        if row["operation"] != operation.name or row["digest"] != _digest(request):
            raise ServiceError(
                409, "InvalidatedRetryToken", "The opc-retry-token was used for a request with other parameters"
            )
        return Reply(row["body"], row["status"], dict(row["headers"]))

    def keep(self, operation: Operation, request: Request, reply: Reply) -> None:
        """Remember an answer that was given; errors are not kept, for nothing was done."""
        key = _key(request)
        if key is None or reply.raw is not None:
            return
        self._region.store.put(
            _KIND,
            key,
            {
                "operation": operation.name,
                "digest": _digest(request),
                "time": self._region.clock.now().isoformat(),
                "status": reply.status,
                "headers": reply.headers,
                "body": reply.body,
            },
        )


def _key(request: Request) -> str | None:
    token = request.headers.get("opc-retry-token")
    return f"{request.principal.user_id}/{token}" if token and request.method == "POST" else None


def _digest(request: Request) -> str:
    return hashlib.sha256(repr(sorted(request.path.items())).encode() + request.raw).hexdigest()
