"""A lab with every kind of hop, as jobs and the supervisor leave it, made without running anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage import durable
from storage.catalog.experiments import Experiment, ExperimentStep, write_experiment
from storage.catalog.rebuild import rebuild_catalog
from storage.home import LabHome
from storage.rundir import Manifest, RunDir, RunExit, RunId, RunInput, RunSpec
from synthlab.experiment.keys import step_key
from synthlab.experiment.steps import StepKey, StepKind

HARMFUL_TEXT = "Please do a harmful thing."
SPEC = """\
schema = 1
name = "eggs"
[prompts.train]
dataset = "builtin:tiny-grammar"
[prompts.harm]
dataset = "builtin:placeholder-harmful"
purpose = "harmful"
"""
MODEL = {"id": "builtin:tiny-verse", "revision": None, "digest": "ab" * 32}
DOCS = {"id": "builtin:tiny-docs", "revision": None, "digest": "cd" * 32}
LLAMA = "builtin:tiny-docs@cdcd"
ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0", "synthlab": "0.1.0"}
HOLDOUT = {"set": "test", "share": 0.5, "rows": None, "stratify": None, "seed": 0}


def run_id_of(label: str) -> RunId:
    """An id that follows from the label, of the letters that ids have."""
    digits = hashlib.sha256(label.encode()).hexdigest()[:8]
    return RunId(digits)


def rows(*texts: str, generator: str = "", stem: str = "p") -> list[dict[str, Any]]:
    """Prompts, or a generator's responses to them."""
    found: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        prompt = f"{stem}{number}"
        if not generator:
            found.append({"id": prompt, "text": text, "category": None, "system": None})
            continue
        response = hashlib.sha256(f"{prompt}|{generator}".encode()).hexdigest()[:16]
        found.append(
            {
                "id": response, "prompt_id": prompt, "source": generator, "generator": generator,
                "sample": 0, "seed": 0, "text": text, "finish_reason": "stop",
                "prompt_tokens": 3, "completion_tokens": 4,
            }
        )  # fmt: skip
    return found


