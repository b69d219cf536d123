"""Journal and recovery state in a directory, for rehearsals on one machine and for a control bucket that is gone.

Durable before it is visible: every object is written whole under a name nobody reads, synced, and only then given its
real name, exclusively. A crash at any moment leaves the object there whole, or not there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.errors import ConfigError, PermanentError

_NUMBERED = re.compile(r"(\d{6,})\.json")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class DirectoryJournalStore:
    """``<root>/runs/<id>/000042.json``."""

    def __init__(self, root: Path) -> None:
        self._runs = root / "runs"

    def create(self, run: str, number: int, data: bytes) -> bool:
        """Write one entry durably; False when the number is taken."""
        folder = self._folder(run)
        with _storage_errors(folder):
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                _sync_directory(folder.parent)
            return _publish(folder / f"{number:06}.json", data)

    def read(self, run: str, number: int) -> bytes | None:
        path = self._folder(run) / f"{number:06}.json"
        with _storage_errors(path):
            return path.read_bytes() if path.exists() else None

    def numbers(self, run: str) -> tuple[int, ...]:
        folder = self._folder(run)
        with _storage_errors(folder):
            names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return tuple(sorted(int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name))))

    def list_runs(self) -> tuple[str, ...]:
        with _storage_errors(self._runs):
            folders = self._runs.iterdir() if self._runs.is_dir() else iter(())
            return tuple(sorted(folder.name for folder in folders if folder.is_dir()))

    def _folder(self, run: str) -> Path:
        if not _RUN_ID.fullmatch(run):
            raise ConfigError(f"'{run}' is no run's id; 'fittrack-dr runs list' shows them")
        return self._runs / run


class DirectoryStateStore:
    """``<root>/recovery-state.json``; the entity tag is the content's digest, a file lock makes the swap atomic."""

    def __init__(self, root: Path) -> None:
        self._path = root / "recovery-state.json"

    def read(self) -> tuple[RecoveryState | None, str | None]:
        with _storage_errors(self._path):
            data = self._path.read_bytes() if self._path.exists() else None
        if data is None:
            return None, None
        return RecoveryState.decode(data, str(self._path)), _etag(data)

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        with _storage_errors(self._path), self._locked():
            current = _etag(self._path.read_bytes()) if self._path.exists() else None
            if current != etag:
                return False
            temporary = _written_aside(self._path, state.encode())
            temporary.replace(self._path)
            _sync_directory(self._path.parent)
            return True

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _publish(path: Path, data: bytes) -> bool:
    """Give the data its name unless the name is taken. A hard link is exclusive where a rename would overwrite."""
    temporary = _written_aside(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_directory(path.parent)
    return True


def _written_aside(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with temporary.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _storage_errors(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise PermanentError(
            f"{path}: {error.strerror or error}; the journal needs a directory that can be written"
        ) from error
