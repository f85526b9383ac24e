"""What `doctor` says of a terminal, and `paths` of places."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.console import Console

from storage.home import LabHome
from synthlab.cli.doctor import Terminal, check_gpu, check_terminal, colour_system, examine
from synthlab.cli.paths import lab_paths, preferences_path
from synthlab.execution.gpus import Gpu, Look, NvmlProbe
from synthlab.execution.settings import default_settings
from tests.commands import Command

WIDE = Terminal(120, 40, "utf-8")
TERMS = (
    "",
    "dumb",
    "unknown",
    "xterm",
    "xterm-256color",
    "XTERM-256COLOR",
    "xterm-16color",
    "xterm-kitty",
    "tmux-256color",
    "screen",
    "alacritty",
)
RICH = {
    None: "none",
    ColorSystem.STANDARD: "16",
    ColorSystem.EIGHT_BIT: "256",
    ColorSystem.TRUECOLOR: "true colour",
}


@pytest.mark.parametrize("colorterm", ["", "truecolor", "24bit", "TrueColor ", "yes"])
@pytest.mark.parametrize("term", TERMS)
def test_colours_are_those_that_rich_will_use(term: str, colorterm: str) -> None:
    environment = {"TERM": term, "COLORTERM": colorterm}
    console = Console(file=io.StringIO(), force_terminal=True, _environ=environment)
    assert colour_system(environment) == RICH[console._color_system]


def test_no_colour_means_none() -> None:
    assert colour_system({"TERM": "xterm-256color", "NO_COLOR": "1"}) == "none"


def findings(environment: dict[str, str], terminal: Terminal = WIDE) -> dict[str, str]:
    return {f.subject: f"{f.verdict} {f.text}" for f in check_terminal(environment, terminal)}


def test_tmux_without_true_colour_is_told_how_to_get_it() -> None:
    tmux = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}
    assert "terminal-features" in findings(tmux)["tmux"]
    assert "terminal-features" not in findings({**tmux, "COLORTERM": "truecolor"})["tmux"]
    assert "tmux" not in findings({"TERM": "xterm"})


def test_a_small_terminal_and_another_encoding_are_noted() -> None:
    found = findings({"TERM": "xterm"}, Terminal(60, 20, "latin-1"))
    assert found["size"].startswith("note 60x20")
    assert found["encoding"].startswith("note latin-1: charts are drawn in ASCII")
    assert findings({"TERM": "xterm"})["size"] == "ok 120x40"


def test_everything_is_examined_for_the_environment_that_is_given(home: LabHome) -> None:
    environment = {"TERM": "dumb", "CUDA_VISIBLE_DEVICES": "3"}
    subjects = {f.subject: f.text for f in examine(home, environment, WIDE)}
    assert subjects["lab home"] == str(home.root)
    assert "CUDA_VISIBLE_DEVICES=3" in subjects["GPU"]
    assert subjects["TERM"] == "dumb"


def test_paths_follow_the_environment(home: LabHome) -> None:
    found = {
        p.name: p
        for p in lab_paths(home, {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "HF_HOME": "/hf"})
    }
    assert found["preferences"].path == Path("/c/synthlab/console.toml")
    assert found["models"].path == Path("/hf/hub")
    assert found["catalog"].is_there
    assert found["error log"].path == home.error_log
    assert found["console log"].path == home.console_log
    assert not found["settings"].is_there
    assert preferences_path({"HOME": "/h"}) == Path("/h/.config/synthlab/console.toml")


def test_the_verb_prints_what_the_console_shows(home: LabHome) -> None:
    command = Command(home)
    rows = {row["name"]: row for row in command.json("paths")["rows"]}
    assert rows["lab home"]["path"] == str(home.root)
    assert rows["runs"]["is_there"] is True
    assert str(home.catalog) in command.run("paths").stdout


def test_a_gpu_says_who_has_it() -> None:
    free = Gpu("GPU-1", 0, "H100", 80000, 4, ())
    taken = dataclasses.replace(free, used_mib=9000)
    settings = default_settings()
    sharing = dataclasses.replace(settings, share_gpus=True)
    assert check_gpu(free, False, settings).text.endswith("GPU-1")
    assert check_gpu(taken, True, settings).text.endswith("a run has it")
    alone, shared = (check_gpu(taken, False, one) for one in (settings, sharing))
    assert (alone.verdict, shared.verdict) == ("note", "note")
    assert "left alone unless share_gpus = true" in alone.text
    assert shared.text.endswith("shared with them")


def test_a_driver_that_does_not_answer_is_a_problem(
    home: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Look((Gpu("GPU-1", 0, "H100", 80000, 4, ()),), "GPU 1 does not answer: GPU is lost")
    monkeypatch.setattr(NvmlProbe, "look", lambda _: look)
    monkeypatch.setattr("synthlab.cli.doctor.metadata.version", lambda _: "2.13.0+cpu")
    problems = [f.text for f in examine(home, {}, WIDE) if f.verdict == "problem"]
    assert "GPU 1 does not answer: GPU is lost" in problems
    assert any("build without CUDA" in text for text in problems)
