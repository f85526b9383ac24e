"""The command line as an interface: exit codes, streams, messages for wrong input."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from storage.filters import named_fields
from storage.home import LabHome
from synthlab.cli.grammar import VERBS
from tests.commands import Command

SPEC = """schema = 1
name = "x"
seeds = [0]
[base]
model = "builtin:tiny-verse"
[prompts.train]
dataset = "builtin:tiny-grammar"
rows = 20
[prompts.test]
holdout = { of = "train", rows = 5 }
[sources.human]
kind = "human"
prompts = "train"
[mixtures.human]
shares = { human = 1 }
[finetune]
max_steps = 1
[evaluate.collapse]
"""


@pytest.fixture
def command(home: LabHome) -> Command:
    return Command(home)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "x.toml"
    path.write_text(SPEC)
    return path


WRONG_FILES = {
    "misspelt key": ("seeds = [0]", "sseeds = [0]", ["x.toml:3", "seeds"]),
    "missing model": ("builtin:tiny-verse", "builtin:nothing", ["x.toml:5", "tiny-verse"]),
    "missing path": ("builtin:tiny-verse", "./no/such/folder", ["x.toml:5", "no/such/folder"]),
    "shares of zero": ("{ human = 1 }", "{ human = 0 }", ["x.toml:15", "zero"]),
    "unknown source": ("{ human = 1 }", "{ humann = 1 }", ["x.toml:15", "human"]),
    "no such file": ('"builtin:tiny-grammar"', '"./rows.jsonl"', ["x.toml:7", "rows.jsonl"]),
    "not TOML": ("seeds = [0]", "seeds = [0", ["x.toml:"]),
    "wrong type": ("rows = 20", 'rows = "many"', ["x.toml:8", "rows"]),
}


@pytest.mark.parametrize("verb", ["plan", "run"])
@pytest.mark.parametrize("case", WRONG_FILES, ids=str)
def test_a_wrong_file_is_explained(command: Command, spec: Path, verb: str, case: str) -> None:
    before, after, words = WRONG_FILES[case]
    spec.write_text(SPEC.replace(before, after))
    ended = command.run(verb, str(spec))
    assert ended.returncode in (2, 3), ended.stderr
    assert "Traceback" not in ended.stderr
    assert all(word in ended.stderr for word in words), ended.stderr
    assert ended.stdout == ""
    assert not list(command.home.runs.iterdir())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["runs"], 0),
        (["runs", "--filter", "nonsense:1"], 2),
        (["dance"], 2),
        (["plan", "no-such-recipe"], 3),
        (["show", "zzzzzzzz"], 3),
        (["logs", "zzzzzzzz"], 3),
        (["results", "nothing"], 3),
        (["stop", "nothing"], 3),
        (["retry", "nothing"], 3),
        (["rm", "nothing", "--yes"], 3),
    ],
)
def test_exit_codes(command: Command, words: list[str], code: int) -> None:
    ended = command.run(*words)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert bool(ended.stderr) == (code != 0 or ended.stdout == "")


def test_a_plan_lists_steps_on_stdout_and_writes_no_run(command: Command, spec: Path) -> None:
    steps = command.json("plan", str(spec))["steps"]
    assert [step["action"] for step in steps] == ["run"] * len(steps)
    assert {step["kind"] for step in steps} == {"import", "mix", "finetune", "generate", "collapse"}
    assert not list(command.home.runs.iterdir())


def test_a_missing_run_may_have_been_meant_as_an_experiment(command: Command) -> None:
    for words in (["show", "zz"], ["stop", "zz"], ["retry", "zz"], ["rm", "zz"]):
        assert "no run and no experiment 'zz'" in command.run(*words).stderr
    assert "there is no run 'zz'" in command.run("logs", "zz").stderr


def test_a_filter_lists_the_fields_of_a_part_once() -> None:
    text = named_fields(["set", "text", "a.text", "b.text", "cfg.…"])
    assert text == "set, text, cfg.…; and of one part: a.text, …"


@pytest.mark.parametrize(
    ("words", "meant"), [(["resluts"], "results"), (["compare", "x", "--axis", "bais"], "bias")]
)
def test_a_misspelt_word_is_guessed(command: Command, words: list[str], meant: str) -> None:
    ended = command.run(*words)
    assert ended.returncode == 2
    assert f"did you mean '{meant}'?" in ended.stderr


@pytest.mark.parametrize("home", ["", " ", "/proc/nothing"])
def test_a_home_that_cannot_be_one_is_refused(command: Command, home: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "synthlab", "runs", "--home", home],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == "" and "Traceback" not in ended.stderr
    assert "home" in ended.stderr


def test_a_home_of_wrong_permissions_is_refused(command: Command) -> None:
    command.home.root.chmod(0o777)
    ended = command.run("runs")
    assert ended.returncode == 1
    assert "chmod go-w" in ended.stderr


def test_a_damaged_catalog_names_the_way_out(command: Command) -> None:
    command.home.catalog.write_bytes(b"garbage" * 1000)
    ended = command.run("runs")
    assert ended.returncode == 1
    assert "catalog rebuild" in ended.stderr
    assert command.run("catalog", "rebuild").returncode == 0
    assert command.run("runs").returncode == 0


def test_every_verb_has_help(command: Command) -> None:
    whole = command.run("--help").stdout
    for verb in VERBS:
        assert f"    {verb.name}" in whole
        ended = command.run(verb.name, "--help")
        assert ended.returncode == 0
        assert verb.help[:20] in ended.stdout


def terminal_output(arguments: list[str]) -> bytes:
    """What a command writes when its stdout is a real terminal."""
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        os.close(child)
        written = b""
        while True:
            try:
                chunk = os.read(parent, 65536)
            except OSError:
                break
            if not chunk:
                break
            written += chunk
        process.wait()
    os.close(parent)
    return written.replace(b"\r\n", b"\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["runs"], ["results", "tiny"], ["runs", "--json"], ["show", "tiny"]], ids=" ".join
)
def test_a_terminal_and_a_pipe_get_the_same_but_for_colour(
    tiny_lab: Command, words: list[str]
) -> None:
    piped = tiny_lab.run(*words).stdout
    seen = terminal_output(tiny_lab.arguments(*words)).decode()
    plain = seen
    for code in ("\x1b[32m", "\x1b[36m", "\x1b[31m", "\x1b[33m", "\x1b[35m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == piped
    if words == ["runs"]:
        assert seen != plain


def test_a_reader_that_leaves_early_is_no_error(command: Command) -> None:
    script = f"{' '.join(command.arguments('doctor'))} | head -c 1"
    ended = subprocess.run(script, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_the_version_is_the_installed_one(command: Command) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "synthlab", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip().startswith("synthlab 0.")
    assert json.loads(command.run("doctor", "--json").stdout)["findings"]


@pytest.mark.slow
def test_all_axes_stand_one_after_the_other_and_what_differs_once(tiny_lab: Command) -> None:
    text = tiny_lab.run("compare", "tiny", "--axis", "all").stdout
    places = [text.index(f"axis {axis}\n") for axis in ("collapse", "robustness", "bias")]
    assert places == sorted(places) and places[0] == 0
    assert text.count("mixture:\n") == 1
    assert set(tiny_lab.json("compare", "tiny", "--axis", "all")["axes"]) == {
        "collapse",
        "robustness",
        "bias",
    }
    table = tiny_lab.run("compare", "tiny", "--axis", "all", "--csv").stdout.splitlines()
    marks = [line for before, line in pairwise(table) if before == "axis"]
    assert marks == ["collapse", "robustness", "bias"]
    markdown = tiny_lab.run("compare", "tiny", "--axis", "all", "--md").stdout
    assert "Values, tiny.1, robustness" in markdown and "Values, tiny.1, bias" in markdown
