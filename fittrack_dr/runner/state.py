"""Who holds the recovery: at most one open run at a time, by compare-and-swap of the recovery state.

The claim is taken after the run's first entry and let go after its last, so a crash leaves either an unclaimed run
(resuming claims it) or a claim by a closed run (which counts as none): never a recovery that nobody can end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fittrack_dr.domain.protocols import StateStore
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.errors import OutcomeUnknownError, RefusedError, RetryableError

SWAP_TRIES = 5


class Claims:
    """The recovery state seen as a lock. ``is_open`` tells whether a run may still be worked on."""

    def __init__(self, store: StateStore, initial: RecoveryState, is_open: Callable[[str], bool]) -> None:
        self._store = store
        self._initial = initial
        self._is_open = is_open

    def check(self, run: str | None = None) -> None:
        """Raises RefusedError, naming the holder, when a run other than ``run`` holds the recovery."""
        state, _ = self._store.read()
        if state is not None:
            self._refuse_other(state, run)

    def take(self, run: str) -> None:
        """Make ``run`` the holder. Raises RefusedError when another open run is it."""

        def claimed(state: RecoveryState) -> RecoveryState | None:
            self._refuse_other(state, run)
            return None if state.run == run else replace(state, run=run)

        self._swap(claimed)

    def release(self, run: str) -> None:
        """Let go; nothing happens when ``run`` is not the holder."""
        self._swap(lambda state: replace(state, run=None) if state.run == run else None)

    def _swap(self, change: Callable[[RecoveryState], RecoveryState | None]) -> None:
        for _ in range(SWAP_TRIES):
            state, etag = self._store.read()
            changed = change(state or self._initial)
            if changed is None:
                return
            try:
                swapped = self._store.compare_and_swap(changed, etag)
            except OutcomeUnknownError:  # the next read shows whether it was swapped
                continue
            if swapped:
                return
        raise RetryableError(f"the recovery state changed {SWAP_TRIES} times while it was claimed", delay=1.0)

    def _refuse_other(self, state: RecoveryState, run: str | None) -> None:
        if state.run is not None and state.run != run and self._is_open(state.run):
            raise RefusedError(
                f"run {state.run} holds the recovery; nothing was changed; resume it (fittrack-dr runs resume "
                f"{state.run} --apply) or abort it (fittrack-dr runs abort {state.run})"
            )
