"""`synthlab report` on a lab that has run: whole, offline, the same bytes twice, every number traceable."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from PIL import Image

from storage import durable
from storage.catalog.connection import open_reader
from storage.durable import sha256_file
from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.errors import ConflictError, NotFoundError, UsageError
from synthlab.lineage.names import find_results
from synthlab.report.writing import MARKER, ReportSummary, write_report
from tests.commands import Command
from tests.unit.latex_structure import faults

pytestmark = pytest.mark.slow

SWAPS = 100
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Page(HTMLParser):
    """What a page refers to, and the ids that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "data", "action", "srcset", "poster") and value is not None:
                self.references.append(value)
            elif name == "id" and value is not None:
                self.ids.append(value)


@pytest.fixture(scope="module")
def made(tiny_lab: Command, tmp_path_factory: pytest.TempPathFactory) -> ReportSummary:
    out = tmp_path_factory.mktemp("report") / "tiny"
    return write_report(tiny_lab.home, "tiny", out, swaps=SWAPS)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_the_page_refers_to_nothing_outside_its_folder(made: ReportSummary) -> None:
    page = Page(made.page.read_text())
    assert "script" not in page.tags and "link" not in page.tags and "iframe" not in page.tags
    assert sum(one.endswith(".svg") for one in page.references) == made.figures > 15
    for reference in page.references:
        parts = urlsplit(reference)
        assert not parts.scheme and not parts.netloc, reference
        if parts.path:
            assert (made.folder / unquote(parts.path)).is_file(), reference
        else:
            assert unquote(parts.fragment) in page.ids, reference
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in made.page.read_text()


def test_markdown_shows_every_figure_and_no_html(made: ReportSummary) -> None:
    text = (made.folder / "report.md").read_text()
    images = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(images) == made.figures
    assert all((made.folder / name).is_file() for name in images)
    assert not re.search(r"(?<!\\)<[a-z/!]", text)


def test_every_figure_is_a_picture_in_both_forms(made: ReportSummary) -> None:
    pictures = sorted((made.folder / "figures").glob("*.png"))
    assert len(pictures) == made.figures
    for picture in pictures:
        with Image.open(picture) as image:
            shades = image.convert("L").histogram()
            assert image.width > 800
        assert sum(shades[:128]) > 500, f"{picture.name} is blank"
        root = ElementTree.parse(picture.with_suffix(".svg")).getroot()
        assert len(list(root.iter())) > 50
        outside = [v for node in root.iter() for v in node.attrib.values() if v.startswith("http")]
        assert all("w3.org" in one or "purl.org" in one for one in outside)
        assert rows_of(picture.with_suffix(".csv"))


def test_the_paper_s_chart_set_is_there(made: ReportSummary) -> None:
    names = {path.stem for path in (made.folder / "figures").glob("*.svg")}
    assert {
        "ppl1", "ppl2", "lexical-self-bleu-4", "heaps", "refusal", "attack-success-rate-harmful",
        "states", "quality-harmfulness", "preference", "self-preference", "training-loss", "pareto",
    } <= names  # fmt: skip


def test_every_address_leads_to_its_number(made: ReportSummary, tiny_lab: Command) -> None:
    connection = open_reader(tiny_lab.home)
    try:
        for row in rows_of(made.folder / "aggregates.csv"):
            found = find_results(connection, row["why"]).results
            assert len(found) == 1 and found[0].run_id == row["run"]
            assert found[0].value == (float(row["value"]) if row["value"] else None)
        for name in ("comparisons.csv", "judges.csv"):
            addresses = [row["why"] for row in rows_of(made.folder / name) if row["why"]]
            assert addresses
            assert all(find_results(connection, address).results for address in addresses)
        tex = (made.folder / "tables" / "differences-collapse.tex").read_text()
        addresses = re.findall(r"^% synthlab why (\S+)$", tex, re.MULTILINE)
        compared = [
            row for row in rows_of(made.folder / "comparisons.csv") if row["axis"] == "collapse"
        ]
        assert addresses == [row["why"] for row in compared]
        for address in addresses:
            found_both = find_results(connection, address)
            assert found_both.results and found_both.baseline
    finally:
        connection.close()


