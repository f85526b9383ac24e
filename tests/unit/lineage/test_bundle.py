"""A run goes to another lab whole, hostile bundles do not come in, and nothing half comes in."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.catalog.connection import open_catalog, open_reader
from storage.home import LabHome, prepare_home
from storage.rundir import RunId
from synthlab.errors import ConflictError, UsageError
from synthlab.execution.adoption import adopt
from synthlab.execution.resolve import Action, resolve
from synthlab.experiment.steps import Step, StepInput
from synthlab.lineage.bundle import BUNDLE_FILE, Bundle, export
from synthlab.lineage.checks import check_hop
from synthlab.lineage.hops import trace
from synthlab.lineage.unpack import check_member_name, unpacked
from synthlab.lineage.why import why
from tests.unit.lineage.labs import HARMFUL_TEXT, EggsLab


@pytest.fixture
def lab(home: LabHome) -> EggsLab:
    return EggsLab(home).build()


@pytest.fixture
def other(tmp_path: Path, empty_catalog: Path) -> LabHome:
    made = prepare_home(LabHome(tmp_path / "other"))
    durable.write_bytes(made.catalog, empty_catalog.read_bytes())
    return made


def bundle_of(
    lab: EggsLab, target: Path, wanted: str = "eggs", *, only: bool = False, harmful: bool = False
) -> Bundle:
    connection = open_reader(lab.home)
    try:
        return export(connection, lab.home, wanted, target, only=only, with_harmful_texts=harmful)
    finally:
        connection.close()


def take_in(home: LabHome, source: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Import as the command does, with the supervisor's part done here; new and known runs."""
    folder = home.cache / "import-test"
    connection = open_catalog(home)
    try:
        with unpacked(home, source, folder) as found:
            adopt(connection, home, folder.name, found.new, found.bundle.experiments)
            return found.new, found.known
    finally:
        connection.close()


