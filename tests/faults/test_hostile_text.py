"""No text from models, data, catalogs or servers acts on a terminal, a page, a table or a shell."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from storage.home import LabHome, prepare_home
from storage.rundir import RunDir
from synthlab.cli.grammar import VERBS
from synthlab.cli.main import UNFORESEEN, main
from synthlab.cli.output import Output
from synthlab.errors import ExitCode
from tests.commands import Command
from tests.console.terminal import Terminal
from tests.faults.poisoned import (
    EVIL,
    EXPERIMENT,
    FIRST,
    SECOND,
    active_characters,
    make_poisoned_lab,
)
from tests.unit.latex_structure import faults

SGR = re.compile(r"\x1b\[[0-9;]*m")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0")
ACTING = {"script", "link", "iframe", "object", "embed", "form", "base", "refresh"}
"""Elements that a page of a report has no use for."""
FAST = ("--swaps", "20")
TEXT_FORMS = ("--csv", "--tex", "--md")
NOTHING_WRONG = {ExitCode.DONE, ExitCode.DEGRADED}
CALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "init": ((),),
    "recipes": ((),),
    "plan": (("tiny",), ("{file}",)),
    "run": (("{file}",), ("{file}", "--detach")),
    "experiments": ((), ("--filter", "words")),
    "runs": ((), ("--filter", f"label:{EVIL}")),
    "show": ((EXPERIMENT,), ("{answers}",), ("{failed}",), ("{measured}",), ("{tuned}",)),
    "logs": (("{answers}",),),
    "stop": ((EXPERIMENT,), ("{answers}",), (EVIL,)),
    "retry": ((EVIL,),),
    "priority": ((EXPERIMENT, "3"), (EVIL, EVIL)),
    "rm": ((EXPERIMENT,), ("{failed}",)),
    "sources": ((), ("add", "{file}", EVIL, "--prompts", EVIL), ("add", "{new}", "x", "--model", EVIL)),
    "mixtures": ((), ("add", "{file}", EVIL, "--share", f"{EVIL}=1")),
    "models": ((), ("--all",), ("fetch", EVIL)),
    "checkpoints": ((),),
    "prompts": (("list",), ("import", "--from", EVIL), ("add", "{file}", EVIL, "--dataset", EVIL)),
    "results": ((EXPERIMENT,), (EXPERIMENT, "--all")),
    "expected": ((EXPERIMENT, *FAST),),
    "compare": (
        (EXPERIMENT, *FAST), (EXPERIMENT, "--axis", "robustness", *FAST, "--all"),
        (EXPERIMENT, "--words", *FAST), (EXPERIMENT, "--baseline", EVIL, *FAST),
        *((EXPERIMENT, form, *FAST) for form in TEXT_FORMS),
        (f"{EXPERIMENT}:{FIRST}", f"{EXPERIMENT}:{SECOND}", *FAST),
    ),
    "pareto": ((EXPERIMENT, *FAST), (EXPERIMENT, "--x", EVIL, *FAST)),
    "samples": (
        (EXPERIMENT,), (EXPERIMENT, "--filter", "set:harmful", "--unmask"),
        (EXPERIMENT, "--prompt", f"=p1{EVIL}"), (EXPERIMENT, "--order", EVIL),
        (EXPERIMENT, "--prompt", f"=h1{EVIL}", "--unmask"), (EXPERIMENT, "--filter", EVIL),
    ),
    "plot": tuple(
        (EXPERIMENT, "--what", what)
        for what in ("ppl1", "length", "heaps", "refusal", "states", "grid", "danger", f"=odd{EVIL}")
    ),
    "why": (
        ("{measured}:ppl1-log", "--items"), (f"{EXPERIMENT}:{FIRST}:self-bleu-4",),
        ("{graded}:refusal-rate/harmful", "--items"),
        ("{graded}:refusal-rate/harmful", "--item", f"=h1{EVIL}", "--texts"), (EVIL,),
    ),
    "lineage": ((EXPERIMENT,), ("{measured}",), ("{answers}", "--down"), (EVIL,)),
    "diff": (
        ("{measured}", "{graded}"), (EVIL, EVIL),
        (f"{EXPERIMENT}:{FIRST}:ppl1-log", f"{EXPERIMENT}:{SECOND}:ppl1-log"),
    ),
    "export-run": ((EXPERIMENT, "--out", "{folder}/all.tar"), (EVIL, "--out", EVIL)),
    "import-run": (("{folder}/all.tar",), (EVIL,)),
    "report": ((EXPERIMENT, "--out", "{folder}/report", *FAST),),
    "verify": ((), ("{answers}",), (EVIL,)),
    "catalog": (("rebuild",), (EVIL,)),
    "doctor": ((),),
    "paths": ((),),
}  # fmt: skip
"""How to call each verb, with something to find and with hostile words. Left to processes of their
own further below: what makes a supervisor start work."""


class Ended(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    err: str


class Poisoned(NamedTuple):
    """The lab and the names that calls need."""

    home: LabHome
    names: dict[str, str]

    def call(self, *words: str) -> Ended:
        """Run a verb in this process, on a stream that takes colour like a terminal."""
        out, err = io.StringIO(), io.StringIO()
        given = [self.filled(word) for word in words]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                output = Output(out, err, colour=True)
                environment = {"HOME": str(self.home.root.parent)}
                code = int(main([*given, "--home", str(self.home.root)], output, environment))
            except SystemExit as wrong_usage:
                code = int(wrong_usage.code or 0)
        return Ended(code, out.getvalue(), err.getvalue())

    def filled(self, word: str) -> str:
        """The word with the names of this lab in it."""
        for name, value in self.names.items():
            word = word.replace(f"{{{name}}}", value)
        return word


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> Iterator[Poisoned]:
    folder = tmp_path_factory.mktemp("poisoned")
    home = prepare_home(LabHome(folder / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    names = {"answers": make_poisoned_lab(home), "folder": str(folder)}
    for path in sorted(home.runs.iterdir()):
        kind, failed = RunDir(path).read_spec().kind, not RunDir(path).manifest.exists()
        name = {"finetune": "tuned", "collapse": "measured", "robustness": "graded"}.get(kind)
        if failed or name:
            names["failed" if failed else str(name)] = path.name
    file = folder / "hostile.toml"
    file.write_text(f"schema = 1\nname = {json.dumps(EVIL)}\n[{json.dumps(EVIL)}]\nx = 1\n")
    names |= {"file": str(file), "new": str(folder / "new.toml")}
    lab = Poisoned(home, names)
    yield lab
    supervisor = Command(home).supervisor()
    if supervisor is not None:
        supervisor.send(signal.SIGTERM)


def bare(text: str) -> str:
    """The text without the colours that are the command's own."""
    return SGR.sub("", text)