def test_aggregates_are_the_results_of_the_lab(made: ReportSummary, tiny_lab: Command) -> None:
    results = tiny_lab.json("results", "tiny")["rows"]
    rows = rows_of(made.folder / "aggregates.csv")
    assert len(rows) == len(results)
    for row, result in zip(rows, results, strict=True):
        assert (row["metric"], row["condition"]) == (result["name"], result["condition"])
        assert row["value"] == ("" if result["value"] is None else repr(result["value"]))
        assert row["value"] or row["reason"]


def test_latex_tables_are_sound_and_the_document_sets_them_all(made: ReportSummary) -> None:
    tables = sorted((made.folder / "tables").glob("*.tex"))
    assert len(tables) == made.tables + 1
    for table in tables:
        assert faults(table.read_text()) == [], table.name
    document = (made.folder / "tables" / "document.tex").read_text()
    assert set(re.findall(r"\\input\{([^}]+)\}", document)) == {
        table.stem for table in tables if table.stem != "document"
    }


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(made: ReportSummary, tmp_path: Path) -> None:
    folder = shutil.copytree(made.folder / "tables", tmp_path / "tables")
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-2000:]
    assert (folder / "document.pdf").stat().st_size > 10_000


def harmful_texts(home: LabHome) -> Iterator[str]:
    """Every prompt of the harmful sets and every answer to one."""
    for path in sorted(home.runs.iterdir()):
        if path.name.startswith("."):
            continue
        directory = RunDir(path)
        label = directory.read_spec().label
        if label.startswith(("answers-harmful/", "answers-wrapped/")):
            rows = durable.read_records(directory.out / "responses.jsonl")
        elif label in ("import/harmful", "compose/wrapped"):
            rows = [
                r for f in directory.out.glob("*.prompts.jsonl") for r in durable.read_records(f)
            ]
        else:
            continue
        yield from (str(row["text"]) for row in rows if len(str(row["text"])) > 12)


def test_harmful_texts_are_in_no_file_unless_they_are_asked_for(
    made: ReportSummary, tiny_lab: Command, tmp_path: Path
) -> None:
    texts = list(harmful_texts(tiny_lab.home))
    assert len(texts) > 50
    every = "\n".join(
        p.read_text() for p in made.folder.rglob("*") if p.suffix in (".csv", ".html", ".md")
    )
    assert not [text for text in texts if text in every]
    assert made.texts_left_out > 0
    rows = rows_of(made.folder / "items" / "robustness.csv")
    harmful = [row for row in rows if row["purpose"] != "benign"]
    assert harmful and all(len(row["answer_sha256"]) == 64 or not row["answer"] for row in harmful)
    asked = write_report(
        tiny_lab.home, "tiny", tmp_path / "r", with_harmful_texts=True, swaps=SWAPS
    )
    shown = rows_of(asked.folder / "items" / "robustness.csv")
    assert asked.texts_left_out == 0
    answers = {row["answer"].lstrip("'") for row in shown}
    assert sum(text in answers for text in texts) > 20


def test_a_report_made_twice_is_the_same_bytes(
    made: ReportSummary, tiny_lab: Command, tmp_path: Path
) -> None:
    again = write_report(tiny_lab.home, "tiny", tmp_path / "again", swaps=SWAPS)
    names = sorted(str(p.relative_to(made.folder)) for p in made.folder.rglob("*") if p.is_file())
    for name in names:
        assert (made.folder / name).read_bytes() == (again.folder / name).read_bytes(), name
    listed = json.loads((made.folder / MARKER).read_text())["files"]
    assert sorted([*listed, MARKER]) == names
    assert all(sha256_file(made.folder / name) == digest for name, digest in listed.items())
    replaced = write_report(tiny_lab.home, "tiny.1", again.folder, swaps=SWAPS)
    assert replaced.files == again.files


