"""One seeded database per test module, and the application's API beside it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.application.oracle import SMALL, Oracle, running_oracle
from tests.application.processes import Api


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a stopped database with its schema and a couple of thousand rows, made once."""
    with running_oracle(tmp_path_factory.mktemp("seeded")) as oracle:
        oracle.run("migrate", "upgrade", "head")
        oracle.run("seed", *SMALL)
    return oracle.database


@pytest.fixture(scope="module")
def oracle(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Oracle]:
    """A running copy of it; a test that takes it away brings it back."""
    with running_oracle(tmp_path_factory.mktemp("oracle"), copy_of=seeded) as running:
        yield running


@pytest.fixture(scope="module")
def api(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """A ready API beside it."""
    log: Path = tmp_path_factory.mktemp("api") / "log"
    with Api(oracle.environment(), log) as running:
        running.await_ready()
        yield running
