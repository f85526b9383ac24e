"""Logs by offset: forwards, backwards and found, however long, torn or hostile they are."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from storage.log_pages import (
    CHUNK_BYTES,
    FIND_BYTES,
    LINE_BYTES,
    find_line,
    last_page,
    page_before,
    page_from,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def texts(page: object) -> list[str]:
    return [line.text for line in page.lines]  # type: ignore[attr-defined]


def test_progress_bars_are_left_as_a_terminal_leaves_them(log: Path) -> None:
    log.write_bytes(b"one\r\ntwo\n\r 10%\r 20%\r\n\nlast")
    assert texts(page_from(log, 0, 99)) == ["one", "two", " 20%", "", "last"]
    assert page_from(log, 0, 99).at_end
    assert texts(last_page(log, 3)) == [" 20%", "", "last"]
    log.write_bytes(b"one\n\r 10%\r 20%\r 30%")
    assert texts(last_page(log, 9)) == ["one", " 30%"]
    log.write_bytes(b"one\n 10%\r 20%\r")
    assert texts(last_page(log, 9)) == ["one", " 20%"]


def test_what_was_written_over_can_be_found(log: Path) -> None:
    log.write_bytes(b"one\n 10%\r 20% slow\r 30%\ntwo\n")
    found = find_line(log, "slow", 0)
    assert found is not None
    assert texts(page_from(log, found.start, 9)) == [" 20% slow", " 30%", "two"]
    assert texts(page_before(log, found.start, 9)) == ["one"]


def test_a_progress_bar_of_megabytes_is_shown_now_and_then(log: Path) -> None:
    step = b"x" * 99 + b"\r"
    log.write_bytes(b"one\n" + step * (FIND_BYTES // 40) + b"\ntwo\n")
    forth = texts(page_from(log, 0, 99))
    assert forth[0] == "one"
    assert forth[-1] == "two"
    assert 3 <= len(forth) < 9
    assert 3 <= len(last_page(log, 99).lines) < 9


@pytest.mark.parametrize("seed", range(6))
def test_walking_back_gives_the_lines_of_walking_forth(log: Path, seed: int) -> None:
    rng = random.Random(seed)
    breaks = (b"\n", b"\r\n", b"\r")
    lengths = (0, 3, 80, 900, 3000)
    log.write_bytes(
        b"".join(b"x" * rng.choice(lengths) + rng.choice(breaks) for _ in range(400)) + b"tail"
    )
    forth = page_from(log, 0, 10_000).lines
    assert forth[-1].end == log.stat().st_size > CHUNK_BYTES
    back = last_page(log, 7).lines
    while more := page_before(log, back[0].start, 7).lines:
        assert more[-1].end <= back[0].start
        back = more + back
    # The first line of the file was asked for by its place, whatever is written over it.
    assert back[-1:] == forth[-1:]
    assert back == forth[len(forth) - len(back) :]
    assert len(forth) - len(back) <= 1


def test_a_line_of_megabytes_comes_in_pieces(log: Path) -> None:
    log.write_bytes(b"a\n" + b"y" * (3 << 20) + b"\nz\n")
    page = page_from(log, 2, 3)
    assert [len(line.text) for line in page.lines] == [LINE_BYTES] * 3
    assert texts(last_page(log, 1)) == ["z"]
    before = page_before(log, last_page(log, 1).lines[0].start, 2)
    assert all(set(line.text) == {"y"} for line in before.lines)


def test_a_file_of_gigabytes_is_read_at_its_end_only(log: Path) -> None:
    with log.open("wb") as file:
        file.seek(5 << 30)  # sparse: nothing is written before
        file.write(b"\nfirst\nlast\n")
    assert texts(last_page(log, 2)) == ["first", "last"]


def test_bytes_that_are_no_text_are_replaced(log: Path) -> None:
    log.write_bytes(b"\xff\xfe\x00\x1b[2J\nnext\n")
    assert texts(page_from(log, 0, 2)) == ["\ufffd\ufffd\x00\x1b[2J", "next"]


def test_find_goes_both_ways_and_does_not_mind_case(log: Path) -> None:
    log.write_bytes(b"Loss 1\nok\nloss 2\n" + b"w" * (5 << 20) + b"\nLOSS 3\n")
    found = find_line(log, "loss", 1)
    assert found is not None
    assert found.text == "loss 2"
    after = find_line(log, "loss", found.end)
    assert after is not None
    assert after.text == "LOSS 3"
    back = find_line(log, "loss", after.start, backwards=True)
    assert back == found
    assert find_line(log, "loss", after.end) is None
    assert find_line(log, "nowhere", 0) is None


def test_a_missing_log_and_a_pipe_in_its_place_are_empty(log: Path) -> None:
    assert last_page(log, 5).lines == ()
    os.mkfifo(log)
    assert last_page(log, 5).lines == ()
