"""The console on a real pseudo-terminal: silence while idle, colours, hang-up, hostile text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome, prepare_home
from tests.commands import Command
from tests.console.seeded import EXPERIMENT
from tests.console.terminal import Terminal
from tests.faults.test_kills import running_process, wait_until

HOSTILE = (
    "\x1b]0;owned\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil\x1b\\link", "\x1b[2J", "\x1bc",
    "\x1b[6n", "\x1bP+q\x1b\\", "\x9b31m", "\x9d0;owned\x9c", "\u202eevil", "a\u200db", "\u2066x",
    "[/]", "[b]", "[@click=app.quit]x[/]", "[link=http://evil]x", "[0]", "[/a/b]", "\r\n\x07\x08",
)  # fmt: skip
FORBIDDEN = (b"owned\x07", b"\x1b]52;c;ZXZpbA", b"\x1b]8;;http", b"\x1b[2Jx", b"\x1bP+q")
OWN_SEQUENCES = re.compile(rb"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[=>()][A-Z0-9]?|\x1b\]22;[a-z]+\x07")
"""What the framework itself writes: styles, cursor, modes, the shape of the pointer."""
SIZES = ((80, 24), (120, 40))


def test_an_idle_console_writes_nothing(finished_home: LabHome) -> None:
    with Terminal(finished_home) as terminal:
        terminal.settle()
        assert terminal.read(3.0) == b""


def test_an_idle_console_with_queued_work_writes_nothing_either(seeded_home: LabHome) -> None:
    with Terminal(seeded_home, "--readonly") as terminal:
        terminal.settle()
        assert terminal.read(3.0) == b""


@pytest.mark.parametrize(
    ("environment", "has", "has_not"),
    [
        ({"COLORTERM": "truecolor"}, b"38;2;", b"38;5;"),
        ({"TERM": "xterm-256color"}, b"38;5;", b"38;2;"),
        ({"TERM": "screen-256color"}, b"38;5;", b"38;2;"),
        ({"TERM": "screen"}, b"\x1b[", b"38;5;"),
        ({"NO_COLOR": "1"}, b"\x1b[", b"8;5;"),
    ],
)
def test_colours_follow_the_terminal(
    finished_home: LabHome, environment: dict[str, str], has: bytes, has_not: bytes
) -> None:
    with Terminal(finished_home, environment=environment) as terminal:
        written = terminal.settle()
    assert has in written
    assert has_not not in written


def test_q_leaves_and_gives_the_terminal_back(finished_home: LabHome) -> None:
    with Terminal(finished_home) as terminal:
        terminal.settle()
        terminal.press("q")
        rest = terminal.read(5.0)
        assert terminal.exit_code(5.0) == 0
        assert b"\x1b[?1049l" in rest
        assert b"\x1b[?25h" in rest


def test_without_a_terminal_it_says_what_to_do(home: LabHome) -> None:
    import subprocess
    import sys

    ended = subprocess.run(
        [sys.executable, "-P", "-m", "screens", "--home", str(home.root)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "needs a terminal" in ended.stderr
    assert ended.stdout == ""


def test_the_head_of_the_console_imports_no_model_stack(finished_home: LabHome) -> None:
    import subprocess
    import sys

    code = (
        "import sys, screens.app, screens.overview, screens.entry;"
        "print([m for m in ('torch','transformers','datasets','numpy','pandas','plotext','peft')"
        " if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("size", SIZES)
def test_hostile_text_does_not_reach_the_terminal(
    seeded_home: LabHome, size: tuple[int, int]
) -> None:
    """Names, reasons and descriptions full of control sequences and markup, on every place."""
    _poison(seeded_home)
    for place in "OLRSMCPA":
        with Terminal(seeded_home, "--readonly", "--experiment", EXPERIMENT, size=size) as terminal:
            written = terminal.settle()
            terminal.press(place)
            terminal.press("?")
            written += terminal.settle()
            terminal.press("\x1b")
            written += terminal.read(1.0)
            for payload in FORBIDDEN:
                assert payload not in written, (place, payload)
            text = OWN_SEQUENCES.sub(b"", written).decode()
            bad = [
                sign for sign in text if "\x80" <= sign <= "\x9f" or sign in "\u202e\u200d\u2066"
            ]
            assert not bad, (place, bad)
            assert "\x07" not in text
            assert "\x1b" not in text, (place, text[max(0, text.index("\x1b") - 20) :][:60])
            assert terminal.exit_code(0.2) is None, f"the console died on {place}"


def _poison(home: LabHome) -> None:
    connection = open_catalog(home)
    with write_transaction(connection):
        for number, (run,) in enumerate(connection.execute("SELECT id FROM runs").fetchall()):
            text = HOSTILE[number % len(HOSTILE)]
            connection.execute(
                "UPDATE runs SET label = ?, reason = ?, message = ?, params = ? WHERE id = ?",
                (text + str(number), text, text, json.dumps({text: text}), run),
            )
            connection.execute(
                "UPDATE experiment_steps SET label = ? WHERE run_id = ?", (f"{text}{number}", run)
            )
        everything = "".join(HOSTILE)
        connection.execute(
            "UPDATE experiments SET description = ?, file = ?", (everything, everything)
        )
        connection.execute("UPDATE sources SET generator = ?", (everything,))
        connection.execute("UPDATE mixture_parts SET generator = ? || rowid", (everything,))
        connection.execute("UPDATE checkpoints SET base = ?", (everything,))
        connection.execute("UPDATE prompt_sets SET name = ?, origin = ?", (everything, everything))
        connection.execute("UPDATE metric_names SET name = name || ?", (everything,))
        connection.execute(
            "UPDATE results SET name = name || ?, reason = ?", (everything, everything)
        )
    connection.close()


def test_a_lost_connection_harms_nothing(tmp_path: Path) -> None:
    """Hang up while runs go on: the console dies, the runs live, the next console shows them."""
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    started = command.run("run", "tiny", "--detach")
    assert started.returncode == 0, started.stderr
    with Terminal(command.home) as terminal:
        terminal.read_until_first(30.0)
        wait_until(lambda: running_process(command, "job") is not None, "a job runs")
        terminal.hang_up()
        assert terminal.exit_code(10.0) is not None
    wait_until(lambda: running_process(command, "job") is not None, "a job runs on")
    with Terminal(command.home) as terminal:
        terminal.read_until(b"tiny.1")
    assert command.run("stop", "tiny").returncode == 0
    wait_until(lambda: running_process(command, "job") is None, "the jobs have stopped")
