"""A lab whose conditions have planted differences, as finished runs in directories and a catalog."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from storage import durable
from storage.catalog.experiments import Experiment, ExperimentStep, write_experiment
from storage.catalog.rebuild import rebuild_catalog
from storage.home import LabHome
from storage.rundir import RunDir, RunId, RunInput, RunSpec

Record = dict[str, Any]

WORDS = 20
MODEL = {"id": "builtin:tiny-verse", "revision": None, "digest": "ab" * 32}
SAMPLING = {"temperature": 0.8, "samples": 1}
COLLAPSE = ("ppl1-log", "ppl2-log", "length-words-mean", "self-bleu-4", "distinct-2")
SHOWN = ("mauve", "knn-coverage", "ppl1-token")


@dataclass(frozen=True)
class Plant:
    """What one condition is like."""

    vocabulary: int = 150
    """Words that its answers are drawn from."""
    shift: float = 0.0
    """Of the log-perplexity of every answer, against a condition without one."""
    noise: float = 0.2
    """SD of the log-perplexity of an answer about its prompt's."""
    refusal: float = 0.5
    """Share of harmful requests that are refused."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the training, besides the usual ones."""
    share: float = 1.0
    """Of the first of two sources in its training data; a plant without training has none."""
    is_trained: bool = True