def test_a_folder_with_anything_else_in_it_is_left_alone(
    made: ReportSummary, tiny_lab: Command, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConflictError, match=r"mine\.txt"):
        write_report(tiny_lab.home, "tiny", tmp_path)
    (made.folder / "notes.txt").write_text("mine")
    with pytest.raises(ConflictError, match=r"notes\.txt"):
        write_report(tiny_lab.home, "tiny", made.folder)
    (made.folder / "notes.txt").unlink()
    with pytest.raises(UsageError, match="not a folder"):
        write_report(tiny_lab.home, "tiny", tmp_path / "mine.txt")
    with pytest.raises(NotFoundError, match="no experiment"):
        write_report(tiny_lab.home, "nothing", tmp_path / "x")
    assert (tmp_path / "mine.txt").read_text() == "mine" and not (tmp_path / "x").exists()


def test_limits_and_card_say_what_applies(made: ReportSummary) -> None:
    text = (made.folder / "report.md").read_text().replace("\\", "")
    for words in (
        "2 seeds: too few for a claim",
        "differences are undecided at",
        "Judge gates failed for",
        "no document has 50 words",
        "Measured unlike in n",
        "Apache-2.0 (written for this project)",
        "builtin:tiny-verse",
        "lora.r",
        "finetune/human.s0",
        "transformers",
    ):
        assert words in text, words
    card = (made.folder / "experiment.toml").read_text()
    assert card.startswith("# Does the mix of sources")


def test_the_verb_prints_the_page_and_a_document(tiny_lab: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "verb")
    ended = tiny_lab.run("report", "tiny", "--out", out, "--swaps", str(SWAPS))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == f"{out}/report.html"
    assert "hashes only" in ended.stderr
    document = tiny_lab.json("report", "tiny", "--out", out, "--swaps", str(SWAPS))
    assert document["schema"] == "synthlab.report/1" and document["page"] == f"{out}/report.html"
    refused = tiny_lab.run("report", "tiny", "--out", str(tmp_path))
    assert refused.returncode == 4 and "no report wrote" in refused.stderr


@pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason=f"none of {', '.join(BROWSERS)} is installed"
)
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_a_real_browser_shows_the_whole_page_offline(
    made: ReportSummary, tmp_path: Path, scheme: int
) -> None:
    shot = screenshot(made.page, tmp_path, scheme)
    with Image.open(shot) as image:
        shades = image.convert("L").histogram()
        colours = image.convert("RGB").getcolors(image.width * image.height) or []
    usual = max(range(256), key=shades.__getitem__)
    assert usual < 60 if scheme == 0 else usual > 240
    # The conditions' colours are only in the figures: as many pixels as figures that could be loaded.
    blue = sum(n for n, c in colours if isinstance(c, tuple) and c[2] - c[0] > 60)
    assert blue > 10_000
    hidden = tmp_path / "hidden"
    shutil.copytree(made.folder, hidden)
    shutil.rmtree(hidden / "figures")
    with Image.open(screenshot(hidden / "report.html", tmp_path, scheme)) as image:
        bare = image.convert("RGB").getcolors(image.width * image.height) or []
    assert sum(n for n, c in bare if isinstance(c, tuple) and c[2] - c[0] > 60) < blue / 2


def screenshot(page: Path, folder: Path, scheme: int) -> Path:
    """The page as headless Chromium shows it, with every host unreachable."""
    program = next(found for found in map(shutil.which, BROWSERS) if found)
    shot = folder / "page.png"
    shot.unlink(missing_ok=True)
    browser = subprocess.Popen(
        [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
         f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1100,12000",
         f"--screenshot={shot}", page.as_uri()],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        browser.wait(timeout=120)
    finally:
        if browser.poll() is None:
            os.killpg(browser.pid, signal.SIGKILL)
    assert shot.is_file(), "the browser made no screenshot"
    return shot