def steps_of(connection: sqlite3.Connection) -> list[Step]:
    """The steps that the lab's runs are, as a plan would list them."""
    runs = [row["id"] for row in connection.execute("SELECT id FROM runs ORDER BY created_at, id")]
    lineage = trace(connection, runs)
    labels = {hop.run_id: hop.label for hop in lineage.hops.values()}
    return [
        Step(hop.kind, hop.label, hop.key, hop.params,  # type: ignore[arg-type]  # as text
             tuple(StepInput(i.role, labels[i.run_id]) for i in hop.inputs), None, False)
        for hop in lineage.hops.values()
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["eggs.tar", "eggs.tar.gz"])
def test_a_round_trip_brings_results_that_answer_why_and_cached_steps(
    lab: EggsLab, other: LabHome, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    bundle_of(lab, target, harmful=True)
    new, known = take_in(other, target)
    assert (len(new), known) == (len(lab.steps), ())
    here, there = open_reader(lab.home), open_reader(other)
    for metric in ("ppl1-log", "mtld"):
        mine, theirs = why(here, f"eggs:multi:{metric}"), why(there, f"eggs:multi:{metric}")
        assert mine.results == theirs.results
        assert [(h.hop.run_id, h.hop.digest) for h in mine.hops] == [
            (h.hop.run_id, h.hop.digest) for h in theirs.hops
        ]
    lineage = trace(there, new)
    assert [p for hop in lineage.hops.values() for p in check_hop(other, lineage, hop)] == []
    statuses = resolve(there, other, steps_of(here))
    assert {status.action for status in statuses.values()} == {Action.CACHED}
    assert take_in(other, target) == ((), tuple(run.id for run in header_of(target).runs))
    assert list(other.cache.glob("import-*")) == []


def header_of(path: Path) -> Bundle:
    with tarfile.open(path) as archive:
        content = archive.extractfile(BUNDLE_FILE)
        assert content is not None
        return Bundle.from_json(json.loads(content.read()))


def test_harmful_texts_stay_behind_unless_asked_for(
    lab: EggsLab, other: LabHome, tmp_path: Path
) -> None:
    bundle = bundle_of(lab, tmp_path / "mild.tar")
    assert {(run.label, run.left_out) for run in bundle.runs if run.left_out} == {
        ("import/harm", ("harm.prompts.jsonl",)),
        ("answers-harm/multi.s0", ("responses.jsonl",)),
        ("answers-harm/vanilla.s0", ("responses.jsonl",)),
    }
    raw = (tmp_path / "mild.tar").read_bytes()
    assert HARMFUL_TEXT.encode() not in raw
    assert b"I did the harmful" not in raw
    bundle_of(lab, tmp_path / "full.tar", harmful=True)
    assert HARMFUL_TEXT.encode() in (tmp_path / "full.tar").read_bytes()
    new, _ = take_in(other, tmp_path / "mild.tar")
    there = open_reader(other)
    assert why(there, "eggs:multi:refusal-rate/harm").value == 1.0
    lineage = trace(there, new)
    gone = [p for hop in lineage.hops.values() for p in check_hop(other, lineage, hop)]
    assert {(p.label, p.problem) for p in gone} == {
        (run.label, "is gone") for run in bundle.runs if run.left_out
    }


def test_a_run_takes_along_what_it_rests_on_and_no_more(lab: EggsLab, tmp_path: Path) -> None:
    bundle = bundle_of(lab, tmp_path / "run.tar", "collapse/multi.s0")
    assert {run.label for run in bundle.runs} == {
        "collapse/multi.s0", "answers/multi.s0", "finetune/multi.s0", "mix/multi",
        "generate/llama", "import/train",
    }  # fmt: skip
    alone = bundle_of(lab, tmp_path / "alone.tar", "collapse/multi.s0", only=True)
    assert [run.label for run in alone.runs] == ["collapse/multi.s0"]


def test_nothing_of_this_machine_is_in_a_bundle(lab: EggsLab, tmp_path: Path) -> None:
    path = lab.directory("import/train").root / "spec.json"
    spec = durable.read_json(path)
    durable.write_json(path, {**spec, "locate": {"dataset": "/home/ada/secret.jsonl"}})
    durable.write_bytes(lab.directory("import/train").log, b"HF_TOKEN=hf_abc /home/ada")
    bundle_of(lab, tmp_path / "b.tar")
    raw = (tmp_path / "b.tar").read_bytes()
    assert b"/home/ada" not in raw
    assert b"hf_abc" not in raw
    assert str(lab.home.root).encode() not in raw


def test_equal_runs_give_equal_bytes(lab: EggsLab, tmp_path: Path) -> None:
    bundle_of(lab, tmp_path / "a.tar")
    bundle_of(lab, tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_revision_that_is_taken_gives_way_to_the_next(
    lab: EggsLab, other: LabHome, tmp_path: Path
) -> None:
    bundle_of(lab, tmp_path / "b.tar", harmful=True)
    connection = open_catalog(other)
    connection.execute(
        "INSERT INTO experiments (id, name, revision, spec_sha256, spec_text, created_at)"
        " VALUES ('eggs.1', 'eggs', 1, 'other', 'other', 1)"
    )
    connection.commit()
    connection.close()
    take_in(other, tmp_path / "b.tar")
    there = open_reader(other)
    assert why(there, "eggs.2:multi:mtld").value == 3.5
    row = there.execute("SELECT spec_text FROM experiments WHERE id = 'eggs.1'").fetchone()
    assert row["spec_text"] == "other"


def test_a_run_of_that_id_with_other_content_is_refused_and_nothing_comes_in(
    lab: EggsLab, other: LabHome, tmp_path: Path
) -> None:
    bundle_of(lab, tmp_path / "b.tar")
    taken = EggsLab(other)
    taken.imports()
    directory = taken.directory("import/train")
    manifest = durable.read_json(directory.manifest)
    durable.write_json(directory.manifest, {**manifest, "digest": "0" * 64})
    before = sorted(path.name for path in other.runs.iterdir())
    with pytest.raises(ConflictError, match="other content"):
        take_in(other, tmp_path / "b.tar")
    assert sorted(path.name for path in other.runs.iterdir()) == before


def test_an_unfinished_run_cannot_leave(lab: EggsLab, tmp_path: Path) -> None:
    connection = open_catalog(lab.home)
    run_id = lab.directory("mix/multi").root.name
    connection.execute("UPDATE runs SET state = 'running' WHERE id = ?", (run_id,))
    connection.commit()
    connection.close()
    with pytest.raises(ConflictError, match="running"):
        bundle_of(lab, tmp_path / "b.tar", "collapse/multi.s0")
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize("name", ["b.zip", "b.tar.zst", "b"])
def test_another_form_of_archive_is_refused(lab: EggsLab, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.tar"):
        bundle_of(lab, tmp_path / name)


RUN = "runs/00000000"
HOSTILE_NAMES = [
    "/etc/passwd", "../x", f"{RUN}/out/../../x", f"{RUN}/out/./x", f"{RUN}//out/x", "runs/../x",
    f"{RUN}/out/a\\b", "C:/x", f"{RUN}/out/C:x", f"{RUN}/out/con", f"{RUN}/out/NUL.txt",
    f"{RUN}/out/com1.json", f"{RUN}/out/x.", f"{RUN}/out/x ", f"{RUN}/out/x\n", f"{RUN}/out/\x1b[2J",
    f"{RUN}/out/\u202ex", f"{RUN}/out/" + "x" * 600, f"{RUN}/log.txt", f"{RUN}/lock",
    "/".join((RUN, "work", "x")),
    "runs/abc/spec.json", "runs/0000000l/spec.json", f"{RUN}/out", "catalog.db", "settings.toml",
    "experiments/x/experiment.json", "experiments/../experiment.json",
    "experiments/eggs.1/evil.json", "", ".", "runs",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_is_no_part_of_a_bundle_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_member_name(name)


@pytest.mark.parametrize(
    "name",
    [BUNDLE_FILE, f"{RUN}/spec.json", f"{RUN}/exit-1.json", f"{RUN}/out/adapter/a_b-c.safetensors",
     "experiments/my-eggs_2.13/experiment.json"],
)  # fmt: skip
def test_the_names_of_a_bundle_pass(name: str) -> None:
    check_member_name(name)


Change = Callable[[dict[str, bytes]], None]


def rewritten(source: Path, target: Path, change: Change, *, rehash: bool = True) -> Path:
    """The bundle with its files changed, and its own list of hashes made to fit."""
    with tarfile.open(source) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]  # all files
    change(files)
    header = json.loads(files.pop(BUNDLE_FILE))
    if rehash:
        header["files"] = [
            {"name": n, "size": len(c), "sha256": hashlib.sha256(c).hexdigest()}
            for n, c in files.items()
        ]
    with tarfile.open(target, "w") as archive:
        for name, content in {BUNDLE_FILE: json.dumps(header).encode(), **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target


def in_file(ending: str, old: bytes, new: bytes) -> Change:
    def change(files: dict[str, bytes]) -> None:
        hits = [n for n in files if n.endswith(ending) and old in files[n]]
        assert hits, ending
        files[hits[0]] = files[hits[0]].replace(old, new, 1)

    return change


def dropped(ending: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        del files[next(n for n in files if n.endswith(ending))]

    return change


def added(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[name] = b"{}"

    return change


TAMPERED: dict[str, Change] = {
    "an answer": in_file("responses.jsonl", b'"text"', b'"tixt"'),
    "a parameter": in_file("spec.json", b"0.0001", b"0.0002"),
    "a key": in_file("spec.json", b'"key": "', b'"key": "0'),
    "a digest": in_file("MANIFEST.json", b'"digest": "', b'"digest": "0'),
    "a state": in_file("exit.json", b"succeeded", b"cancelled"),
    "an input": in_file("spec.json", b'"role": "mixture"', b'"role": "nixture"'),
    "an id": in_file("spec.json", b'"run_id": "', b'"run_id": "../'),
    "the experiment's text": in_file("experiment.json", b"purpose", b"porpose"),
    "the experiment's id": in_file("experiment.json", b'"eggs.1"', b'"eggs.2"'),
    "a missing file": dropped("mixture.jsonl"),
    "a missing manifest": dropped("MANIFEST.json"),
    "a missing spec": dropped("spec.json"),
    "one file more": added("runs/00000000/spec.json"),
    "broken JSON": in_file("spec.json", b"{", b""),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_bundle_that_is_not_what_it_says_brings_nothing_in(
    lab: EggsLab, other: LabHome, tmp_path: Path, what: str
) -> None:
    bundle_of(lab, tmp_path / "good.tar")
    bad = rewritten(tmp_path / "good.tar", tmp_path / "bad.tar", TAMPERED[what])
    with pytest.raises(UsageError):
        take_in(other, bad)
    assert list(other.runs.iterdir()) == []
    assert list(other.experiments.iterdir()) == []
    assert list(other.cache.glob("import-*")) == []


def test_a_changed_byte_is_found_by_the_list_of_hashes(
    lab: EggsLab, other: LabHome, tmp_path: Path
) -> None:
    bundle_of(lab, tmp_path / "good.tar")
    change = in_file("events.jsonl", b"2.5", b"9.5")
    bad = rewritten(tmp_path / "good.tar", tmp_path / "bad.tar", change, rehash=False)
    with pytest.raises(UsageError, match="not what the bundle promises"):
        take_in(other, bad)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_links_devices_and_folders_are_refused(
    lab: EggsLab, other: LabHome, tmp_path: Path, kind: bytes
) -> None:
    bundle_of(lab, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar", "a") as archive:
        info = tarfile.TarInfo(f"{RUN}/out/x")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(UsageError, match="link or a device"):
        take_in(other, tmp_path / "good.tar")
    assert list(other.runs.iterdir()) == []


def test_a_name_that_comes_twice_is_refused(lab: EggsLab, other: LabHome, tmp_path: Path) -> None:
    bundle_of(lab, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar", "a") as archive:
        archive.addfile(tarfile.TarInfo(BUNDLE_FILE.upper()))
    with pytest.raises(UsageError):
        take_in(other, tmp_path / "good.tar")


@pytest.mark.parametrize(
    "content", [b"", b"hello", gzip.compress(b"hello", mtime=0), b"\x1f\x8b broken"]
)
def test_what_is_no_bundle_is_refused_in_words(
    other: LabHome, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(UsageError):
        take_in(other, tmp_path / "x.tar")


def test_a_bundle_that_was_cut_short_is_refused(
    lab: EggsLab, other: LabHome, tmp_path: Path
) -> None:
    bundle_of(lab, tmp_path / "b.tar.gz")
    whole = (tmp_path / "b.tar.gz").read_bytes()
    for share in (0.3, 0.7, 0.99):
        (tmp_path / "cut.tar.gz").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UsageError):
            take_in(other, tmp_path / "cut.tar.gz")
    assert list(other.runs.iterdir()) == []


def test_the_supervisor_takes_in_only_what_an_import_unpacked(other: LabHome) -> None:
    connection = open_catalog(other)
    for folder in ("../runs", "runs", "import-x/../..", "/etc", "."):
        with pytest.raises(UsageError):
            adopt(connection, other, folder, [RunId("00000000")], [])


def test_the_command_line_makes_the_whole_trip(lab: EggsLab, tmp_path: Path) -> None:
    from tests.commands import Command

    target = tmp_path / "eggs.tar.gz"
    exported = Command(lab.home).run("export-run", "eggs", "--out", str(target))
    assert exported.returncode == 0, exported.stderr
    assert "left out: harm.prompts.jsonl" in exported.stderr
    assert "synthlab import-run eggs.tar.gz" in exported.stderr
    there = Command(prepare_home(LabHome(tmp_path / "there")))
    brought = there.json("import-run", str(target))
    assert len(brought["runs"]) == len(lab.steps)
    found: Any = there.json("why", "eggs:multi:mtld")
    assert found["value"] == 3.5
    assert there.run("verify", "eggs:vanilla:mtld").returncode == 0
    assert there.run("verify", "eggs").returncode == 1
    assert Path(brought["next"][0].removeprefix("synthlab run ")).is_file()
