"""A finished experiment of the paper's size: long answers worded as people word them, with vectors.

Texts are drawn phrase by phrase from a common stock by Zipf's law, so that words, pairs and runs of
words recur within and between conditions as in real answers; conditions differ in how far down the
stock they reach. Vectors have the falling spectrum of sentence embeddings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from storage.catalog.experiments import Experiment, ExperimentStep, write_experiment
from storage.home import LabHome
from storage.rundir import RunDir, RunId
from tests.unit.analysis.measured_lab import MODEL, SAMPLING, MeasuredLab, Record

NAME = "paper"
PROMPTS = 1_500
WORDS = 120
DIMENSIONS = 384
"""As many as MiniLM gives."""
STOCK = 20_000
"""Phrases, made of up to `VOCABULARY` words."""
VOCABULARY = 9_000
CORPUS_METRICS = ("self-bleu-4", "distinct-2", "cosine-distance", "vendi-1")
STORED = ("mattr-50", "mtld", "self-repetition-4", "length-words-mean")
HARMFUL = ("refusal-rate", "compliance-rate", "harmfulness", "quality", "quality-given-answer")
BENIGN = ("over-refusal-rate", "quality", "quality-given-answer")


def make(home: LabHome, *, conditions: int = 4, seeds: int = 2, prompts: int = PROMPTS) -> LabHome:
    """Every condition and seed measured on collapse and robustness; the last two are alike."""
    lab = MeasuredLab(home, prompts=prompts)
    stock = _stock()
    steps: list[ExperimentStep] = []
    dataset = {"dataset": {"name": "test", "digest": "cd" * 32}, "set": "test"}
    info = {"sets": [], "generator": "human", "origin": "test", "licence": ""}
    data = lab.add("import", "import/test", dataset, {}, {}, info)
    for number in range(conditions):
        likeness = min(number, max(1, conditions - 2))
        for seed in range(seeds):
            cell = _Cell(lab, f"arm{number}", seed, 1.02 + 0.02 * likeness, data, steps)
            cell.train()
            cell.collapse(stock)
            cell.robustness()
    spec = f'schema = 1\nname = "{NAME}"\n'
    digest = hashlib.sha256(spec.encode()).hexdigest()
    made = Experiment(f"{NAME}.1", NAME, 1, "", f"{NAME}.toml", digest, spec, 1000.0, tuple(steps))
    write_experiment(home, made)
    return lab.finish()


def _stock() -> Sequence[str]:
    random = np.random.default_rng(1)
    words = [f"w{n:x}" for n in range(VOCABULARY)]
    lengths = random.integers(1, 7, STOCK)
    return [" ".join(words[w] for w in _zipf(random, 1.05, VOCABULARY, n)) for n in lengths]


def _zipf(
    random: np.random.Generator, exponent: float, most: int, size: int
) -> npt.NDArray[np.int64]:
    weights = np.arange(2, most + 2, dtype=np.float64) ** -exponent
    cumulated = np.cumsum(weights)
    found: npt.NDArray[np.int64] = np.searchsorted(cumulated, random.random(size) * cumulated[-1])
    return found


class _Cell:
    def __init__(
        self,
        lab: MeasuredLab,
        condition: str,
        seed: int,
        exponent: float,
        data: str,
        steps: list[ExperimentStep],
    ) -> None:
        self.lab, self.condition, self.seed, self.steps = lab, condition, seed, steps
        self.exponent, self.data = exponent, data
        self.name = f"{condition}.s{seed}"
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        self.random = np.random.default_rng(int(digest[:12], 16))
        self.adapter = ""

    def step(self, label: str, run: str, axis: str | None) -> str:
        self.steps.append(ExperimentStep(label, RunId(run), self.condition, self.seed, axis))
        return run

    def train(self) -> None:
        label = f"finetune/{self.name}"
        settings = {"model": MODEL, "learning_rate": 0.001, "seed": self.seed}
        info = {"base": MODEL["id"], "steps": 3}
        run = self.lab.add("finetune", label, settings, {"mixture": self.data}, {}, info)
        self.adapter = self.step(label, run, None)

    def answers(self, prompt_set: str, texts: Sequence[str]) -> tuple[str, list[Record]]:
        rows: list[Record] = [
            {"id": f"{prompt_set}-{self.name}-{n}", "prompt_id": f"{prompt_set}{n}", "sample": 0,
             "seed": n, "text": text, "finish_reason": "stop", "prompt_tokens": 40,
             "completion_tokens": WORDS, "generator": "g", "source": "g"}
            for n, text in enumerate(texts)
        ]  # fmt: skip
        label = f"answers-{prompt_set}/{self.name}"
        params = {"model": MODEL, "prompts": prompt_set, "sampling": SAMPLING}
        inputs = {"prompts": self.data, "adapter": self.adapter}
        info = {"generator": "g", "rows": len(rows), "completion_tokens": 1}
        run = self.lab.add("generate", label, params, inputs, {"responses.jsonl": rows}, info)
        return self.step(label, run, None), rows

    def collapse(self, stock: Sequence[str]) -> None:
        run, rows = self.answers("test", [self._text(stock) for _ in range(self.lab.prompts)])
        noise = self.random.normal(0, 0.3, (6, len(rows)))
        items = [
            {"prompt_id": row["prompt_id"], "sample": 0, "response_id": row["id"], "reason": "",
             "characters": len(row["text"]), "ppl1": _sums(2.5 + noise[0, n]), "entropy": None,
             "human": {"response_id": f"h{n}", "reason": "", "ppl2": _sums(3.0 + noise[1, n])},
             "metrics": {name: float(1 + noise[2 + m, n]) for m, name in enumerate(STORED)}}
            for n, row in enumerate(rows)
        ]  # fmt: skip
        names = ("ppl1-log", "ppl2-log", *STORED, *CORPUS_METRICS)
        measured = self._measure(
            "collapse", {"answers": run, "human": self.data}, items, {"prompts": "test"}, names
        )
        np.save(RunDir(self.lab.home.run(RunId(measured))).out / "embeddings.npy", self._vectors())

    def _text(self, stock: Sequence[str]) -> str:
        length = int(np.clip(self.random.lognormal(np.log(WORDS), 0.4), 15, 600))
        drawn = " ".join(stock[one] for one in _zipf(self.random, self.exponent, STOCK, length))
        return " ".join(drawn.split()[:length]) + "."

    def _vectors(self) -> npt.NDArray[np.float32]:
        falling = np.arange(1, DIMENSIONS + 1) ** (-0.5 * self.exponent)
        vectors = self.random.normal(size=(self.lab.prompts, DIMENSIONS)) * falling
        vectors[:, 0] += 0.5
        unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit.astype(np.float32)

    def robustness(self) -> None:
        items: list[Record] = []
        inputs: dict[str, str] = {}
        for purpose in ("harmful", "benign"):
            run, rows = self.answers(purpose, [f"answer {n}" for n in range(self.lab.prompts)])
            inputs |= {f"answers:{purpose}": run, f"prompts:{purpose}": self.data}
            refused = self.random.random(len(rows)) < 0.3
            noise = self.random.normal(0, 0.3, (2, len(rows)))
            items += [
                {"set": purpose, "purpose": purpose, "prompt_id": row["prompt_id"],
                 "request_id": row["prompt_id"], "sample": 0, "response_id": row["id"],
                 "state": "refusal" if refused[n] else "compliance", "unscored": "",
                 "ratings": {"quality": {"value": 3.0 + noise[0, n], "mass": 1.0},
                             "harmfulness": {"value": 2.0 + noise[1, n], "mass": 1.0}}}
                for n, row in enumerate(rows)
            ]  # fmt: skip
        names = [f"{one}/harmful" for one in HARMFUL] + [f"{one}/benign" for one in BENIGN]
        params = {"sets": [{"name": one, "purpose": one} for one in ("harmful", "benign")]}
        self._measure("robustness", inputs, items, params, names)

    def _measure(
        self,
        axis: str,
        inputs: dict[str, str],
        items: Sequence[Record],
        params: Record,
        names: Sequence[str],
    ) -> str:
        label = f"{axis}/{self.name}"
        given = {**inputs, "adapter": self.adapter}
        results = [_result(name, self.lab.prompts) for name in names]
        files = {"items.jsonl": items}
        run = self.lab.add(axis, label, {"model": MODEL, **params}, given, files, {}, results)
        return self.step(label, run, axis)


def _sums(nats_per_token: float) -> Record:
    return {"sum_log_p": -nats_per_token * WORDS, "tokens": WORDS, "bytes": 600, "reason": ""}


def _result(name: str, n: int) -> Record:
    key = {"metric": name.partition("/")[0], "metric_version": 1, "n": n}
    key["sampling"] = json.dumps(SAMPLING)
    return {
        "t": 1005.0, "type": "result", "name": name, "value": 0.5, "n": n, "n_total": n,
        "unit": "", "reason": "", "low": None, "high": None, "key": key, "detail": {},
    }  # fmt: skip
