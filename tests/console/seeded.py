"""A catalog with fixed names, times and numbers: what screens are tested on.

The rows are what ingestion would have written. There are no run directories behind them unless a test
makes some.
"""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any

from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome

NOW = 1_800_000_000.0
"""15 January 2027, 08:00 UTC: the moment at which the screens are looked at."""
EXPERIMENT = "eggs.2"
CONDITIONS = ("vanilla", "human", "single", "multi")
SEEDS = (0, 1, 2)
AXES = ("collapse", "robustness", "bias")
HEADLINES = {
    "collapse": (("self-bleu-4", "", 0.31), ("ppl1-token", "", 11.2), ("distinct-2", "", 0.82)),
    "robustness": (
        ("refusal-rate/harmful", "share", 0.7),
        ("over-refusal-rate/benign", "share", 0.1),
    ),
    "bias": (("judge-anchor-accuracy", "share", 0.66), ("preference-own", "share", 0.55)),
}


PARAMS: dict[str, dict[str, Any]] = {
    "import": {"set": "train", "holdouts": [], "dataset": {"origin": "builtin", "name": "train"}},
    "generate": {"prompts": "train", "seed": 0, "sampling": {"temperature": 0.7}},
    "mix": {"prompts": "train", "seed": 0, "assign": "random"},
}
"""Parameters that the way back to the data needs, by kind of run."""


def run_id(number: int) -> str:
    """An id of the usual form."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    text = ""
    for _ in range(8):
        number, digit = divmod(number, 32)
        text = letters[digit] + text
    return text


class Seeder:
    """Writes rows in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.count = 0
        self.names: dict[str, int] = {}

    def insert(self, table: str, /, **row: Any) -> None:
        """One row."""
        marks = ",".join("?" * len(row))
        self.connection.execute(
            f"INSERT INTO {table} ({','.join(row)}) VALUES ({marks})", tuple(row.values())
        )

    def run(self, kind: str, label: str, state: str, **more: Any) -> str:
        """A run; times follow from its number."""
        self.count += 1
        identity = run_id(self.count)
        created = NOW - 7200 + self.count
        started = created + 10 if state not in ("queued", "cancelled") else None
        ended = created + 70 if state not in ("queued", "starting", "running") else None
        row = {
            "id": identity,
            "num": self.count,
            "kind": kind,
            "label": label,
            "key": f"{self.count:064x}",
            "state": state,
            "reason": "",
            "attempt": 1,
            "params": json.dumps(PARAMS.get(kind, {"seed": 0})),
            "created_at": created,
            "started_at": started,
            "ended_at": ended,
            "digest": f"{self.count + 7:064x}" if state == "succeeded" else None,
            "info": "{}",
            "process": "{}",
            "needs_model": int(kind not in ("import", "mix", "compose")),
            **more,
        }
        self.insert("runs", **row)
        return identity

    def step(self, experiment: str, position: int, run: str, label: str, **cell: Any) -> None:
        """A line of the experiment's plan."""
        row = {
            "experiment_id": experiment,
            "label": label,
            "position": position,
            "run_id": run,
            **cell,
        }
        self.insert("experiment_steps", **row)

    def metric(self, run: str, name: str, points: list[tuple[int, float | None]]) -> None:
        """A series of a run."""
        if name not in self.names:
            self.names[name] = len(self.names) + 1
            self.insert(
                "metric_names",
                id=self.names[name],
                name=name,
            )
        number = self.connection.execute("SELECT num FROM runs WHERE id = ?", (run,)).fetchone()[0]
        self.connection.executemany(
            "INSERT INTO metrics (run, name, step, value, time) VALUES (?, ?, ?, ?, ?)",
            [(number, self.names[name], step, value, NOW - 3600 + step) for step, value in points],
        )

    def result(self, run: str, axis: str, name: str, unit: str, value: float) -> None:
        """A number with an interval."""
        key = {"axis": axis, "metric": name.split("/")[0], "metric_version": 1, "n": 40}
        self.insert(
            "results",
            run_id=run,
            name=name,
            value=value,
            unit=unit,
            n=38,
            n_total=40,
            low=value * 0.9,
            high=value * 1.1,
            reason="",
            key=json.dumps(key),
            detail="{}",
        )


