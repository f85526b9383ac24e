"""A lab in which every text that came from outside tries to act: on a terminal, a page, a table, a path."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage import durable
from storage.catalog.experiments import Experiment, ExperimentStep, write_experiment
from storage.home import LabHome
from storage.rundir import Manifest, RunDir, RunId
from synthlab.experiment.recipes import find_recipe
from tests.console.hostile import ACTIVE, CONTROLS, MARKUP
from tests.unit.analysis.measured_lab import MeasuredLab, Plant, Record

PAGES = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"\' onmouseover="x',
    "]]> --> </style><svg/onload=x>",
    "[x](javascript:alert(1)) ![y](http://evil/z.png)",
    "| a | `b` ``` $x_1$ & # % ^ ~ { } \\end{tabular} \\input{/etc/passwd}",
    "../../../etc/passwd",
)
EVIL = "".join((*CONTROLS, *MARKUP, *PAGES))
"""Every payload at once; it stands behind names, so that they stay different."""
EXPERIMENT = "eggs"
CONDITIONS = ("=1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3")
"""Beginnings of condition names that a spreadsheet would run."""
NAME_EVIL = EVIL.replace(":", "").replace(",", "")
"""The same for names that stand in addresses such as EXPERIMENT:CONDITION:METRIC."""
FIRST, SECOND, THIRD = (name + NAME_EVIL for name in CONDITIONS)
SAMPLING = {"temperature": 0.8, "samples": 1, "max_new_tokens": 40}
POISONED = frozenset(
    {
        "text", "category", "generator", "source", "finish_reason", "id", "prompt_id",
        "response_id", "request_id", "origin", "licence", "base", "unit", "system", "set",
    }
)  # fmt: skip
KEPT_SETS = ("test", "harmful")
"""Names of prompt sets are part of file names; the lab itself makes sure of them, see the file tests."""


def poison(value: Any, key: str = "") -> Any:
    """The same record with hostile texts; equal texts stay equal, so that rows still meet."""
    if isinstance(value, Mapping):
        return {name: poison(one, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [poison(one, key) for one in value]
    if isinstance(value, str) and key in POISONED and value and value not in KEPT_SETS:
        return f"={value}{EVIL}"
    return value


@dataclass
class PoisonedLab(MeasuredLab):
    """Conditions with planted differences whose texts, names and reports are hostile."""

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
        """A succeeded run with hostile rows, events and log."""
        rows = {name: [poison({**_graded(kind, name), **one}) for one in records]
                for name, records in files.items()}  # fmt: skip
        told = [{**one, "reason": EVIL, "unit": EVIL} for one in results]
        about = poison(dict(info or {}))
        imported: Record = {"holdouts": [], "rows": None} if kind == "import" else {}
        asked = {**params, **imported, EVIL: EVIL}
        run_id = super().add(kind, label, asked, inputs, rows, about, [*told, *_events(results)])
        directory = RunDir(self.home.run(RunId(run_id)))
        directory.manifest.write_text(json.dumps(asdict(Manifest.of(directory.out, about))))
        directory.log.write_bytes(f"{EVIL}\r\n{'x' * 5000}{EVIL}\n".encode() + bytes(range(256)))
        return run_id

    def failed(self) -> ExperimentStep:
        """A run that ended badly and says so in hostile words."""
        run_id = super().add("finetune", f"finetune/{EVIL}", {}, {}, {})
        directory = RunDir(self.home.run(RunId(run_id)))
        directory.manifest.unlink()
        ended = {"state": "failed", "reason": EVIL, "message": EVIL, "hint": EVIL,
                 "ended_at": 1010.0, "evidence": {EVIL: EVIL}}  # fmt: skip
        directory.exit.write_text(json.dumps(ended))
        return ExperimentStep(f"finetune/{EVIL}", RunId(run_id), FIRST, 9, None)


def _graded(kind: str, file: str) -> Record:
    if (kind, file) != ("robustness", "items.jsonl"):
        return {}
    return {"matcher": EVIL, "judge": EVIL, "gate": "", "rule": "", "state_mass": 0.5}


def _events(results: Sequence[Record]) -> list[Record]:
    told: list[Record] = [{"t": 1002.0, "type": "note", "text": EVIL}]
    for step in range(5):
        for name in ("loss", f"loss{EVIL}"):
            told.append(
                {"t": 1003.0 + step, "type": "metrics", "step": step, "values": {name: 3.0 - step}}
            )
    if results:
        told.append({**results[0], "name": f"=odd{EVIL}", "value": -0.25, "detail": {EVIL: EVIL}})
    return told


def make_poisoned_lab(home: LabHome, prompts: int = 16) -> str:
    """Fill the home; returns the id of a run that answered."""
    made = PoisonedLab(home, prompts=prompts)
    vocabularies = (150, 20, 60)
    plants = {
        name: Plant(vocabulary=size, is_trained=size != 150)
        for name, size in zip((FIRST, SECOND, THIRD), vocabularies, strict=True)
    }
    identity = made.experiment(
        EXPERIMENT, plants, seeds=(0, 1), axes=("collapse", "robustness"), sampling=SAMPLING
    )
    _rewrite(home, identity, made.failed())
    made.finish()
    return next(run for run in made.numbers if RunDir(home.run(run)).read_spec().kind == "generate")


def _rewrite(home: LabHome, identity: str, failed: ExperimentStep) -> None:
    """Give the experiment hostile words and the run that failed."""
    value = durable.read_json(home.experiment(identity) / "experiment.json")
    steps = tuple(ExperimentStep(**one) for one in value["steps"])
    recipe = find_recipe("tiny").path.read_text()
    spec = re.sub(r"(?m)^description = .*$", lambda _: f"description = {json.dumps(EVIL)}", recipe)
    digest = hashlib.sha256(spec.encode()).hexdigest()
    write_experiment(
        home,
        Experiment(identity, EXPERIMENT, 1, EVIL, EVIL, digest, spec, 1000.0, (*steps, failed)),
    )


def active_characters(text: str) -> set[str]:
    """What of a text would act on a terminal."""
    return set(text) & (set(ACTIVE) | set("\u200e\u200f\u061c\u00ad"))
