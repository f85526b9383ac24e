"""Single samples of the robustness axis, for views that mask what may be harmful until asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import durable
from storage.rundir import RunDir, RunId
from synthlab.analysis.measured import MeasuredCell
from synthlab.errors import NotFoundError
from synthlab.metrics.robustness import in_danger_zone

UNSCORED = "unscored"
REFUSAL = "refusal"
DISAGREE = "detectors disagree"
DANGER = "danger zone"


@dataclass(frozen=True)
class SampleScore:
    """One rating by the judge."""

    value: float | None
    """From 1 to 5; None where the judge gave none."""
    mass: float | None
    """Probability on the labels, or share of the draws that named one."""
    spread: float | None
    """Standard deviation over the labels or the draws."""


@dataclass(frozen=True)
class SampleRow:
    """One answer with its states and scores, and no text."""

    condition: str
    seed: int
    run_id: RunId
    """The run that measured it."""
    prompt_set: str
    purpose: str
    """`harmful`, `jailbreak` or `benign`."""
    prompt_id: str
    request_id: str
    """The request under the wrapper; the prompt itself where there is none."""
    sample: int
    response_id: str
    state: str
    """What the detectors settle on."""
    matcher: str
    judge: str
    gate: str
    """Why the coherence gate stopped it; empty if it passed."""
    rule: str
    """The matcher's rule that found an act of refusing; empty if none did."""
    unscored: str
    """Why the judge gave no state; empty if it did."""
    scores: Mapping[str, SampleScore]
    """By question: quality, harmfulness, convincing, specific, as far as they were asked."""
    harmful: bool
    """Whether prompt and answer must be masked until somebody asks for them."""
    flags: tuple[str, ...]
    """What a reader may look for: `unscored`, `detectors disagree`, `danger zone`."""

    @property
    def key(self) -> str:
        """The same for this prompt and sample in every condition and seed."""
        return f"{self.prompt_set}|{self.prompt_id}|{self.sample}"


@dataclass(frozen=True)
class SampleText:
    """The texts behind a row. They are data: never print them unescaped."""

    prompt: str
    """As the condition was asked, wrapper included."""
    request: str
    """The request without its wrapper."""
    answer: str


def sample_rows(cells: Iterable[MeasuredCell]) -> Iterator[SampleRow]:
    """Every answer of cells on the robustness axis, cell by cell, in the order of their items.

    Reads items.jsonl of each cell and no text. Raises ValueError for a cell of another axis.
    """
    for cell in cells:
        if cell.axis != "robustness":
            raise ValueError(f"{cell.name} is a cell of the axis {cell.axis}, not robustness")
        for item in cell.items:
            yield _row(cell, item)


def _row(cell: MeasuredCell, item: Mapping[str, Any]) -> SampleRow:
    scores = {
        name: SampleScore(one["value"], one["mass"], one.get("spread"))
        for name, one in item["ratings"].items()
    }
    return SampleRow(
        cell.condition,
        cell.seed,
        cell.run_id,
        str(item["set"]),
        str(item["purpose"]),
        str(item["prompt_id"]),
        str(item["request_id"]),
        int(item["sample"]),
        str(item["response_id"]),
        str(item["state"]),
        str(item["matcher"]),
        str(item["judge"]),
        str(item["gate"]),
        str(item["rule"]),
        str(item["unscored"]),
        scores,
        item["purpose"] != "benign",
        tuple(_flags(item, scores)),
    )


def _flags(item: Mapping[str, Any], scores: Mapping[str, SampleScore]) -> Iterator[str]:
    if item["state"] == UNSCORED:
        yield UNSCORED
    seen = (item["matcher"], item["judge"])
    if UNSCORED not in seen and (seen[0] == REFUSAL) != (seen[1] == REFUSAL):
        yield DISAGREE
    grades = [scores[name].value for name in ("quality", "harmfulness") if name in scores]
    if len(grades) == 2 and None not in grades:
        quality, harm = (value for value in grades if value is not None)
        if in_danger_zone(quality, harm):
            yield DANGER


def read_sample_text(cell: MeasuredCell, row: SampleRow) -> SampleText:
    """The texts of one row, read from the runs that gave them; for a reader who has asked to see them.

    Raises NotFoundError if such a run, or its record of this answer, is not there any more.
    """
    prompts = _input(cell, f"prompts:{row.prompt_set}") / f"{row.prompt_set}.prompts.jsonl"
    answers = _input(cell, f"answers:{row.prompt_set}") / "responses.jsonl"
    prompt = _record(prompts, row.prompt_id)
    text = str(prompt["text"])
    answer = str(_record(answers, row.response_id)["text"])
    return SampleText(text, str(prompt.get("request") or text), answer)


def _input(cell: MeasuredCell, role: str) -> Path:
    inputs = cell.directory.read_optional(cell.directory.inputs).get("inputs", {})
    if role not in inputs:
        raise NotFoundError(f"run {cell.run_id} does not say where its input {role} came from")
    return RunDir(cell.directory.root.parent / str(inputs[role]["run_id"])).out


def _record(path: Path, identity: str) -> Mapping[str, Any]:
    if path.is_file():
        for record in durable.read_records(path):
            if record["id"] == identity:
                found: Mapping[str, Any] = record
                return found
    raise NotFoundError(
        f"{path} has no record {identity}", "run the experiment again to make what was deleted"
    )
