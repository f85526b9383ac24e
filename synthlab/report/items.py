"""Every scored row for a spreadsheet; texts of harmful sets stay out unless they are asked for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage import durable
from storage.rundir import RunDir
from synthlab.analysis.measured import MeasuredCell
from synthlab.escaping import CsvCell
from synthlab.lineage.harmful import HARMFUL_PURPOSES
from synthlab.report.contents import Contents
from synthlab.report.tables import csv_file

LEFT_OUT = "left out: --with-harmful-texts"
_Rows = Iterator[tuple[CsvCell, ...]]


@dataclass(frozen=True)
class ItemFile:
    """One CSV file of items."""

    name: str
    content: bytes
    rows: int
    texts_left_out: int


def item_files(contents: Contents, *, with_harmful_texts: bool) -> Iterator[ItemFile]:
    """One file for each axis that has finished cells, and one for ratings where there are some."""
    for axis, write in _WRITERS.items():
        cells = contents.cells.get(axis, ())
        if cells:
            texts = _Texts(contents, with_harmful_texts)
            header, rows = write(cells, texts)
            made = list(rows)
            if made:
                yield ItemFile(
                    f"items/{axis}.csv", csv_file(header, made), len(made), texts.left_out
                )
    ratings = list(_rating_rows(contents.cells.get("bias", ())))
    if ratings:
        yield ItemFile("items/ratings.csv", csv_file(_RATING_HEADER, ratings), len(ratings), 0)


class _Texts:
    """Prompts and answers of the experiment's runs, read once each, or the reason why not."""

    def __init__(self, contents: Contents, with_harmful_texts: bool) -> None:
        self._contents = contents
        self._shows_all = with_harmful_texts
        self._prompts: dict[tuple[str, str], Mapping[str, str]] = {}
        self._answers: dict[str, Mapping[str, str]] = {}
        self.left_out = 0

    def answered_set(self, cell: MeasuredCell) -> str:
        """The prompt set that a cell of the collapse axis has answered."""
        step = self._contents.of_run(cell.run_id)
        return str(step.params.get("prompts", "")) if step else ""

    def answered_prompt(self, cell: MeasuredCell, prompt_id: str) -> str:
        """A prompt's text by way of the run that answered it."""
        answers = self._contents.of_run(self._input(cell, "answers"))
        run = answers.inputs.get("prompts", "") if answers else ""
        return self._prompt(run, self.answered_set(cell), prompt_id)

    def prompt(self, cell: MeasuredCell, role: str, prompt_set: str, prompt_id: str) -> str:
        """The prompt's text."""
        return self._prompt(self._input(cell, role), prompt_set, prompt_id)

    def _prompt(self, run: str, prompt_set: str, prompt_id: str) -> str:
        if (run, prompt_set) not in self._prompts:
            file = f"{prompt_set}.prompts.jsonl"
            rows = durable.read_records(self._directory(run).published(file)) if run else []
            self._prompts[run, prompt_set] = {str(row["id"]): str(row["text"]) for row in rows}
        return self._prompts[run, prompt_set].get(prompt_id, "")

    def answer(self, cell: MeasuredCell, role: str, response_id: str) -> str:
        """The answer's text."""
        run = self._input(cell, role)
        if run not in self._answers:
            rows = durable.read_records(self._directory(run).out / "responses.jsonl") if run else []
            self._answers[run] = {str(row["id"]): str(row["text"]) for row in rows}
        return self._answers[run].get(response_id, "")

    def shown(self, text: str, prompt_set: str, purpose: str = "") -> str:
        """The text, or what stands in its place where its set is harmful."""
        is_harmful = purpose in HARMFUL_PURPOSES or prompt_set in self._contents.harmful_sets
        if is_harmful and not self._shows_all:
            self.left_out += 1
            return LEFT_OUT
        return text

    def _input(self, cell: MeasuredCell, role: str) -> str:
        step = self._contents.of_run(cell.run_id)
        return step.inputs.get(role, "") if step else ""

    def _directory(self, run: str) -> RunDir:
        return RunDir(self._contents.home.run(run))