def test_every_verb_stands_in_the_table() -> None:
    assert set(CALLS) == {verb.name for verb in VERBS}


@pytest.mark.parametrize("verb", list(CALLS))
def test_no_verb_lets_a_text_act_on_the_terminal(poisoned: Poisoned, verb: str) -> None:
    for words in CALLS[verb]:
        check(poisoned.call(verb, *words), words)
        if set(words) & set(TEXT_FORMS):
            continue
        ended = poisoned.call(verb, *words, "--json")
        check(ended, words)
        if ended.code in NOTHING_WRONG or ended.out:
            assert ended.out.isascii()
            assert json.loads(ended.out)["schema"].startswith("synthlab."), words


def check(ended: Ended, words: tuple[str, ...]) -> None:
    """Fails if a text acts, or if a command ends without a word on what is wrong."""
    where = (words, ended.err[-300:])
    assert not active_characters(bare(ended.out)), where
    assert not active_characters(ended.err), where
    assert ended.code in set(ExitCode), where
    assert UNFORESEEN not in ended.err, where
    assert ended.code in NOTHING_WRONG or ended.err.strip(), where


@pytest.mark.parametrize(
    "words",
    [
        ("show", "{failed}"), ("results", EXPERIMENT, "--all"), ("logs", "{answers}"),
        ("samples", EXPERIMENT, "--unmask"), ("plot", EXPERIMENT, "--what", "ppl1"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_on_a_real_terminal(poisoned: Poisoned, words: tuple[str, ...]) -> None:
    given = [poisoned.filled(word) for word in words]
    command = [sys.executable, "-P", "-m", "synthlab", *given, "--home", str(poisoned.home.root)]
    with Terminal(None, command=command) as terminal:
        written = terminal.read(60.0)
        assert terminal.exit_code(5.0) == 0
    text = bare(written.decode()).replace("\r\n", "\n")
    assert len(text) > 500
    assert not active_characters(text)


def test_a_run_that_fails_tells_so_harmlessly(tmp_path: Path, empty_catalog: Path) -> None:
    """A real supervisor, runner and job: a data set with a hostile name, hostile columns and rows."""
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    shutil.copy(empty_catalog, command.home.catalog)
    name = "x\x1b]0;owned\x07\u202e;$(touch owned) .jsonl"
    good, bad = tmp_path / f"good{name}", tmp_path / f"bad{name}"
    row = {"prompt": EVIL, "response": EVIL, EVIL: EVIL}
    good.write_text(json.dumps(row) + "\n" + json.dumps({**row, "prompt": f"two {EVIL}"}) + "\n")
    bad.write_text(json.dumps({EVIL: EVIL}) + "\n{" + EVIL.replace("\n", "") + "\n")
    try:
        for path, code in ((good, 0), (bad, None)):
            ended = command.run("prompts", "import", "--from", str(path), "--as", "mine")
            assert not active_characters(ended.stdout + ended.stderr)
            assert "Traceback" not in ended.stderr
            assert ended.returncode == code if code is not None else ended.returncode in (1, 2), (
                ended.stderr
            )
    finally:
        supervisor = command.supervisor()
        if supervisor is not None:
            supervisor.send(signal.SIGTERM)
    assert not list(tmp_path.rglob("owned"))


def test_comparison_as_csv_holds_no_formula_and_keeps_numbers(poisoned: Poisoned) -> None:
    text = poisoned.call("compare", EXPERIMENT, "--csv", *FAST).out
    document = json.loads(poisoned.call("compare", EXPERIMENT, "--json", *FAST).out)
    cells = check_csv(text)
    assert any(cell.startswith("'=1+cmd") for cell in cells)
    differences = [c["result"]["difference"] for m in document["metrics"] for c in m["contrasts"]]
    assert any(value < 0 for value in differences)
    assert {repr(value) for value in differences} <= set(cells)


def test_comparison_as_latex_and_markdown_is_text(poisoned: Poisoned) -> None:
    assert faults(poisoned.call("compare", EXPERIMENT, "--tex", *FAST).out) == []
    check_markdown(poisoned.call("compare", EXPERIMENT, "--md", *FAST).out)


def test_nothing_in_a_report_acts(poisoned: Poisoned) -> None:
    out = Path(poisoned.names["folder"]) / "a-report"
    ended = poisoned.call("report", EXPERIMENT, "--out", str(out), *FAST, "--with-harmful-texts")
    assert ended.code == ExitCode.DEGRADED, ended.err
    page = Page((out / "report.html").read_text())
    assert not page.tags & ACTING
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    for reference in page.references:
        parts = urlsplit(reference)
        assert not parts.scheme and not parts.netloc, reference
        assert not parts.path or inside(out, unquote(parts.path)), reference
    assert "<script>alert(1)</script>" in page.text
    check_markdown((out / "report.md").read_text())
    kinds = set()
    for path in sorted(out.rglob("*")):
        assert inside(out, str(path.relative_to(out)))
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name), path.name
        kinds.add(path.suffix)
        if path.suffix == ".csv":
            check_csv(path.read_bytes().decode())
        elif path.suffix == ".tex":
            assert faults(path.read_text()) == [], path.name
        if path.suffix in (".html", ".md", ".tex", ".toml", ".svg", ".json"):
            assert not active_characters(path.read_text()), path.name
        if path.suffix == ".svg":
            assert "<script" not in path.read_text()
    assert {".csv", ".tex", ".html", ".md", ".svg"} <= kinds


def check_csv(text: str) -> list[str]:
    """Every cell; fails for one that a spreadsheet would run."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    for cell in cells:
        with contextlib.suppress(ValueError):
            float(cell)
            continue
        assert not cell.startswith(FORMULA), cell[:60]
        assert not active_characters(cell), cell[:60]
    assert len(cells) > 4
    return cells


def check_markdown(text: str) -> None:
    """Outside of code nothing opens a tag or leads anywhere but to a file of the same folder."""
    assert not active_characters(text)
    plain = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    plain = re.sub(r"(?<!\\)(?<!`)(`+)(?!`)([^\n]*?[^`])\1(?!`)", "", plain)
    assert not re.search(r"(?<!\\)<[a-zA-Z/!]", plain)
    for target in re.findall(r"(?<!\\)\]\(([^)]*)\)", plain):
        assert re.fullmatch(r"(figures/|items/|tables/)?[\w.#-]+", target), target
    lines = [line for line in plain.splitlines() if line.startswith("|")]
    assert lines
    for number, line in enumerate(lines):
        bars = len(re.findall(r"(?<!\\)\|", line))
        if number and re.fullmatch(r"[|: -]+", line):
            assert bars == len(re.findall(r"(?<!\\)\|", lines[number - 1])), lines[number - 1][:200]


def inside(folder: Path, path: str) -> bool:
    """Whether the path names something in the folder."""
    found = (folder / path).resolve()
    return found.is_relative_to(folder.resolve()) and found.exists()


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.references: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        named = dict(attrs)
        self.tags.add(str(named.get("http-equiv", tag)).lower())
        self.attributes |= set(named)
        found = (named.get(name) for name in ("src", "href", "data", "action", "srcset", "poster"))
        self.references += [value for value in found if value is not None]

    def handle_data(self, data: str) -> None:
        """Collect what is read."""
        self.text += data
