"""A catalog of 10,000 runs and 10 million metric rows: what the console and the lineage are timed on.

One prompt set; 2,000 arms that each answer it, mix, train and measure on two axes, all in one experiment;
one of the trainings reported a million points. The newest experiment is the small one of the tests.
"""

from __future__ import annotations

import sqlite3

from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from tests.console.seeded import NOW, Seeder, run_id, seed_catalog

ARMS = 2_000
RUNS = ARMS * 5
METRIC_ROWS = 10_000_000
LONG = 1_000_000
PER_TRAINING = (METRIC_ROWS - LONG) // (ARMS - 1)
LARGE = "large.1"
ROOT = run_id(1001)
"""The prompt set: upstream of every run."""
LONG_RUN = run_id(1004)
SEEDS = 20


def fill(home: LabHome) -> None:
    """Seed it in one transaction; about half a gigabyte."""
    seed_catalog(home)
    connection = open_catalog(home)
    connection.execute("PRAGMA synchronous=OFF")
    with write_transaction(connection):
        seeder = Seeder(connection)
        seeder.count = 1000
        seeder.insert(
            "experiments",
            id=LARGE,
            name="large",
            revision=1,
            description="Two thousand arms",
            file="large.toml",
            spec_sha256="0" * 64,
            spec_text="schema = 1\n",
            created_at=NOW - 8 * 86400,
        )
        prompts = seeder.run("import", "import/large", "succeeded", created_at=NOW - 7 * 86400)
        seeder.step(LARGE, 0, prompts, "import/large")
        for arm in range(ARMS):
            _arm(seeder, arm, prompts)
        _points(connection, "r.kind = 'finetune' AND r.num > 1000", range(PER_TRAINING))
        _points(connection, f"r.id = '{LONG_RUN}'", range(PER_TRAINING, LONG))
    connection.close()


def _points(connection: sqlite3.Connection, which: str, steps: range) -> None:
    connection.execute(
        "WITH RECURSIVE steps(step) AS MATERIALIZED"
        " (SELECT :first UNION ALL SELECT step + 1 FROM steps WHERE step < :last)"
        " INSERT INTO metrics SELECT r.num, 1, step, 4.0 / (step + 1) + abs(random() % 100) / 1e3,"
        f" :now - 86400 + step FROM runs r CROSS JOIN steps WHERE {which} ORDER BY r.num, step",
        {"first": steps[0], "last": steps[-1], "now": NOW},
    )


def _arm(seeder: Seeder, arm: int, prompts: str) -> None:
    condition, seed = f"arm{arm // SEEDS:03}", arm % SEEDS
    cell = f"{condition}.s{seed}"
    made = _run(seeder, arm, "generate", f"generate/{cell}", {"prompts": prompts})
    seeder.insert(
        "sources",
        run_id=made,
        generator=f"tiny-{condition}@{arm:04}",
        kind="model",
        prompts="large",
        rows=120,
        tokens=4800,
        info="{}",
    )
    mixed = _run(seeder, arm, "mix", f"mix/{cell}", {"responses:0": made})
    seeder.insert("mixtures", run_id=mixed, rows=120, assign="random", seed=seed, info="{}")
    trained = _run(seeder, arm, "finetune", f"finetune/{cell}", {"mixture": mixed})
    seeder.insert(
        "checkpoints",
        run_id=trained,
        base="tiny-llama",
        mixture_run_id=mixed,
        seed=seed,
        steps=PER_TRAINING,
        eval_loss=1.5,
        info="{}",
    )
    seeder.step(LARGE, 5 * arm + 3, trained, f"finetune/{cell}", condition=condition, seed=seed)
    for place, (axis, name, unit) in enumerate(
        (("collapse", "self-bleu-4", ""), ("robustness", "refusal-rate/harmful", "share"))
    ):
        measured = _run(seeder, arm, axis, f"{axis}/{cell}", {"model": trained})
        seeder.result(measured, axis, name, unit, 0.3 + seed / 100)
        seeder.step(
            LARGE,
            5 * arm + 4 + place,
            measured,
            f"{axis}/{cell}",
            condition=condition,
            seed=seed,
            axis=axis,
        )


def _run(seeder: Seeder, arm: int, kind: str, label: str, inputs: dict[str, str]) -> str:
    made = seeder.run(kind, label, "succeeded", created_at=NOW - 6 * 86400 + arm)
    for role, given in inputs.items():
        seeder.insert("run_inputs", run_id=made, role=role, input_run_id=given, digest="0" * 64)
    return made