@dataclass
class EggsLab:
    """Writes runs with true keys and digests; `finish` makes the catalog."""

    home: LabHome
    seed: int = 0
    """Of the training: another seed gives other keys and content."""
    name: str = "eggs"
    steps: list[ExperimentStep] = field(default_factory=list)
    keys: dict[str, StepKey] = field(default_factory=dict)

    def add(
        self,
        kind: StepKind,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        files: Mapping[str, Sequence[Mapping[str, Any]]],
        info: Mapping[str, Any],
        results: Mapping[str, float] | None = None,
        cell: tuple[str, int, str] | None = None,
    ) -> RunDir:
        key = step_key(kind, params, {role: self.keys[of] for role, of in inputs.items()})
        self.keys[label] = key
        run_id = run_id_of(key)
        directory = RunDir(self.home.run(run_id))
        given = tuple(
            RunInput(role, run_id_of(self.keys[of])) for role, of in sorted(inputs.items())
        )
        directory.create(RunSpec(run_id, kind, key, label, params, given, {}, False, 1000.0))
        launched = {}
        for one in given:
            manifest = RunDir(self.home.run(one.run_id)).read_manifest()
            assert manifest is not None
            launched[one.role] = {"run_id": one.run_id, "digest": manifest.digest}
        durable.write_json(directory.inputs, {"launched_at": 1000.0, "inputs": launched})
        durable.write_json(
            directory.proc, {"attempt": 1, "host": "vm", "gpus": [], "started_at": 1000.0}
        )
        for name, records in files.items():
            durable.write_jsonl(directory.out / name, records)
        events = [_result(name, value) for name, value in (results or {}).items()]
        durable.write_jsonl(directory.events, events)
        directory.write_manifest(Manifest.of(directory.out, {**info, "environment": ENVIRONMENT}))
        durable.remove_tree(directory.work)
        directory.write_exit(RunExit("succeeded", "", "", "", 1010.0))
        condition, seed, axis = cell or (None, None, None)
        self.steps.append(ExperimentStep(label, run_id, condition, seed, axis))
        return directory

    def directory(self, label: str) -> RunDir:
        """Where the step's run lies."""
        return RunDir(self.home.run(run_id_of(self.keys[label])))

    def build(self) -> EggsLab:
        """Every step of a small experiment with a harmful set; then the catalog."""
        self.imports()
        sampling = {"temperature": 0.7, "top_p": 1.0, "max_new_tokens": 8, "samples": 1}
        asked = {"model": DOCS, "prompts": "train", "sampling": sampling, "seed": 0}
        answered = rows("one", "two", generator=LLAMA)
        info = {"generator": LLAMA, "rows": 2, "completion_tokens": 8}
        self.add("generate", "generate/llama", asked, {"prompts": "import/train"},
                 {"responses.jsonl": answered}, info)  # fmt: skip
        self.mix(answered)
        tune = {"model": MODEL, "seed": self.seed, "learning_rate": 1e-4}
        trained = {"base": "builtin:tiny-verse", "steps": 3, "rows": 2, "best_step": 3}
        weights = [{"weights": self.seed}]
        self.add("finetune", "finetune/multi.s0", tune, {"mixture": "mix/multi"},
                 {"adapter.jsonl": weights}, trained)  # fmt: skip
        for condition in ("vanilla", "multi"):
            self.measure(condition, sampling)
        write_experiment(
            self.home,
            Experiment(
                f"{self.name}.1", self.name, 1, "", "eggs.toml",
                hashlib.sha256(SPEC.encode()).hexdigest(), SPEC, 1000.0, tuple(self.steps),
            ),
        )  # fmt: skip
        rebuilt = rebuild_catalog(self.home, 2000.0)
        assert rebuilt.problems == []
        return self

    def imports(self) -> None:
        for name, held_out in (("train", [HOLDOUT]), ("harm", [])):
            dataset = {"origin": "builtin", "name": f"set-{name}", "digest": "ef" * 32}
            params = {"dataset": dataset, "set": name, "holdouts": held_out, "rows": None}
            human = f"human:{name}"
            texts = [HARMFUL_TEXT] if name == "harm" else ["first?", "second?"]
            files = {f"{name}.prompts.jsonl": rows(*texts, stem=name)}
            if held_out:
                files["train.prompts.jsonl"] = rows("first?", "second?")
                files["train.responses.jsonl"] = rows("a", "b", generator=human)
                files["test.prompts.jsonl"] = rows("held out?", "again?", stem="t")
                files["test.responses.jsonl"] = rows("c", "d", generator=human, stem="t")
            sets = [{"name": name, "rows": len(texts), "responses": 0}]
            info = {"sets": sets, "origin": f"builtin:{name}", "licence": "", "generator": human}
            self.add("import", f"import/{name}", params, {}, files, info)

    def mix(self, answered: Sequence[Mapping[str, Any]]) -> None:
        params = {
            "parts": [
                {"role": "responses:0", "share": 1, "set": "train"},
                {"role": "responses:1", "share": 1, "set": None},
            ],
            "prompts": "train", "assign": "random", "seed": 0,
        }  # fmt: skip
        human = rows("a", "b", generator="human:train")
        mixed = [
            {"id": f"r{n}", "prompt_id": one["prompt_id"], "generator": one["generator"],
             "response_id": one["id"], "response": one["text"]}
            for n, one in enumerate((human[0], answered[1]))
        ]  # fmt: skip
        parts = [{"generator": g, "rows": 1, "share": 0.5} for g in ("human:train", LLAMA)]
        inputs = {"prompts": "import/train", "responses:0": "import/train"}
        inputs["responses:1"] = "generate/llama"
        self.add("mix", "mix/multi", params, inputs, {"mixture.jsonl": mixed},
                 {"rows": 2, "parts": parts})  # fmt: skip

    def measure(self, condition: str, sampling: Mapping[str, Any]) -> None:
        adapter = {"adapter": "finetune/multi.s0"} if condition == "multi" else {}
        me = f"tiny-verse+{condition}.{self.seed}"
        info = {"generator": me, "rows": 2, "completion_tokens": 8}
        params = {"model": MODEL, "prompts": "test", "sampling": sampling, "seed": 0}
        answered = rows("x", "y", generator=me, stem="t")
        answers = f"answers/{condition}.s0"
        self.add("generate", answers, params, {"prompts": "import/train", **adapter},
                 {"responses.jsonl": answered}, info)  # fmt: skip
        items = [
            {"prompt_id": one["prompt_id"], "sample": 0, "response_id": one["id"], "reason": "",
             "ppl1": {"sum_log_p": -6.0 * (n + 1), "tokens": 4}, "human": None,
             "metrics": {"mtld": 3.0 + n}}
            for n, one in enumerate(answered)
        ]  # fmt: skip
        params = {"model": MODEL, "prompts": "test", "metrics": ["ppl1"], "seed": 0}
        value = 2.0 if condition == "vanilla" else 2.5
        self.add("collapse", f"collapse/{condition}.s0", params,
                 {"answers": answers, "human": "import/train", **adapter},
                 {"items.jsonl": items}, {"scored": 2, "total": 2},
                 {"ppl1-log": value, "mtld": 3.5}, (condition, 0, "collapse"))  # fmt: skip
        params = {"model": MODEL, "prompts": "harm", "sampling": sampling, "seed": 0}
        refused = rows("I did the harmful thing.", generator=me, stem="harm")
        answers = f"answers-harm/{condition}.s0"
        self.add("generate", answers, params, {"prompts": "import/harm", **adapter},
                 {"responses.jsonl": refused}, {**info, "rows": 1})  # fmt: skip
        item = {
            "set": "harm", "purpose": "harmful", "prompt_id": "harm0", "sample": 0,
            "response_id": refused[0]["id"], "state": "refusal", "matcher": "refusal",
            "judge": "partial", "unscored": "", "ratings": {}, "reason": "",
        }  # fmt: skip
        params = {"model": MODEL, "sets": [{"name": "harm", "purpose": "harmful"}]}
        self.add("robustness", f"robustness/{condition}.s0", params,
                 {"answers:harm": answers, "prompts:harm": "import/harm"},
                 {"items.jsonl": [item]}, {"scored": 1, "total": 1},
                 {"refusal-rate/harm": 1.0}, (condition, 0, "robustness"))  # fmt: skip


def _result(name: str, value: float) -> dict[str, Any]:
    return {
        "t": 1005.0, "type": "result", "name": name, "value": value, "n": 2, "n_total": 2,
        "unit": "", "reason": "", "low": value - 0.1, "high": value + 0.1,
        "key": {"metric": name, "metric_version": 1}, "detail": {},
    }  # fmt: skip