def _collapse(cells: Sequence[MeasuredCell], texts: _Texts) -> tuple[tuple[str, ...], _Rows]:
    metrics = sorted({name for cell in cells for row in cell.items for name in row["metrics"]})
    header = (
        "experiment", "condition", "seed", "run", "prompt_set", "prompt_id", "sample",
        "response_id", "reason", "characters", "ppl1", "ppl1_sum_log_p", "ppl1_tokens", "ppl2",
        "ppl2_sum_log_p", "ppl2_tokens", *metrics, "prompt_sha256", "answer_sha256", "prompt",
        "answer",
    )  # fmt: skip

    def rows() -> _Rows:
        for cell in cells:
            name = texts.answered_set(cell)
            for row in cell.items:
                prompt = texts.answered_prompt(cell, row["prompt_id"])
                answer = texts.answer(cell, "answers", row["response_id"])
                yield (
                    cell.experiment, cell.condition, cell.seed, cell.run_id, name,
                    row["prompt_id"], row["sample"], row["response_id"], row["reason"],
                    row["characters"], *_perplexity(row["ppl1"]),
                    *_perplexity((row["human"] or {}).get("ppl2")),
                    *(_finite(row["metrics"].get(metric)) for metric in metrics), _sha256(prompt),
                    _sha256(answer), texts.shown(prompt, name), texts.shown(answer, name),
                )  # fmt: skip

    return header, rows()


def _robustness(cells: Sequence[MeasuredCell], texts: _Texts) -> tuple[tuple[str, ...], _Rows]:
    grades = sorted({name for cell in cells for row in cell.items for name in row["ratings"]})
    header = (
        "experiment", "condition", "seed", "run", "prompt_set", "purpose", "prompt_id",
        "request_id", "sample", "response_id", "state", "matcher", "judge", "gate", "rule",
        "state_mass", "unscored", *grades, *(f"{name}_mass" for name in grades), "prompt_sha256",
        "answer_sha256", "prompt", "answer",
    )  # fmt: skip

    def rows() -> _Rows:
        for cell in cells:
            for row in cell.items:
                name = str(row["set"])
                prompt = texts.prompt(cell, f"prompts:{name}", name, row["prompt_id"])
                answer = texts.answer(cell, f"answers:{name}", row["response_id"])
                ratings = [row["ratings"].get(grade) or {} for grade in grades]
                yield (
                    cell.experiment, cell.condition, cell.seed, cell.run_id, name, row["purpose"],
                    row["prompt_id"], row["request_id"], row["sample"], row["response_id"],
                    row["state"], row["matcher"], row["judge"], row["gate"], row["rule"],
                    _finite(row["state_mass"]), row["unscored"],
                    *(_finite(one.get("value")) for one in ratings),
                    *(_finite(one.get("mass")) for one in ratings), _sha256(prompt),
                    _sha256(answer), texts.shown(prompt, name, row["purpose"]),
                    texts.shown(answer, name, row["purpose"]),
                )  # fmt: skip

    return header, rows()


def _bias(cells: Sequence[MeasuredCell], texts: _Texts) -> tuple[tuple[str, ...], _Rows]:
    header = (
        "experiment", "condition", "seed", "run", "pair_id", "kind", "prompt_id", "x_generator",
        "x_response_id", "x_characters", "y_generator", "y_response_id", "y_characters",
        "x_first_log_p_first", "x_first_log_p_second", "y_first_log_p_first",
        "y_first_log_p_second", "reason",
    )  # fmt: skip

    def rows() -> _Rows:
        for cell in cells:
            for row in cell.items:
                x, y = row["x"], row["y"]
                odds = [one for order in row["log_p"] or () for one in order or ()]
                yield (
                    cell.experiment, cell.condition, cell.seed, cell.run_id, row["id"], row["kind"],
                    row["prompt_id"], x["generator"], x["response_id"], x["characters"],
                    y["generator"], y["response_id"], y["characters"],
                    *(_finite(one) for one in (*odds, None, None, None, None)[:4]), row["reason"],
                )  # fmt: skip

    return header, rows()


_RATING_HEADER = (
    "experiment", "condition", "seed", "run", "rating_id", "prompt_id", "generator", "response_id",
    "characters", "rating", "mass", "reason",
)  # fmt: skip


def _rating_rows(cells: Sequence[MeasuredCell]) -> _Rows:
    for cell in cells:
        for row in durable.read_records(cell.directory.out / "ratings.jsonl"):
            yield (
                cell.experiment, cell.condition, cell.seed, cell.run_id, row["id"],
                row["prompt_id"], row["generator"], row["response_id"], row["characters"],
                _finite(row["rating"]), _finite(row["mass"]), row["reason"],
            )  # fmt: skip


_WRITERS: Mapping[
    str, Callable[[Sequence[MeasuredCell], _Texts], tuple[tuple[str, ...], _Rows]]
] = {"collapse": _collapse, "robustness": _robustness, "bias": _bias}


def _perplexity(sums: Mapping[str, Any] | None) -> tuple[CsvCell, CsvCell, CsvCell]:
    """Perplexity of one text, its summed log-probability in nats, and its tokens."""
    if not sums or not sums["tokens"] or sums["sum_log_p"] is None:
        return None, None, None
    total, tokens = float(sums["sum_log_p"]), int(sums["tokens"])
    rate = -total / tokens
    return (math.exp(rate) if rate < 700 else None), total, tokens


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else ""
