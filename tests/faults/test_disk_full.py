"""A full file system interrupts runs, says so, loses nothing, and the same command continues."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.home import LabHome, prepare_home
from storage.rundir import RunDir, RunId, RunSpec
from tests.commands import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a file system of its own is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def resize(place: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)


def test_too_little_space_is_said_before_anything_starts(small_disk: Path) -> None:
    command = Command(prepare_home(LabHome(small_disk / "lab")))
    ended = command.run("run", "tiny")
    assert ended.returncode == 1
    assert "disk" in ended.stderr
    assert "Traceback" not in ended.stderr
    reasons = {row["reason"] for row in command.json("runs", "--filter", "NOT kind:none")["rows"]}
    assert reasons == {"disk_full", "input_failed"}
    resize(small_disk, "700m")
    ended = command.run("run", "tiny")
    assert ended.returncode == 0, ended.stderr
    assert command.run("verify").returncode == 0


def test_a_disk_that_fills_in_mid_run_interrupts_it(small_disk: Path) -> None:
    directory = RunDir(small_disk / "runs" / "rn000001")
    columns = dict.fromkeys(("id", "prompt", "response", "category", "system"))
    params = {
        "dataset": {"origin": "builtin", "name": "python-docs", "digest": "x"},
        "columns": columns,
        "rows": None,
        "order_seed": 0,
        "holdouts": [],
        "set": "train",
    }
    spec = RunSpec(RunId("rn000001"), "import", "k", "import/train", params, (), {}, False, 1.0)
    directory.create(spec)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 40_000)
    runner = ["-P", "-m", "synthlab.execution.runner", str(directory.root)]
    subprocess.run([sys.executable, *runner], check=False, capture_output=True)
    ended = directory.read_exit()
    assert ended is not None
    assert (ended.state, ended.reason) == ("interrupted", "disk_full")
    assert directory.read_manifest() is None
    filler.unlink()
    directory.archive_attempt()
    subprocess.run([sys.executable, *runner], check=True, capture_output=True)
    ended = directory.read_exit()
    assert ended is not None
    assert ended.state == "succeeded"
