"""Files survive torn writes, full disks and bad bytes."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from storage import durable
from storage.durable import AppendLog
from storage.errors import RecordError


def test_replacing_a_file_never_shows_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    durable.write_json(path, {"old": 1})

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "disk trouble")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk trouble"):
        durable.write_json(path, {"new": 2})
    monkeypatch.undo()
    assert durable.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    durable.write_bytes(tmp_path / "a", b"x" * 100)
    assert (tmp_path / "a").read_bytes() == b"x" * 100


def test_a_full_disk_leaves_no_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AppendLog(tmp_path / "log.jsonl")
    log.append({"n": 1})
    real = os.write
    calls = iter([lambda fd, data: real(fd, bytes(data)[:5]), None])

    def full(fd: int, data: bytes) -> int:
        write = next(calls)
        if write is None:
            raise OSError(errno.ENOSPC, "no space left")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no space left"):
        log.append({"n": 2})
    monkeypatch.undo()
    log.append({"n": 3})
    log.close()
    assert durable.read_records(tmp_path / "log.jsonl") == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("keep", range(24))
def test_a_torn_tail_is_cut_and_kept(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "log.jsonl"
    whole = b'{"n": 1}\n{"text": "two"}\n'
    path.write_bytes(whole[:keep])
    with AppendLog(path) as log:
        log.append({"n": 9})
    complete = whole[:keep].count(b"\n")
    expected = [*[{"n": 1}, {"text": "two"}][:complete], {"n": 9}]
    assert durable.read_records(path) == expected
    torn = b"".join(p.read_bytes() for p in tmp_path.glob("*.torn-*"))
    assert torn == whole[:keep].rpartition(b"\n")[2]


def test_a_torn_tail_longer_than_one_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "CHUNK_BYTES", 4)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n": 1}\n' + b"y" * 50)
    assert durable.repair_tail(path) == b"y" * 50
    assert path.read_bytes() == b'{"n": 1}\n'


def test_bad_lines_are_numbered_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n": 1}\n\x00\x00\n{"n": \xff}\nnot json\r\n{"n": 5}\n{"n": 6')
    lines = list(durable.read_lines(path))
    assert [(line.number, line.record) for line in lines if not line.problem] == [
        (1, {"n": 1}),
        (5, {"n": 5}),
    ]
    assert [line.number for line in lines if line.problem] == [2, 3, 4]


def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = durable.make_directory(tmp_path / "a" / "b")
        durable.write_json(folder / "x.json", [])
        AppendLog(folder / "y.jsonl").close()
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert modes == {"x.json": 0o600, "y.jsonl": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_publishing_a_directory_replaces_the_old_one(tmp_path: Path) -> None:
    final = durable.make_directory(tmp_path / "step-1")
    (final / "old").write_text("old")
    fresh = durable.make_directory(tmp_path / "step-1.tmp")
    (fresh / "new").write_text("new")
    durable.publish_directory(fresh, final)
    assert [p.name for p in final.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["step-1"]


def test_canonical_json_does_not_depend_on_order() -> None:
    assert durable.canonical_json({"b": 1, "a": [1.5]}) == durable.canonical_json(
        json.loads('{"a": [1.5], "b": 1}')
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        durable.canonical_json(float("nan"))


def test_damaged_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text("{")
    with pytest.raises(RecordError, match=r"spec\.json"):
        durable.read_json(path)


def test_a_file_of_the_user_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    durable.write_user_file(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    durable.write_user_file(tmp_path / "fresh.toml", b"made")
    assert stat.S_IMODE((tmp_path / "fresh.toml").stat().st_mode) == 0o644


def test_notes_are_added_to_a_log_that_only_its_owner_reads(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    durable.append_text(log, "first\n")
    durable.append_text(log, "sec\udc80ond\n")
    assert log.read_text(encoding="utf-8") == "first\nsec\\udc80ond\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
