"""What every test shares: no hub, one thread, a lab home of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# Set before any test module imports a library that reads them; children inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")

from storage.catalog.connection import open_catalog
from storage.home import LabHome, prepare_home
from tests.commands import Command

# How long an example takes says more of the machine's load than of the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog at the current schema, made once: making one starts a process."""
    home = prepare_home(LabHome(tmp_path_factory.mktemp("template") / "lab"))
    open_catalog(home).close()
    return home.catalog


@pytest.fixture
def home(tmp_path: Path, empty_catalog: Path) -> LabHome:
    """An empty lab home."""
    made = prepare_home(LabHome(tmp_path / "lab"))
    shutil.copy(empty_catalog, made.catalog)
    return made


@pytest.fixture(scope="session")
def tiny_lab(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A lab in which the recipe `tiny` has run whole, for tests that only look."""
    command = Command(prepare_home(LabHome(tmp_path_factory.mktemp("tiny") / "lab")))
    ended = command.run("run", "tiny")
    assert ended.returncode == 0, ended.stderr
    return command