def seed_catalog(home: LabHome, *, is_running: bool = True) -> None:
    """Two experiments; the newer one is in the middle of its work, or done."""
    connection = open_catalog(home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        for revision, age in ((1, 86400), (2, 3600)):
            seeder.insert(
                "experiments",
                id=f"eggs.{revision}",
                name="eggs",
                revision=revision,
                description="What does the number of baskets do?",
                file="eggs.toml",
                spec_sha256=f"{revision:064x}",
                spec_text="schema = 1\n",
                created_at=NOW - age,
            )
        _shared(seeder)
        position = 10
        for number, condition in enumerate(CONDITIONS):
            for seed in SEEDS:
                position = _cell(seeder, position, number, condition, seed, is_running)
    connection.close()


def _shared(seeder: Seeder) -> None:
    for revision in (1, 2):
        if revision == 1:
            imported = seeder.run("import", "import/train", "succeeded")
            made = seeder.run("generate", "generate/llama", "succeeded")
            mixed = seeder.run("mix", "mix/multi", "succeeded")
            seeder.insert(
                "prompt_sets",
                run_id=imported,
                name="train",
                rows=120,
                origin="file",
                licence="CC-BY-4.0",
            )
            seeder.insert(
                "sources",
                run_id=made,
                generator="tiny-llama@1234",
                kind="model",
                prompts="train",
                rows=120,
                tokens=4800,
                info="{}",
            )
            seeder.insert(
                "mixtures",
                run_id=mixed,
                rows=120,
                assign="random",
                seed=0,
                info="{}",
            )
            for generator, share in (("tiny-llama@1234", 0.5), ("human:train@5678", 0.5)):
                seeder.insert(
                    "mixture_parts",
                    run_id=mixed,
                    generator=generator,
                    rows=60,
                    share=share,
                )
            seeder.insert(
                "run_inputs",
                run_id=made,
                role="prompts",
                input_run_id=imported,
                digest="0" * 64,
            )
            seeder.insert(
                "run_inputs",
                run_id=mixed,
                role="responses:0",
                input_run_id=made,
                digest="1" * 64,
            )
        for place, (run, label) in enumerate(
            ((run_id(1), "import/train"), (run_id(2), "generate/llama"), (run_id(3), "mix/multi"))
        ):
            seeder.step(f"eggs.{revision}", place, run, label)


def _cell(
    seeder: Seeder, position: int, number: int, condition: str, seed: int, is_running: bool
) -> int:
    here = {"condition": condition, "seed": seed}
    late = is_running and (condition, seed) == ("multi", 2)
    if condition != "vanilla":
        _training(seeder, position, number, condition, seed, late)
        position += 1
    for axis in AXES:
        state, reason = "succeeded", ""
        if late:
            state = "queued"
        elif is_running and (condition, seed, axis) == ("single", 1, "robustness"):
            state, reason = "failed", "out_of_memory"
        run = seeder.run(axis, f"{axis}/{condition}.s{seed}", state, reason=reason)
        if state == "succeeded":
            for name, unit, value in HEADLINES[axis]:
                seeder.result(run, axis, name, unit, value * (1 + 0.05 * number + 0.01 * seed))
        seeder.step(EXPERIMENT, position, run, f"{axis}/{condition}.s{seed}", axis=axis, **here)
        position += 1
    return position


def _training(
    seeder: Seeder, position: int, number: int, condition: str, seed: int, late: bool
) -> None:
    """The fine-tuning of a cell, with its curves; a late one is half-way."""
    state = "running" if late else "succeeded"
    more: dict[str, Any] = {}
    if late:
        more = {
            "progress_done": 30.0,
            "progress_total": 60.0,
            "progress_unit": "steps",
            "progress_rate": 0.5,
            "progress_eta_s": 60.0,
            "heard_at": NOW - 4,
            "process": json.dumps(
                {"host": "box", "gpus": [], "job": {"pid": 1}, "runner": {"pid": 2}}
            ),
        }
    run = seeder.run("finetune", f"finetune/{condition}.s{seed}", state, **more)
    last = 30 if late else 60
    seeder.metric(
        run,
        "loss",
        [(s, 3.2 * math.exp(-s / 40) + 0.1 * number + 0.05 * seed) for s in range(1, last + 1)],
    )
    seeder.metric(
        run,
        "probe/collapse/ppl1-log",
        [(s, 2.0 - s / (60 + 10 * number)) for s in range(0, last + 1, 10)],
    )
    if not late:
        seeder.insert(
            "checkpoints",
            run_id=run,
            base="tiny-llama",
            mixture_run_id=run_id(3),
            seed=seed,
            steps=60,
            eval_loss=1.5 + 0.1 * number,
            info="{}",
        )
        seeder.insert(
            "run_inputs",
            run_id=run,
            role="mixture",
            input_run_id=run_id(3),
            digest="2" * 64,
        )
    here = {"condition": condition, "seed": seed}
    seeder.step(EXPERIMENT, position, run, f"finetune/{condition}.s{seed}", axis=None, **here)
