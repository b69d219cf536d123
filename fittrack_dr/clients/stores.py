"""Journal and recovery state in the control bucket: exclusive creation and compare-and-swap, held by Object Storage."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

from fittrack_dr.clients.objectstorage import ObjectStorageClient
from fittrack_dr.domain import RecoveryState
from fittrack_dr.errors import ChangedError, ConfigError, NotFoundError

_RUNS = "runs/"
_STATE = "recovery-state.json"
_NUMBERED = re.compile(r"(\d{6,})\.json")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BucketJournalStore:
    """``runs/<id>/000042.json`` (a ``JournalStore``): who creates a number first has it, everybody else is told."""

    def __init__(self, bucket: ObjectStorageClient) -> None:
        self._bucket = bucket

    def create(self, run: str, number: int, data: bytes) -> bool:
        """Write one entry; False when the number is taken. Raises OutcomeUnknownError when the answer was lost."""
        with _bucket_needed(self._bucket):
            try:
                self._bucket.put(f"{_folder(run)}{number:06}.json", data, replaces=None)
            except ChangedError:
                return False
        return True

    def read(self, run: str, number: int) -> bytes | None:
        """One entry's bytes, or None when there is none."""
        with _bucket_needed(self._bucket):
            stored = self._bucket.get(f"{_folder(run)}{number:06}.json")
        return stored.data if stored else None

    def numbers(self, run: str) -> tuple[int, ...]:
        """The numbers of a run's entries, ascending; empty for an unknown run."""
        folder = _folder(run)
        with _bucket_needed(self._bucket):
            names = [name.removeprefix(folder) for name in self._bucket.names(folder)]
        return tuple(sorted(int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name))))

    def list_runs(self) -> tuple[str, ...]:
        """The ids of all runs, ascending."""
        with _bucket_needed(self._bucket):
            return tuple(sorted(self._bucket.folders(_RUNS)))


class BucketStateStore:
    """``recovery-state.json`` (a ``StateStore``), replaced only by whoever read what it replaces."""

    def __init__(self, bucket: ObjectStorageClient) -> None:
        self._bucket = bucket

    def read(self) -> tuple[RecoveryState | None, str | None]:
        """The state and its entity tag; (None, None) when there is none yet. Raises MalformedError."""
        with _bucket_needed(self._bucket):
            stored = self._bucket.get(_STATE)
        if stored is None:
            return None, None
        return RecoveryState.decode(stored.data, f"{_STATE} in bucket {self._bucket.bucket}"), stored.etag

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        """Replace the state that had ``etag`` (None: create the first); False when it has changed meanwhile.

        Raises OutcomeUnknownError when the answer was lost: reading the state again tells.
        """
        with _bucket_needed(self._bucket):
            try:
                self._bucket.put(_STATE, state.encode(), replaces=etag)
            except ChangedError:
                return False
        return True


def _folder(run: str) -> str:
    if not _RUN_ID.fullmatch(run):
        raise ConfigError(f"'{run}' is no run's id; 'fittrack-dr runs list' shows them")
    return f"{_RUNS}{run}/"


@contextmanager
def _bucket_needed(bucket: ObjectStorageClient) -> Generator[None]:
    """The control bucket is configured by hand: where it is missing, the configuration is wrong."""
    try:
        yield
    except NotFoundError as error:
        raise ConfigError(
            f"there is no control bucket {bucket.bucket} in namespace {bucket.namespace} of {bucket.region}, or you "
            "may not see it; provision it, or correct 'control' in recovery.yaml"
        ) from error
