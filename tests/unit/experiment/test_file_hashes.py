"""Remembered hashes: fast for what is untouched, never stale for what is not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from storage import durable
from synthlab.experiment.file_hashes import CACHE_NAME, FileHashes

HOUR_NS = 3_600_000_000_000


def later() -> int:
    return 2**62


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really read."""
    found: list[Path] = []
    real = durable.sha256_file

    def spy(path: Path) -> str:
        found.append(path)
        return real(path)

    monkeypatch.setattr(durable, "sha256_file", spy)
    return found


def test_a_file_is_read_once_even_in_a_later_process(tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"abc")
    first = FileHashes(tmp_path / "cache", later)
    assert first.sha256(path) == first.sha256(path) == hashlib.sha256(b"abc").hexdigest()
    first.save()
    assert FileHashes(tmp_path / "cache", later).sha256(path) == first.sha256(path)
    assert reads == [path]


def test_a_changed_file_of_equal_size_and_time_is_read_again(
    tmp_path: Path, reads: list[Path]
) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"abc")
    hashes = FileHashes(None, later)
    hashes.sha256(path)
    before = path.stat()
    path.unlink()
    path.write_bytes(b"xyz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert hashes.sha256(path) == hashlib.sha256(b"xyz").hexdigest()
    assert len(reads) == 2


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"abc")
    hashes = FileHashes(None, lambda: path.stat().st_mtime_ns)
    hashes.sha256(path)
    hashes.sha256(path)
    assert len(reads) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"1:2:3:4:5": 7}', b"\xff"])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CACHE_NAME).write_bytes(content)
    path = tmp_path / "w"
    path.write_bytes(b"abc")
    assert FileHashes(tmp_path, later).sha256(path) == hashlib.sha256(b"abc").hexdigest()
