"""Hostile and damaged files: no path out of the lab, no traceback, no secret on disk, nothing for others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import tarfile
from collections.abc import Iterator, Set
from pathlib import Path

import pytest

from storage import durable
from storage.catalog.connection import open_catalog, write_transaction
from storage.durable import read_json
from storage.errors import HomeError, RecordError
from storage.home import LabHome, prepare_home
from storage.rundir import RunDir
from synthlab.cli.main import UNFORESEEN
from synthlab.errors import ExitCode, SpecError
from synthlab.experiment.load import parse_spec
from synthlab.experiment.recipes import find_recipe
from tests.commands import Command
from tests.faults.poisoned import SAMPLING, active_characters
from tests.faults.test_hostile_text import Ended, Poisoned
from tests.jobs.served import MODEL, Behaviour, serving
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

FAST = ("--swaps", "20")
BAD_IDS = (
    "../x", "/etc/passwd", "a\0b", "x" * 300, "a\nb", "--", "-rf", "", ".", "..", ":", "a:b:c:d",
    "eggs.99999999999999999999", "eggs.-1", "eggs:..:ppl1", "%00", "*", "\udcff", "' OR 1=1 --",
    "C:\\x", "\\\\host\\share", "eggs/../eggs", "\x1b[2J\u202e",
)  # fmt: skip
TAKES_ID: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("show", "logs", "stop", "retry", "results", "expected", "compare", "pareto"), ("{}",)),
    **dict.fromkeys(("samples", "plot", "why", "lineage", "verify", "import-run", "plan", "run"), ("{}",)),
    "priority": ("{}", "1"),
    "rm": ("{}", "--yes"),
    "diff": ("{}", "{}"),
    "export-run": ("{}", "--out", "{folder}/o.tar"),
    "report": ("{}", "--out", "{folder}/never"),
    "models": ("fetch", "{}"),
}  # fmt: skip
LOOKS = (
    ("show", "{victim}"), ("logs", "{victim}"), ("lineage", "{victim}"), ("results", "eggs", "--all"),
    ("compare", "eggs", *FAST, "--no-cache"), ("samples", "eggs"), ("plot", "eggs", "--what", "ppl1"),
    ("why", "{collapse}:ppl1-log", "--items"), ("diff", "{collapse}", "{robustness}"), ("verify",),
    ("export-run", "eggs", "--out", "{folder}/o.tar"), ("plan", "tiny"), ("catalog", "rebuild"),
)  # fmt: skip
KINDS = ("import", "generate", "mix", "finetune", "collapse", "robustness")
OUTSIDE = "the secret of another folder"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    home = prepare_home(LabHome(tmp_path_factory.mktemp("template") / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=8)
    plants = {"plain": Plant(is_trained=False), "narrow": Plant(vocabulary=20)}
    made.experiment("eggs", plants, axes=("collapse", "robustness"), sampling=SAMPLING)
    return made.finish()


@pytest.fixture
def lab(template: LabHome, tmp_path: Path) -> Iterator[Poisoned]:
    shutil.copytree(template.root, tmp_path / "lab")
    home = LabHome(tmp_path / "lab")
    names = {"folder": str(tmp_path)}
    for path in sorted(home.runs.iterdir()):
        names[RunDir(path).read_spec().kind] = path.name
    yield Poisoned(home, names)
    end_supervisor(home)


def end_supervisor(home: LabHome) -> None:
    supervisor = Command(home).supervisor()
    if supervisor is not None:
        supervisor.send(signal.SIGTERM)


def check_told(ended: Ended, codes: Set[int], where: object) -> None:
    """Fails unless the end is one of these and a person was told why."""
    assert ended.code in codes, (where, ended)
    assert UNFORESEEN not in ended.err, (where, ended.err)
    assert ended.err.strip(), where
    assert not active_characters(ended.err), where


@pytest.mark.parametrize("verb", list(TAKES_ID))
def test_a_bad_id_is_named_and_nothing_else_happens(lab: Poisoned, verb: str) -> None:
    before = sorted(lab.home.root.parent.rglob("*"))
    for word in BAD_IDS:
        ended = lab.call(verb, *(word if one == "{}" else one for one in TAKES_ID[verb]))
        # A name too long for a file is refused by the system.
        known = {ExitCode.USAGE, ExitCode.NOT_FOUND} | (
            {ExitCode.FAILED} if len(word) > 255 else set()
        )
        check_told(ended, known, word)
    assert sorted(lab.home.root.parent.rglob("*")) == before


def test_wrong_usage_is_exit_code_2(lab: Poisoned) -> None:
    for words in (
        ("nonsense",), ("--nonsense",), ("runs", "--filter", "nothing:1"), ("runs", "--filter", "((("),
        ("priority", "eggs", "high"), ("samples", "eggs", "--limit", "0"), ("plot", "eggs", "--as", "x"),
        ("compare", "eggs", "--swaps", "0"), ("compare",), ("samples", "eggs", "--order", "x\x1b"),
    ):  # fmt: skip
        check_told(lab.call(*words), {ExitCode.USAGE}, words)


@pytest.mark.parametrize("what", ["empty", "garbage", "cut", "newer", "a folder"])
def test_a_catalog_that_cannot_be_read_says_how_to_make_it_again(lab: Poisoned, what: str) -> None:
    catalog = lab.home.catalog
    if what == "newer":
        with sqlite3.connect(catalog) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    elif what == "a folder":
        catalog.unlink()
        catalog.mkdir()
    else:
        whole = catalog.read_bytes()
        catalog.write_bytes({"empty": b"", "garbage": b"x" * 5000, "cut": whole[:9000]}[what])
    for words in (
        ("runs",),
        ("show", "eggs"),
        ("compare", "eggs"),
        ("samples", "eggs"),
        ("plan", "tiny"),
    ):
        ended = lab.call(*words)
        check_told(ended, {ExitCode.FAILED}, words)
        assert ("update synthlab" if what == "newer" else "catalog rebuild") in ended.err
        assert not ended.out
    if what == "empty":
        assert lab.call("catalog", "rebuild").code == ExitCode.DONE
        assert "eggs.1" in lab.call("experiments").out


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for verb in ("runs", "doctor", "init", "verify"):
        ended = Poisoned(LabHome(file), {}).call(verb)
        check_told(ended, {ExitCode.FAILED}, verb)
        assert str(file) in ended.err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "damage", ["gone", "spec.json", "MANIFEST.json", "exit.json", "events.jsonl", "rows", "[]"]
)
def test_damaged_runs_are_told_of_without_a_traceback(
    template: LabHome, lab: Poisoned, damage: str
) -> None:
    """Every kind of run, cut off in the middle of a file or gone, under every verb that reads it."""
    for kind in KINDS:
        victim = lab.names[kind]
        directory, whole = RunDir(lab.home.run(victim)), template.run(victim)
        if damage == "gone":
            shutil.rmtree(directory.root)
        elif damage == "[]":
            (directory.root / "spec.json").write_text("[]")
        else:
            files = [*directory.out.iterdir()] if damage == "rows" else [directory.root / damage]
            for file in files:
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        for words in LOOKS:
            ended = lab.call(*(word.replace("{victim}", victim) for word in words))
            assert ended.code in set(ExitCode), (kind, words)
            assert UNFORESEEN not in ended.err, (kind, words, ended.err[-600:])
            assert ended.code == ExitCode.DONE or ended.err.strip(), (kind, words)
        shutil.rmtree(directory.root, ignore_errors=True)
        shutil.copytree(whole, directory.root)
        shutil.copy(template.catalog, lab.home.catalog)


def test_one_damaged_experiment_does_not_keep_the_catalog_from_its_runs(lab: Poisoned) -> None:
    (lab.home.experiment("eggs.1") / "experiment.json").write_text('{"steps": [1]}')
    ended = lab.call("catalog", "rebuild")
    assert ended.code == ExitCode.DEGRADED
    assert "eggs.1" in ended.err
    assert len(json.loads(lab.call("runs", "--json").out)["rows"]) > 5


@pytest.mark.parametrize("name", ["../x", "", "..", "a/b", "/etc", "-rf", "a\0", "a\n", "x" * 200])
def test_no_id_makes_a_path_out_of_the_home(tmp_path: Path, name: str) -> None:
    home = LabHome(tmp_path)
    for place in (home.run, home.experiment):
        with pytest.raises(HomeError, match="is no id"):
            place(name)


def test_no_published_path_leads_out_of_its_run(tmp_path: Path) -> None:
    directory = RunDir(tmp_path / "run")
    directory.out.mkdir(parents=True)
    (tmp_path / "secret").write_text(OUTSIDE)
    (directory.out / "link").symlink_to(tmp_path / "secret")
    assert directory.published("a/b.jsonl") == directory.out / "a" / "b.jsonl"
    for path in ("../x", "/etc/passwd", "a/../../../x", "a\0b", "link"):
        with pytest.raises(RecordError, match="not below"):
            directory.published(path)


def test_hostile_rows_of_a_catalog_read_nothing_outside(lab: Poisoned, tmp_path: Path) -> None:
    """A run id, an input and a prompt set that are paths to a folder beside the lab."""
    outside = tmp_path / "outside"
    shutil.copytree(lab.home.run(lab.names["generate"]), outside)
    for file in outside.rglob("*.jsonl"):
        file.write_text(json.dumps({"id": "p0", "prompt_id": "p0", "text": OUTSIDE}) + "\n")
    (outside / "log.txt").write_text(OUTSIDE)
    (outside / "x.prompts.jsonl").write_text(json.dumps({"id": "p0", "text": OUTSIDE}) + "\n")
    connection = open_catalog(lab.home)
    connection.execute("PRAGMA foreign_keys=OFF")
    victims = [row["id"] for row in connection.execute("SELECT id FROM runs WHERE kind != 'mix'")]
    with write_transaction(connection):
        for number, victim in enumerate(victims[::2]):
            elsewhere = "../../outside" + "/." * number
            connection.execute("UPDATE runs SET id = ? WHERE id = ?", (elsewhere, victim))
            connection.execute(
                "UPDATE experiment_steps SET run_id = ? WHERE run_id = ?", (elsewhere, victim)
            )
            connection.execute(
                "UPDATE run_inputs SET run_id = ? WHERE run_id = ?", (elsewhere, victim)
            )
        connection.execute(
            "UPDATE run_inputs SET input_run_id = '../../outside' WHERE role = 'human'"
        )
        connection.execute("UPDATE prompt_sets SET name = '../../../../outside/x'")
        connection.execute("UPDATE run_outputs SET path = '../../../../outside/' || path")
    connection.close()
    for words in (
        *LOOKS[3:-1], ("logs", "../../outside"), ("show", "../../outside"), ("verify", "../../outside"),
        ("report", "eggs", "--out", "{folder}/report", *FAST), ("prompts", "list"),
        ("export-run", "../../outside", "--out", "{folder}/p.tar"),
    ):  # fmt: skip
        ended = lab.call(*words)
        assert OUTSIDE not in ended.out + ended.err, words
        assert UNFORESEEN not in ended.err, (words, ended.err)
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_relative_to(outside):
            assert OUTSIDE.encode() not in path.read_bytes(), path


def test_a_manifest_brings_nothing_from_outside_into_a_bundle(
    lab: Poisoned, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(OUTSIDE)
    directory = RunDir(lab.home.run(lab.names["generate"]))
    manifest = read_json(directory.manifest)
    manifest["files"][0]["path"] = "../../../../secret"
    durable.write_json(directory.manifest, manifest)
    ended = lab.call("export-run", "eggs", "--out", "{folder}/o.tar")
    check_told(ended, {ExitCode.FAILED}, "export-run")
    assert "secret" in ended.err
    assert not (tmp_path / "o.tar").exists()
    told = lab.call("verify")
    assert told.code == ExitCode.FAILED
    assert "leads out of the run" in told.out


@pytest.mark.parametrize("section", ["prompts", "sources", "mixtures"])
@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", "x\u202ey", "x\u001b[2J", "-rf", "x" * 300, ""]
)
def test_names_in_a_file_that_could_be_paths_are_refused_with_their_line(
    section: str, name: str
) -> None:
    text = find_recipe("tiny").path.read_text()
    wrong = f"{text}\n[{section}.{json.dumps(name)}]\n"
    with pytest.raises(SpecError) as refused:
        parse_spec(wrong, Path("eggs.toml"))
    line = wrong.count("\n")
    assert f"eggs.toml:{line}: {section}" in str(refused.value), str(refused.value)
    with pytest.raises(SpecError, match=r"eggs\.toml:\d+: name"):
        parse_spec(text.replace('name = "tiny"', f"name = {json.dumps(name)}"), Path("eggs.toml"))


SERVED = """\
schema = 1
name = "canaries"
[base]
model = "builtin:tiny-verse"
dtype = "float32"
[prompts.train]
dataset = "builtin:tiny-grammar"
rows = 6
[prompts.test]
holdout = { of = "train", rows = 2 }
[sources.served]
kind = "model"
prompts = "train"
engine = "openai"
model = "MODEL"
revision = "1"
base_url = "URL"
api_key_env = "OPENAI_API_KEY"
patience_s = 1
[evaluate]
sampling = { max_new_tokens = 8 }
[evaluate.collapse]
metrics = ["distinct", "length"]
token_budget = 10
"""


@pytest.mark.slow
def test_no_secret_and_no_open_file_is_left_anywhere(tmp_path: Path) -> None:
    """A whole run with a served source, its report and its bundle, under a careless umask."""
    secrets = {
        name: f"canary-{name.lower()}-93b1" for name in ("OPENAI_API_KEY", "HF_TOKEN", "MY_SECRET")
    }
    home = LabHome(tmp_path / "lab")
    file, report, bundle = tmp_path / "eggs.toml", tmp_path / "report", tmp_path / "all.tar"
    before, mask = dict(os.environ), os.umask(0)
    os.environ |= secrets
    command = Command(prepare_home(home))
    try:
        behaviour = Behaviour(key=secrets["OPENAI_API_KEY"])
        with serving(behaviour) as url:
            file.write_text(SERVED.replace("MODEL", MODEL).replace("URL", url))
            ended = command.run("run", str(file))
            assert ended.returncode == 0, ended.stderr
            assert behaviour.requests
        told = [ended.stdout + ended.stderr]
        for words in (
            ("report", "canaries", "--out", str(report), *FAST), ("samples", "canaries"),
            ("export-run", "canaries", "--out", str(bundle)), ("doctor",), ("show", "generate/served"),
            ("compare", "canaries", *FAST), ("paths",), ("show", "canaries", "--json"),
        ):  # fmt: skip
            ended = command.run(*words)
            assert "Traceback" not in ended.stderr
            told.append(ended.stdout + ended.stderr)
    finally:
        os.umask(mask)
        for name in secrets:
            os.environ.pop(name)
        os.environ |= before
        end_supervisor(home)
    assert bundle.is_file() and (report / "report.html").is_file()
    with tarfile.open(bundle) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    seen = 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in secrets.values() if one.encode() in content], path
            seen += 1
    assert seen > 100
    assert not [one for one in secrets.values() if one in "".join(told)]
    assert (home.cache / "samples").is_dir()
    check_private(home)


def test_caches_and_error_logs_are_private(lab: Poisoned) -> None:
    mask = os.umask(0)
    try:
        for words in (("compare", "eggs", *FAST), ("samples", "eggs"), ("plan", "tiny")):
            assert lab.call(*words).code == ExitCode.DONE
        lab.home.error_log.unlink(missing_ok=True)
        rows = lab.home.run(lab.names["collapse"]) / "out" / "items.jsonl"
        rows.write_text("{}\n" * 3)
        rows.chmod(0o600)
        ended = lab.call("compare", "eggs", *FAST, "--no-cache")
    finally:
        os.umask(mask)
    assert ended.code == ExitCode.FAILED
    assert "synthlab verify" in ended.err and "Traceback" not in ended.err
    assert "Traceback" in lab.home.error_log.read_text()
    for path in (lab.home.cache, lab.home.error_log):
        for found in (path, *path.rglob("*")):
            assert found.stat().st_mode & 0o077 == 0, found


def check_private(home: LabHome) -> None:
    """Nothing in the home may be read by others."""
    found = [home.root, *home.root.rglob("*")]
    assert not [path for path in found if path.lstat().st_mode & 0o077 and not path.is_symlink()]
