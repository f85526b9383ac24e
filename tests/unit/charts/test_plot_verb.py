"""`synthlab plot` as a command: exit codes, sizes, the same signs on a terminal and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from storage.home import LabHome
from synthlab.analysis.charts.grid import cell_width
from synthlab.cli.plot import terminal_size
from tests.commands import Command

FIGURES = [
    [],
    ["--what", "ppl2"],
    ["--what", "ppl1", "--as", "histogram"],
    ["--what", "length"],
    ["--what", "heaps"],
    ["--what", "self-bleu-curve", "--seeds"],
    ["--what", "self-bleu-4"],
    ["--what", "loss"],
    ["--what", "eval_loss", "--symbols", "ascii"],
    ["--what", "refusal"],
    ["--what", "states"],
    ["--what", "grid/multi"],
    ["--what", "danger", "--symbols", "ascii"],
    ["--what", "preference"],
    ["--what", "bias"],
    ["--what", "flips"],
]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nothing"], 3),
        (["nothing", "--width", "5"], 2),
        (["nothing", "--height", "2"], 2),
        (["nothing", "--as", "pie"], 2),
    ],
    ids=str,
)
def test_wrong_requests_are_explained(home: LabHome, words: list[str], code: int) -> None:
    ended = Command(home).run("plot", *words)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_the_environment_goes_before_the_terminal() -> None:
    assert terminal_size({"COLUMNS": "97", "LINES": "31"}) == (97, 31)
    assert terminal_size({"COLUMNS": "0", "LINES": "x"})[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("words", FIGURES, ids=" ".join)
def test_every_figure_fits_80x24_and_states_n(tiny_lab: Command, words: list[str]) -> None:
    ended = tiny_lab.run("plot", "tiny", *words, "--width", "80", "--height", "22")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.rstrip("\n").split("\n")
    assert len(lines) <= 22
    assert max(map(cell_width, lines)) <= 80
    assert re.search(r"n=\d+", ended.stdout)


@pytest.mark.slow
def test_a_terminal_and_a_pipe_get_the_same_signs(tiny_lab: Command) -> None:
    arguments = tiny_lab.arguments("plot", "tiny")
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    piped = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=child, text=True, env=environment, check=True
    )
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=child, stderr=child, env=environment
    ) as process:
        os.close(child)
        seen = b""
        while True:
            try:
                chunk = os.read(parent, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        process.wait()
    os.close(parent)
    text = seen.decode().replace("\r\n", "\n")
    assert "\x1b[" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == piped.stdout


@pytest.mark.slow
def test_unknown_figures_name_what_there_is(tiny_lab: Command) -> None:
    ended = tiny_lab.run("plot", "tiny", "--what", "self-blue-4")
    assert ended.returncode == 3
    assert "did you mean self-bleu-4" in ended.stderr
    assert tiny_lab.run("plot", "tiny", "--what", "heaps", "--as", "bars").returncode == 2
    assert tiny_lab.run("plot", "tiny", "--what", "distinct-2", "--as", "boxes").returncode == 2


@pytest.mark.slow
def test_the_json_holds_the_chart(tiny_lab: Command) -> None:
    document = tiny_lab.json("plot", "tiny", "--what", "ppl1")
    assert document["schema"] == "synthlab.chart/1"
    assert document["kind"] == "BoxChart"
    assert {box["name"] for box in document["chart"]["boxes"]} >= {"vanilla s0", "multi s1"}
