"""What stands in a report and in which order, for the page and the Markdown file alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthlab.analysis.charts.descriptions import Chart
from synthlab.report.aggregates import headline_table, semantic_table, whole_tables
from synthlab.report.comparison_tables import (
    configuration_table,
    difference_table,
    foretold_table,
    judge_table,
    sentences,
    value_table,
)
from synthlab.report.contents import Contents
from synthlab.report.drawing_tables import PieGrid
from synthlab.report.figures import PARETO, ReportFigure, report_figures
from synthlab.report.limits import limits_of
from synthlab.report.run_card import run_card
from synthlab.report.tables import Table

AXES = {
    "collapse": "Collapse: how narrow the answers have become",
    "robustness": "Robustness: what harmful and harmless requests are answered",
    "bias": "Self-preference: what the conditions prefer as judges",
}
_NOTHING_DECIDED = "No difference was decided at this n; the limits below say what that means."


@dataclass(frozen=True)
class ShownFigure:
    """A figure with the names of its files below `figures/`."""

    figure: ReportFigure
    addresses: tuple[str, ...]
    """Where `synthlab why` finds what it shows; capitals stand for a choice."""

    @property
    def title(self) -> str:
        """What it shows."""
        chart: Chart | PieGrid = self.figure.chart
        return chart.title


@dataclass(frozen=True)
class Bullets:
    """Sentences under one another."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Verbatim:
    """A file, as it is."""

    text: str
    language: str


Part = ShownFigure | Table | Bullets | Paragraph | Verbatim


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    description: str
    sections: tuple[Section, ...]

    @property
    def figures(self) -> tuple[ShownFigure, ...]:
        """Every figure, in order."""
        parts = (part for section in self.sections for part in section.parts)
        return tuple(part for part in parts if isinstance(part, ShownFigure))

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        parts = (part for section in self.sections for part in section.parts)
        return tuple(part for part in parts if isinstance(part, Table))


def build_document(contents: Contents) -> Document:
    """Put everything that is known of an experiment into the order in which it is read."""
    figures = [ShownFigure(one, _addresses(contents, one)) for one in report_figures(contents)]
    decided = tuple(sentences(contents.comparisons))
    table = foretold_table(contents)
    foretold = (table,) if table is not None else ()
    sections = [
        Section(
            "findings", "What was decided", (Bullets(decided or (_NOTHING_DECIDED,)), *foretold)
        ),
        Section("limits", "Limits that apply", (Bullets(limits_of(contents)),)),
    ]
    for axis in contents.cells:
        shown = [one for one in figures if one.figure.axis == axis]
        parts: tuple[Part, ...] = (*_axis_tables(contents, axis), *shown)
        sections.append(Section(axis, AXES.get(axis, axis), parts))
    plane = [one for one in figures if one.figure.axis == PARETO]
    if plane:
        sections.append(Section("pareto", "Conditions in the plane of two metrics", tuple(plane)))
    training = [one for one in figures if not one.figure.axis]
    if training:
        sections.append(Section("training", "Training", tuple(training)))
    sections += [
        Section("card", "Run card", (*_configuration(contents), *run_card(contents))),
        Section("numbers", "Every number", tuple(whole_tables(contents))),
        Section(
            "file", "The experiment file", (Verbatim(contents.experiment["spec_text"], "toml"),)
        ),
        Section("files", "Files of this folder", (Bullets(_FILES),)),
    ]
    return Document(contents.id, contents.experiment["description"] or "", tuple(sections))


_FILES = (
    "aggregates.csv: every result with interval, n, comparability key and address",
    "comparisons.csv, judges.csv: every difference and every judge to full precision, where there are any",
    "items/: every scored row; texts of harmful prompt sets only as SHA-256 unless they were asked for",
    "figures/: every figure as SVG and PNG, with its numbers as CSV",
    "tables/: every table as LaTeX; document.tex sets them all",
    "experiment.toml: the experiment file; synthlab run experiment.toml does it again",
    "report.json: what made this folder, and the SHA-256 of every file in it",
)


def _axis_tables(contents: Contents, axis: str) -> Iterator[Table]:
    headline = headline_table(contents, axis)
    if headline is not None:
        yield headline
    for compared in contents.comparisons:
        if compared.axis == axis:
            yield from (
                table
                for table in (difference_table(contents, compared), value_table(contents, compared))
                if table.rows
            )
    if axis == "collapse":
        semantic = semantic_table(contents)
        if semantic is not None:
            yield semantic
    if axis == "bias" and contents.judges is not None:
        yield judge_table(contents, contents.judges)


def _configuration(contents: Contents) -> Iterator[Table]:
    table = configuration_table(contents)
    if table is not None:
        yield table


def _addresses(contents: Contents, figure: ReportFigure) -> tuple[str, ...]:
    return tuple(f"{contents.id}:CONDITION.sSEED:{metric}" for metric in figure.metrics)
