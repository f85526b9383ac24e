"""What every test shares: no hub, one thread, a lab home of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Set before any test module imports a library that reads them; children inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")

from storage.home import LabHome, prepare_home


@pytest.fixture
def home(tmp_path: Path) -> LabHome:
    """An empty lab home."""
    return prepare_home(LabHome(tmp_path / "lab"))
