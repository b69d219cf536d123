"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.worlds import RunningWorld, WorldFactory, running_world, world_factory


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """A running world shared by the tests of one directory, at the wall's pace."""
    with running_world(tmp_path_factory.mktemp("world") / "w") as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path) -> Generator[WorldFactory]:
    """Worlds for one test alone: ``with make_world(rate=0) as world``."""
    yield from world_factory(tmp_path)
