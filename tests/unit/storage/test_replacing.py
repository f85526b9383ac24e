"""A file that is written piece by piece is there whole, or is what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import durable


def test_the_content_counts_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with durable.replacing(path) as file:
        file.write(b"new ")
        file.write(b"content")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new content"
    assert path.stat().st_mode & 0o777 == durable.FILE_MODE
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), durable.replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