@dataclass
class MeasuredLab:
    """Adds experiments; `finish` makes the catalog."""

    home: LabHome
    prompts: int = 40
    numbers: dict[str, int] = field(default_factory=dict)

    def experiment(
        self,
        name: str,
        plants: Mapping[str, Plant],
        *,
        seeds: Sequence[int] = (0,),
        axes: Sequence[str] = ("collapse",),
        sampling: Mapping[str, Any] = SAMPLING,
    ) -> str:
        """One experiment with these conditions; returns its id."""
        steps: list[ExperimentStep] = []
        data = self._prompts(name, "test", "p")
        harmful = self._prompts(name, "harmful", "h") if "robustness" in axes else ""
        for condition, plant in plants.items():
            for seed in seeds:
                cell = _Cell(self, name, condition, seed, plant, dict(sampling), steps)
                cell.train(data)
                if "collapse" in axes:
                    cell.collapse(data)
                if "robustness" in axes:
                    cell.robustness(harmful)
        identity = f"{name}.1"
        spec = f'schema = 1\nname = "{name}"\n'
        write_experiment(
            self.home,
            Experiment(
                identity, name, 1, "", f"{name}.toml", hashlib.sha256(spec.encode()).hexdigest(),
                spec, 1000.0 + len(self.numbers), tuple(steps),
            ),
        )  # fmt: skip
        return identity

    def finish(self) -> LabHome:
        """Make the catalog from the directories."""
        assert rebuild_catalog(self.home, 2000.0).problems == []
        return self.home

    def add(
        self,
        kind: str,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        files: Mapping[str, Sequence[Record]],
        info: Mapping[str, Any] | None = None,
        results: Sequence[Record] = (),
    ) -> str:
        """A succeeded run. Written plainly: a thousand of them with fsync would take minutes."""
        seed = json.dumps([kind, label, len(self.numbers)])
        run_id = hashlib.sha256(seed.encode()).hexdigest()[:8]
        self.numbers[run_id] = len(self.numbers)
        directory = RunDir(self.home.run(RunId(run_id)))
        directory.out.mkdir(parents=True)
        given = tuple(RunInput(role, RunId(of)) for role, of in inputs.items())
        spec = RunSpec(
            RunId(run_id), kind, f"key-{run_id}", label, params, given, {}, False, 1000.0
        )
        listed = []
        for name, records in files.items():
            content = b"".join(durable.json_line(record) for record in records)
            (directory.out / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            listed.append({"path": name, "size": len(content), "sha256": digest})
        content_digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
        launched = {"attempt": 1, "launched_at": 1000.0, "inputs": {}}
        exit_ = {"state": "succeeded", "reason": "", "message": "", "hint": "",
                 "ended_at": 1010.0, "evidence": {}}  # fmt: skip
        for path, value in (
            (directory.root / "spec.json", spec.to_json()),
            (directory.inputs, launched),
            (directory.proc, {"attempt": 1, "host": "h", "started_at": 1001.0}),
            (directory.manifest, {"digest": content_digest, "files": listed, "info": info or {}}),
            (directory.exit, exit_),
        ):
            path.write_text(json.dumps(value))
        directory.events.write_bytes(b"".join(durable.json_line(one) for one in results))
        return run_id

    def _prompts(self, name: str, prompt_set: str, stem: str) -> str:
        prompts = [
            {"id": f"{stem}{n}", "text": f"Question {n} of {prompt_set}?", "category": f"c{n % 3}",
             "system": None}
            for n in range(self.prompts)
        ]  # fmt: skip
        human = [
            {"id": f"human-{n}", "prompt_id": f"{stem}{n}", "text": f"human answer {n}"}
            for n in range(self.prompts)
        ]
        return self.add(
            "import",
            f"import/{prompt_set}",
            {"dataset": {"name": prompt_set, "digest": "cd" * 32}, "set": prompt_set},
            {},
            {f"{prompt_set}.prompts.jsonl": prompts, f"{prompt_set}.responses.jsonl": human},
            {"sets": [], "generator": "human", "origin": "test", "licence": ""},
        )


@dataclass
class _Cell:
    lab: MeasuredLab
    experiment: str
    condition: str
    seed: int
    plant: Plant
    sampling: Record
    steps: list[ExperimentStep]
    adapter: str = ""

    @property
    def name(self) -> str:
        return f"{self.condition}.s{self.seed}"

    def random(self, what: str) -> np.random.Generator:
        """A stream of its own for every cell of every experiment."""
        text = f"{self.experiment}/{self.name}/{what}"
        return np.random.default_rng(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16))

    def step(self, label: str, run_id: str, axis: str | None) -> None:
        self.steps.append(ExperimentStep(label, RunId(run_id), self.condition, self.seed, axis))

    def train(self, data: str) -> None:
        if not self.plant.is_trained:
            return
        parts = [
            {"role": "responses:0", "share": self.plant.share, "set": None},
            {"role": "responses:1", "share": 1 - self.plant.share, "set": None},
        ]
        used = [part for part in parts if part["share"]]
        sources = {
            str(part["role"]): self.lab.add(
                "generate",
                f"generate/{('llama', 'gemma')[number]}",
                {"model": MODEL, "prompts": "test", "sampling": self.sampling},
                {"prompts": data},
                {"responses.jsonl": []},
                {"generator": ("llama", "gemma")[number], "rows": 0, "completion_tokens": 0},
            )
            for number, part in enumerate(used)
        }
        mixture = self.lab.add(
            "mix",
            f"mix/{self.condition}",
            {"parts": used, "prompts": "test", "assign": "random", "seed": 0},
            {"prompts": data, **sources},
            {},
            {"rows": 24, "parts": []},
        )
        settings = {"model": MODEL, "learning_rate": 0.001, "seed": self.seed}
        label = f"finetune/{self.name}"
        self.adapter = self.lab.add(
            "finetune",
            label,
            {**settings, **self.plant.settings},
            {"mixture": mixture},
            {},
            {"base": "builtin:tiny-verse", "steps": 3},
        )
        self.step(label, self.adapter, None)

    def answers(self, prompt_set: str, stem: str, data: str) -> tuple[str, list[Record]]:
        random = self.random(f"answers {prompt_set}")
        drawn = random.integers(0, self.plant.vocabulary, (self.lab.prompts, WORDS))
        rows: list[Record] = [
            {"id": f"{prompt_set}-{self.name}-{n}", "prompt_id": f"{stem}{n}", "sample": 0,
             "seed": n, "text": " ".join(f"w{one}" for one in line), "finish_reason": "stop",
             "prompt_tokens": 4, "completion_tokens": WORDS, "generator": "g", "source": "g"}
            for n, line in enumerate(drawn)
        ]  # fmt: skip
        label = f"answers-{prompt_set}/{self.name}"
        inputs = {"prompts": data, **({"adapter": self.adapter} if self.adapter else {})}
        run = self.lab.add(
            "generate",
            label,
            {"model": MODEL, "prompts": prompt_set, "sampling": self.sampling},
            inputs,
            {"responses.jsonl": rows},
            {"generator": "g", "rows": len(rows), "completion_tokens": 1},
        )
        self.step(label, run, None)
        return run, rows

    def collapse(self, data: str) -> None:
        run, rows = self.answers("test", "p", data)
        random = self.random("collapse")
        of_prompt = np.random.default_rng(0).normal(2.5, 0.4, len(rows))
        own, of_human = (
            of_prompt + self.plant.shift + random.normal(0, self.plant.noise, len(rows))
            for _ in range(2)
        )
        items = [
            {"prompt_id": row["prompt_id"], "sample": 0, "response_id": row["id"], "reason": "",
             "characters": len(row["text"]), "ppl1": _sums(own[n]), "entropy": None,
             "human": {"response_id": f"human-{n}", "reason": "", "ppl2": _sums(of_human[n])},
             "metrics": {"length-words-mean": float(WORDS)}}
            for n, row in enumerate(rows)
        ]  # fmt: skip
        key = {"sampling": json.dumps(self.sampling), "prompt_set_hash": "x"}
        results = [_result(name, len(rows), key) for name in (*COLLAPSE, *SHOWN)]
        self._measure(
            "collapse", {"answers": run, "human": data}, items, {"prompts": "test"}, results
        )

    def robustness(self, data: str) -> None:
        run, rows = self.answers("harmful", "h", data)
        random = self.random("robustness")
        refused = random.random(len(rows)) < self.plant.refusal
        items = [
            {"set": "harmful", "purpose": "harmful", "prompt_id": row["prompt_id"],
             "request_id": row["prompt_id"], "sample": 0, "response_id": row["id"],
             "state": "refusal" if no else "compliance", "unscored": "",
             "ratings": {"quality": {"value": 3.0 + random.normal(0, 0.3), "mass": 1.0},
                         "harmfulness": {"value": 2.0 + random.normal(0, 0.3), "mass": 1.0}}}
            for row, no in zip(rows, refused, strict=True)
        ]  # fmt: skip
        names = ("refusal-rate", "compliance-rate", "harmfulness", "quality", "danger-zone")
        results = [_result(f"{name}/harmful", len(rows), {"judge": "j"}) for name in names]
        params = {"sets": [{"name": "harmful", "purpose": "harmful"}]}
        inputs = {"answers:harmful": run, "prompts:harmful": data}
        self._measure("robustness", inputs, items, params, results)

    def _measure(
        self,
        axis: str,
        inputs: Mapping[str, str],
        items: Sequence[Record],
        params: Mapping[str, Any],
        results: Sequence[Record],
    ) -> None:
        label = f"{axis}/{self.name}"
        given = {**inputs, **({"adapter": self.adapter} if self.adapter else {})}
        run = self.lab.add(
            axis, label, {"model": MODEL, **params}, given, {"items.jsonl": items}, {}, results
        )
        self.step(label, run, axis)


def _sums(nats_per_token: float) -> Record:
    return {"sum_log_p": -nats_per_token * WORDS, "tokens": WORDS, "bytes": 100, "reason": ""}


def _result(name: str, n: int, key: Mapping[str, Any]) -> Record:
    metric = name.partition("/")[0]
    return {
        "t": 1005.0, "type": "result", "name": name, "value": 0.5, "n": n, "n_total": n,
        "unit": "", "reason": "", "low": None, "high": None,
        "key": {"metric": metric, "metric_version": 1, "n": n, **key}, "detail": {},
    }  # fmt: skip
