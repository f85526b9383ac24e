"""Lab homes for the console's tests, in one time zone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.home import LabHome, prepare_home
from tests.console.seeded import seed_catalog


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times on screens are local times."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_catalog: Path) -> LabHome:
    """A lab in which nothing was done; on the screen it has a short name."""
    monkeypatch.chdir(tmp_path)
    made = prepare_home(LabHome(Path("lab")))
    shutil.copy(empty_catalog, made.catalog)
    return made


@pytest.fixture
def seeded_home(empty_home: LabHome) -> LabHome:
    """The newest experiment is in the middle of its work."""
    (empty_home.settings).write_text("cpu_slots = 2\n", encoding="utf-8")
    seed_catalog(empty_home)
    return empty_home


@pytest.fixture
def finished_home(empty_home: LabHome) -> LabHome:
    """Everything is done."""
    (empty_home.settings).write_text("cpu_slots = 2\n", encoding="utf-8")
    seed_catalog(empty_home, is_running=False)
    return empty_home
