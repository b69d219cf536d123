"""One pod: a child process that is started again, ever more slowly, as often as it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.kernel.worldfile import Address
from simulator.workloads import launch

log = logging.getLogger(__name__)

# Wall seconds: a program's start does not scale with world time.
FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 10.0
_HEALTHY_AFTER = 10.0
_GRACE = 3.0

_LOG_LIMIT = 1 << 20
_NOT_STARTED = 127


@dataclass(frozen=True)
class PodSpec:
    """What to run, where it listens, and where its output goes."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    address: Address
    directory: Path

    @property
    def log_file(self) -> Path:
        """Standard output and error of the present and former processes."""
        return self.directory / f"{self.name}.log"


class Pod:
    """Runs a spec until stopped. ``now`` gives world time, for what is shown."""

    def __init__(self, spec: PodSpec, now: Callable[[], datetime]) -> None:
        self.spec = spec
        self._now = now
        self._process: asyncio.subprocess.Process | None = None
        self._started: datetime | None = None
        self._restarts = 0
        self._last_exit: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether its process runs (a stopped one does)."""
        return self._process is not None and self._process.returncode is None

    def start(self) -> None:
        """Keep it running from now on."""
        self._keeper = asyncio.create_task(self._keep(), name=f"pod {self.spec.name}")

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL; nothing of it runs when this returns."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # a stopped process has to run to end by itself
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def status(self) -> dict[str, Any]:
        """As it is shown; ``started`` is world time."""
        return {
            "name": self.spec.name,
            "address": self.spec.address.host,
            "port": self.spec.address.port,
            "state": "running" if self.running else "waiting",
            "pid": self._process.pid if self._process is not None and self.running else None,
            "started": self._started.isoformat() if self._started is not None and self.running else None,
            "restarts": self._restarts,
            "last_exit": self._last_exit,
        }

    async def _keep(self) -> None:
        backoff = FIRST_BACKOFF
        while True:
            begun = time.monotonic()
            self._last_exit = await self._run_once()
            if time.monotonic() - begun >= _HEALTHY_AFTER:
                backoff = FIRST_BACKOFF
            log.warning("pod %s ended with %d, starting it again in %.2g s", self.spec.name, self._last_exit, backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)
            self._restarts += 1

    async def _run_once(self) -> int:
        """From start to end; the exit code, a signal's number negative."""
        try:
            self._process = await self._spawn()
        except OSError as error:
            log.error("pod %s cannot be started: %s", self.spec.name, error)
            return _NOT_STARTED
        self._started = self._now()
        return await self._process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start it in the region's process group, so that whatever happens to the group happens to it."""
        program, *arguments = self.spec.command
        interpreter = [sys.executable] if program == "python" else [program]
        self._turn_log()
        with self.spec.log_file.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
                *interpreter,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.spec.env),
                cwd=self.spec.directory,
            )

    def _turn_log(self) -> None:
        file = self.spec.log_file
        if file.exists() and file.stat().st_size > _LOG_LIMIT:
            file.replace(file.with_suffix(".log.1"))
