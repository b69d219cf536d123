"""What SQL functions know of the call they run in: one context per connection, set before each statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import apsw


@dataclass
class CallContext:
    """The running statement's world.

    ``now`` is world time, fixed for a statement. ``userenv`` gives what SYS_CONTEXT shows. ``hooks`` are the engine's
    answers that need more than the connection (sequences, SCN arithmetic). ``interrupted`` is polled by SQLite.
    ``brief`` breaks the statement at the first poll: who runs it on the event loop may not stay long.
    """

    now: datetime = field(default_factory=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    connection: apsw.Connection | None = None
    user: str = ""
    schema: str = ""
    transaction_id: str = ""
    userenv: Callable[[], Mapping[str, str]] | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    hooks: Mapping[str, Callable[..., object]] = field(default_factory=dict[str, Callable[..., object]])
    brief: bool = False
    interrupted: Callable[[], bool] | None = None

    def check_interrupt(self) -> bool:
        """SQLite's progress handler: True breaks the statement."""
        return self.brief or (self.interrupted is not None and self.interrupted())
