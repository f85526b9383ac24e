"""One item on its way back: its answer, its prompt, and the rows that the answering model learnt from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage import durable
from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.errors import NotFoundError
from synthlab.lineage.harmful import harmful_sets
from synthlab.lineage.hops import Hop, Lineage
from synthlab.lineage.items import ItemFact
from synthlab.lineage.names import ResultFact


@dataclass(frozen=True)
class RecordPlace:
    """Where a record stands."""

    run_id: str
    label: str
    file: str
    line: int
    """Counted from 1."""


@dataclass(frozen=True)
class TextRecord:
    """A prompt or a response, with its text only where it may be shown."""

    id: str
    generator: str
    """Empty for a prompt."""
    finish_reason: str
    place: RecordPlace
    text: str | None
    """None where the set is harmful and texts were not asked for."""


@dataclass(frozen=True)
class TrainingRow:
    """One row that the answering model was trained on, and the response that it came from."""

    id: str
    prompt_id: str
    generator: str
    response_id: str
    place: RecordPlace
    origin: RecordPlace | None
    """Where the generator's response stands; None if it is not found there any more."""


@dataclass(frozen=True)
class ItemWalk:
    """One item with everything that it rests on."""

    item: ItemFact
    record: Mapping[str, Any]
    """The measured row as it stands in the file."""
    answers: tuple[TextRecord, ...]
    prompt: TextRecord | None
    training: tuple[TrainingRow, ...]
    """Empty for a model that was not trained here."""
    is_trained_on_prompt: bool
    """Whether the item's prompt is one of the training prompts."""
    hidden: tuple[str, ...] = field(default=())
    """Prompt sets whose texts are withheld."""


def walk_item(
    connection: sqlite3.Connection,
    home: LabHome,
    lineage: Lineage,
    fact: ResultFact,
    item: ItemFact,
    *,
    with_texts: bool,
) -> ItemWalk:
    """Follow one item of a result; raises NotFoundError if its files are gone."""
    reader = _Reader(home, lineage, harmful_sets(connection, lineage), with_texts)
    hop = lineage.hops[fact.run_id]
    record = reader.line(hop, item.file, item.line)
    answers = [a for one in item.response_ids if (a := reader.response(hop, item, one))]
    training: list[TrainingRow] = []
    for run_id in _mixtures(lineage, hop, [answer.place.run_id for answer in answers]):
        training += reader.training(lineage.hops[run_id])
    return ItemWalk(
        item,
        record,
        tuple(answers),
        reader.prompt(hop, item),
        tuple(training),
        any(row.prompt_id == item.prompt_id for row in training),
        tuple(sorted(reader.hidden)),
    )


def _mixtures(lineage: Lineage, hop: Hop, answered_by: list[str]) -> list[str]:
    """The mixtures behind the adapters of the answering runs, or of the measuring run."""
    found = []
    for run_id in (*answered_by, hop.run_id):
        for given in lineage.hops[run_id].inputs:
            if given.role == "adapter":
                found += [
                    i.run_id for i in lineage.hops[given.run_id].inputs if i.role == "mixture"
                ]
    return list(dict.fromkeys(found))


@dataclass
class _Reader:
    home: LabHome
    lineage: Lineage
    harmful: Mapping[str, frozenset[str]]
    with_texts: bool
    hidden: set[str] = field(default_factory=set)

    def records(self, hop: Hop, file: str) -> Iterator[durable.Line]:
        return durable.read_lines(RunDir(self.home.run(hop.run_id)).published(file))

    def line(self, hop: Hop, file: str, number: int) -> Mapping[str, Any]:
        for line in self.records(hop, file):
            if line.number == number and isinstance(line.record, dict):
                return line.record
        raise NotFoundError(f"run {hop.run_id}: {file} has no line {number}", "synthlab verify")

    def response(self, hop: Hop, item: ItemFact, response_id: str) -> TextRecord | None:
        """The record of that id in an input of the measuring run; the axis decides which inputs."""
        for given in hop.inputs:
            name, _, prompt_set = given.role.partition(":")
            if prompt_set and item.prompt_set and prompt_set != item.prompt_set:
                continue
            if name not in ("answers", "human", "candidate", "prompts"):
                continue
            source = self.lineage.hops[given.run_id]
            for file in _response_files(source, hop):
                for line in self.records(source, file):
                    if isinstance(line.record, dict) and line.record.get("id") == response_id:
                        return self.record(source, file, line, str(hop.params.get("prompts", "")))
        return None

    def prompt(self, hop: Hop, item: ItemFact) -> TextRecord | None:
        wanted = item.prompt_set or str(hop.params.get("prompts", ""))
        for role in ("human", "prompts", f"prompts:{wanted}"):
            given = next((i for i in hop.inputs if i.role == role), None)
            if given is None:
                continue
            source = self.lineage.hops[given.run_id]
            file = f"{wanted}.prompts.jsonl"
            for line in self.records(source, file):
                if isinstance(line.record, dict) and line.record.get("id") == item.prompt_id:
                    return self.record(source, file, line, wanted)
        return None

    def training(self, mix: Hop) -> list[TrainingRow]:
        """Rows of a mixture, each with the line of the response that it was taken from."""
        origins: dict[tuple[str, str], RecordPlace] = {}
        for part in mix.params.get("parts", ()):
            given = next((i for i in mix.inputs if i.role == part["role"]), None)
            source = self.lineage.hops[given.run_id] if given else None
            if source is None:
                continue
            file = f"{part['set']}.responses.jsonl" if part["set"] else "responses.jsonl"
            for line in self.records(source, file):
                if isinstance(line.record, dict):
                    place = RecordPlace(source.run_id, source.label, file, line.number)
                    origins[line.record["generator"], line.record["id"]] = place
        return [
            TrainingRow(
                line.record["id"],
                line.record["prompt_id"],
                line.record["generator"],
                line.record["response_id"],
                RecordPlace(mix.run_id, mix.label, "mixture.jsonl", line.number),
                origins.get((line.record["generator"], line.record["response_id"])),
            )
            for line in self.records(mix, "mixture.jsonl")
            if isinstance(line.record, dict)
        ]

    def record(self, hop: Hop, file: str, line: durable.Line, prompt_set: str) -> TextRecord:
        record = line.record
        is_hidden = hop.run_id in self.harmful and not self.with_texts
        if is_hidden:
            own = hop.params.get("prompts") if hop.kind == "generate" else file.partition(".")[0]
            is_hidden = str(own or prompt_set) in self.harmful[hop.run_id]
            self.hidden |= {str(own or prompt_set)} if is_hidden else set()
        return TextRecord(
            str(record["id"]),
            str(record.get("generator", "")),
            str(record.get("finish_reason", "")),
            RecordPlace(hop.run_id, hop.label, file, line.number),
            None if is_hidden else str(record["text"]),
        )


def _response_files(source: Hop, reader: Hop) -> list[str]:
    if source.kind == "generate":
        return ["responses.jsonl"]
    sets = [str(reader.params.get("prompts", ""))]
    sets += [str(one["set"]) for one in reader.params.get("candidates", ()) if one["set"]]
    return [f"{name}.responses.jsonl" for name in dict.fromkeys(sets) if name]
