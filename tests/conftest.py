"""Fixtures that every test may use."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds import RunningWorld, WorldFactory, running_world, world_factory

if TYPE_CHECKING:
    from tests.estate import Estate


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out where there is no browser; ``pytest_terminal_summary`` says so."""
    if shutil.which("chromium") is None:
        browser = [item for item in items if item.get_closest_marker("browser")]
        items[:] = [item for item in items if item not in browser]
        config.hook.pytest_deselected(items=browser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was not run."""
    if shutil.which("chromium") is None:
        terminalreporter.write_line("browser tests not run: there is no chromium on PATH", yellow=True)


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """A running world shared by the tests of one directory, at the wall's pace."""
    with running_world(tmp_path_factory.mktemp("world") / "w") as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path) -> Generator[WorldFactory]:
    """Worlds for one test alone: ``with make_world(rate=0) as world``."""
    yield from world_factory(tmp_path)


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Generator[Estate]:
    from tests.estate import built_estate  # it loads the SDK and the driver, which few tests need

    with built_estate(tmp_path_factory.mktemp("estate") / "w") as estate:
        yield estate


@pytest.fixture
def estate(_built: Estate) -> Estate:
    """FitTrack in both regions, as it was built: each test finds it so, whatever the one before did."""
    from tests.estate import SNAPSHOT

    _built.box.simulator("snapshot", "restore", SNAPSHOT)
    return _built
