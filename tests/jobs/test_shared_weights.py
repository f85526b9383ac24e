"""Sources on one base hold its weights in memory once: each job maps the same pages of the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthlab.engines.loading import load_model
from synthlab.experiment.models import builtin_model


def mapped_at(file: Path) -> list[range]:
    """Addresses of this process at which the file's pages lie."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(file)):
            first, last = line.split()[0].split("-")
            found.append(range(int(first, 16), int(last, 16)))
    return found


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_weights_in_their_own_format_are_the_files_pages(dtype: str) -> None:
    folder = builtin_model("tiny-verse").resolve()  # its file is in bfloat16
    weights = list(load_model(folder, dtype).model.parameters())
    pages = mapped_at(folder / "model.safetensors")
    shared = [any(one.data_ptr() in page for page in pages) for one in weights]
    assert shared == [dtype == "bfloat16"] * len(weights)
