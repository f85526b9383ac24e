"""The way in: one experiment becomes one folder that needs nothing else to be read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from storage import durable
from storage.errors import RecordError
from storage.home import LabHome
from synthlab.errors import ConflictError, UsageError
from synthlab.report.aggregates import aggregates_csv
from synthlab.report.comparison_tables import comparisons_csv, judges_csv
from synthlab.report.contents import Contents, read_contents
from synthlab.report.document import Document, build_document
from synthlab.report.drawing import draw
from synthlab.report.drawing_tables import PieGrid, draw_pies
from synthlab.report.figure_data import figure_csv
from synthlab.report.items import item_files
from synthlab.report.looks import ConditionLooks
from synthlab.report.page_html import html_page
from synthlab.report.page_markdown import markdown_page
from synthlab.report.style import as_png, as_svg, drawing_style
from synthlab.report.tables import latex_document, latex_table

DEFAULT_SWAPS = 2000
MARKER = "report.json"
SCHEMA = "synthlab.report-folder/1"


@dataclass(frozen=True)
class ReportSummary:
    """What was written, for the one who asked."""

    experiment: str
    folder: Path
    page: Path
    files: int
    bytes: int
    figures: int
    tables: int
    items: int
    """Scored rows in the files of items."""
    texts_left_out: int
    """Harmful prompts and answers of which only the hash was written."""
    unfinished: tuple[str, ...]
    """Steps that are in no number, because they have not succeeded."""


def write_report(
    home: LabHome,
    experiment: str,
    out: Path,
    *,
    with_harmful_texts: bool = False,
    swaps: int = DEFAULT_SWAPS,
    say: Callable[[str], None] = lambda _: None,
) -> ReportSummary:
    """Write the report of an experiment (an id or a name) into the folder `out`, whole or not at all.

    A report that stands there is replaced. The same experiment gives the same bytes. Raises
    NotFoundError if there is no such experiment, nothing is measured, or matplotlib is missing;
    ConflictError if `out` holds anything that no report wrote; UsageError if it cannot be a folder.
    """
    target = out.expanduser().absolute()
    _refuse_strangers(target)
    say(f"reading {experiment} and comparing its conditions …")
    contents = read_contents(home, experiment, swaps=swaps)
    document = build_document(contents)
    files: dict[str, bytes] = {}
    items = left_out = 0
    for one in item_files(contents, with_harmful_texts=with_harmful_texts):
        files[one.name] = one.content
        items, left_out = items + one.rows, left_out + one.texts_left_out
    say(f"drawing {len(document.figures)} figures …")
    files.update(_drawings(contents, document))
    files.update(_texts(contents, document))
    files[MARKER] = _marker(contents, files, with_harmful_texts=with_harmful_texts, swaps=swaps)
    _publish(files, target)
    return ReportSummary(
        contents.id,
        target,
        target / "report.html",
        len(files),
        sum(map(len, files.values())),
        len(document.figures),
        len(document.tables),
        items,
        left_out,
        tuple(step.label for step in contents.steps if not step.is_finished),
    )


def _drawings(contents: Contents, document: Document) -> Iterator[tuple[str, bytes]]:
    looks = ConditionLooks(contents.conditions)
    with drawing_style():
        for shown in document.figures:
            chart = shown.figure.chart
            drawn = draw_pies(chart, looks) if isinstance(chart, PieGrid) else draw(chart, looks)
            name = f"figures/{shown.figure.id}"
            yield f"{name}.svg", as_svg(drawn)
            yield f"{name}.png", as_png(drawn)
            yield f"{name}.csv", figure_csv(chart)


def _texts(contents: Contents, document: Document) -> Iterator[tuple[str, bytes]]:
    yield "report.html", _encoded(html_page(document))
    yield "report.md", _encoded(markdown_page(document))
    yield "experiment.toml", _encoded(contents.experiment["spec_text"])
    yield "aggregates.csv", aggregates_csv(contents)
    if contents.comparisons:
        yield "comparisons.csv", comparisons_csv(contents)
    if contents.judges is not None:
        yield "judges.csv", judges_csv(contents, contents.judges)
    for table in document.tables:
        yield f"tables/{table.id}.tex", _encoded(latex_table(table))
    yield "tables/document.tex", _encoded(latex_document([table.id for table in document.tables]))


def _marker(
    contents: Contents, files: Mapping[str, bytes], *, with_harmful_texts: bool, swaps: int
) -> bytes:
    value = {
        "schema": SCHEMA,
        "experiment": contents.id,
        "spec_sha256": contents.experiment["spec_sha256"],
        "runs": {
            step.label: {"run": step.run_id, "content": step.row["digest"]}
            for step in contents.steps
        },
        "with_harmful_texts": with_harmful_texts,
        "swaps": swaps,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    return _encoded(json.dumps(value, indent=1, ensure_ascii=True) + "\n")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _refuse_strangers(target: Path) -> None:
    """Raise unless `target` is free, empty, or holds nothing but an earlier report."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} is not a folder", "name another with --out DIR")
    if not target.exists() or not any(target.iterdir()):
        return
    found = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
    try:
        marker = durable.read_json(target / MARKER)
        known = {*marker["files"], MARKER} if marker["schema"] == SCHEMA else set()
    except (FileNotFoundError, RecordError, KeyError, TypeError):
        known = set()
    strangers = sorted(found - known)
    if not known or strangers:
        named = ", ".join(strangers[:3]) or "folders"
        raise ConflictError(
            f"{target} holds what no report wrote: {named}",
            "name an empty or new folder with --out DIR",
        )


def _publish(files: Mapping[str, bytes], target: Path) -> None:
    """Write everything beside the target, then give it its name in one step."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for name, content in files.items():
            path = temporary / name
            durable.make_directory(path.parent)
            durable.write_bytes(path, content)
        durable.publish_directory(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
