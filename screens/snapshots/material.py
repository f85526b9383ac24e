"""What the lists of sources, mixtures and checkpoints show: a window of rows, and one of them whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from screens.live import Reading
from storage.catalog.queries import CHECKPOINTS, MIXTURES, SOURCES, Listing, Row
from storage.durable import read_lines
from storage.filters import compile_filter

R = TypeVar("R")
WINDOW = 300
STEP = 100
PREVIEW_ROWS = 6
PREVIEW_TEXT = 400
"""Signs of a text that a preview shows."""


@dataclass(frozen=True)
class Part:
    """What one generator gives to a mixture."""

    generator: str
    rows: int
    share: float


@dataclass(frozen=True)
class SourceRow:
    """Who answered which prompt set."""

    key: str
    run_id: str
    generator: str
    kind: str
    prompts: str
    rows: int
    tokens: int | None
    label: str
    created_at: float


@dataclass(frozen=True)
class MixtureRow:
    """A training set."""

    key: str
    run_id: str
    label: str
    rows: int
    assign: str
    seed: int
    parts: tuple[Part, ...]
    created_at: float


@dataclass(frozen=True)
class CheckpointRow:
    """A trained adapter."""

    key: str
    run_id: str
    label: str
    base: str
    seed: int
    steps: int
    eval_loss: float | None
    mixture_run_id: str | None
    created_at: float


@dataclass(frozen=True)
class TextRow:
    """A row of a published file, as a preview."""

    who: str
    asked: str
    answered: str


@dataclass(frozen=True)
class Detail:
    """One thing of a list, whole."""

    key: str
    facts: tuple[tuple[str, str], ...]
    spec: tuple[tuple[str, str], ...]
    users: tuple[tuple[str, str], ...]
    """Who reads it: run and label."""
    experiments: tuple[str, ...]
    texts: tuple[TextRow, ...]
    why_no_texts: str


@dataclass(frozen=True)
class Page(Generic[R]):
    """A window of a list."""

    rows: tuple[R, ...]
    offset: int
    total: int
    has_any: bool
    detail: Detail | None


@dataclass(frozen=True)
class Wanted:
    """What a list screen asks for."""

    filter_text: str = ""
    order: str = ""
    """SQL, from the screen's own table of orders; empty for newest first."""
    offset: int = 0
    chosen: str | None = None
    unmask: bool = False


def read_sources(reading: Reading, wanted: Wanted) -> Page[SourceRow]:
    """A window of the sources; raises FilterError."""

    def make(row: Row) -> SourceRow:
        key = f"{row['run_id']} {row['generator']} {row['prompts']}"
        names = ("run_id", "generator", "kind", "prompts", "rows", "tokens", "label", "created_at")
        return SourceRow(key, **{name: row[name] for name in names})

    return _page(reading, SOURCES, wanted, make, _source_detail)


def read_mixtures(reading: Reading, wanted: Wanted) -> Page[MixtureRow]:
    """A window of the mixtures; raises FilterError."""

    def make(row: Row) -> MixtureRow:
        parts = tuple(Part(**part) for part in json.loads(row["parts"]))
        names = ("run_id", "label", "rows", "assign", "seed", "created_at")
        return MixtureRow(row["run_id"], parts=parts, **{name: row[name] for name in names})

    return _page(reading, MIXTURES, wanted, make, _mixture_detail)


def read_checkpoints(reading: Reading, wanted: Wanted) -> Page[CheckpointRow]:
    """A window of the checkpoints; raises FilterError."""

    def make(row: Row) -> CheckpointRow:
        names = ("run_id", "label", "base", "seed", "steps", "eval_loss", "mixture_run_id")
        values = {name: row[name] for name in (*names, "created_at")}
        return CheckpointRow(row["run_id"], **values)

    return _page(reading, CHECKPOINTS, wanted, make, _checkpoint_detail)


Describe = Callable[[Reading, Any, bool], Detail]


def _page(
    reading: Reading,
    listing: Listing,
    wanted: Wanted,
    make: Callable[[Row], R],
    describe: Describe,
) -> Page[R]:
    catalog = reading.catalog
    where = compile_filter(wanted.filter_text, listing.filterable)
    body = listing.sql[listing.sql.index(" FROM ") :]
    if listing is MIXTURES:  # its columns hold a query of their own
        body = " FROM mixtures m JOIN runs r ON r.id = m.run_id"
    total = catalog.execute(f"SELECT count(*){body} WHERE {where.sql}", where.values).fetchone()[0]
    offset = max(0, min(wanted.offset, (total - 1) // STEP * STEP))
    order = f"{wanted.order}, {listing.order}" if wanted.order else listing.order
    rows = tuple(
        make(dict(row))
        for row in catalog.execute(
            f"{listing.sql} WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?",
            (*where.values, WINDOW, offset),
        )
    )
    chosen: Any = next((row for row in rows if row.key == wanted.chosen), None)  # type: ignore[attr-defined]
    chosen = chosen or (rows[0] if rows else None)
    has_any = bool(total) or catalog.execute(f"SELECT 1{body} LIMIT 1").fetchone() is not None
    detail = describe(reading, chosen, wanted.unmask) if chosen else None
    return Page(rows, offset, total, has_any, detail)


def _source_detail(reading: Reading, row: SourceRow, unmask: bool) -> Detail:
    run = _run(reading.catalog, row.run_id)
    origin = reading.catalog.execute(
        "SELECT p.origin, p.licence FROM prompt_sets p JOIN run_inputs i ON i.input_run_id = p.run_id"
        " WHERE (i.run_id = ? OR p.run_id = ?) AND p.name = ?",
        (row.run_id, row.run_id, row.prompts),
    ).fetchone()
    facts = [
        ("generator", row.generator),
        ("prompt set", row.prompts),
        ("rows", f"{row.rows}" + (f", {row.tokens} tokens" if row.tokens else "")),
        ("made by", f"{row.label} ({row.run_id})"),
        ("digest", run["digest"] or "—"),
    ]
    if origin:
        facts += [
            ("origin", origin["origin"] or "—"),
            ("licence", origin["licence"] or "not stated"),
        ]
    directory = reading.home.run(row.run_id) / "out"
    name = "responses.jsonl" if row.kind != "human" else f"{row.prompts}.responses.jsonl"
    texts, why = _texts(reading, row.run_id, directory / name, unmask)
    return _detail(reading, row.key, row.run_id, run, facts, texts, why)


def _mixture_detail(reading: Reading, row: MixtureRow, unmask: bool) -> Detail:
    run = _run(reading.catalog, row.run_id)
    facts = [
        ("mixture", f"{row.label} ({row.run_id})"),
        ("rows", f"{row.rows}, assigned {row.assign}, seed {row.seed}"),
        ("digest", run["digest"] or "—"),
    ]
    path = reading.home.run(row.run_id) / "out" / "mixture.jsonl"
    texts, why = _texts(reading, row.run_id, path, unmask)
    return _detail(reading, row.key, row.run_id, run, facts, texts, why)


def _checkpoint_detail(reading: Reading, row: CheckpointRow, unmask: bool) -> Detail:
    run = _run(reading.catalog, row.run_id)
    mixture = _run(reading.catalog, row.mixture_run_id) if row.mixture_run_id else None
    named = f"{mixture['label']} ({row.mixture_run_id})" if mixture else "—"
    loss = "—" if row.eval_loss is None else f"{row.eval_loss:.4g} nats"
    facts = [
        ("checkpoint", f"{row.label} ({row.run_id})"),
        ("base", row.base),
        ("mixture", named),
        ("seed", str(row.seed)),
        ("steps", str(row.steps)),
        ("validation", loss),
        ("digest", run["digest"] or "—"),
        ("adapter", str(reading.home.run(row.run_id) / "out" / "adapter")),
    ]
    return _detail(reading, row.key, row.run_id, run, facts, (), "")


def _detail(
    reading: Reading,
    key: str,
    run_id: str,
    run: Row,
    facts: Sequence[tuple[str, str]],
    texts: tuple[TextRow, ...],
    why: str,
) -> Detail:
    catalog = reading.catalog
    users = catalog.execute(
        "SELECT i.run_id, r.label FROM run_inputs i JOIN runs r ON r.id = i.run_id"
        " WHERE i.input_run_id = ? ORDER BY r.created_at, r.label LIMIT 60",
        (run_id,),
    )
    experiments = catalog.execute(
        "SELECT DISTINCT experiment_id FROM experiment_steps WHERE run_id = ? ORDER BY experiment_id",
        (run_id,),
    )
    return Detail(
        key,
        tuple(facts),
        tuple(_flat(json.loads(run["params"] or "{}")))[:60],
        tuple((row[0], row[1]) for row in users),
        tuple(row[0] for row in experiments),
        texts,
        why,
    )


def _run(catalog: sqlite3.Connection, run_id: str) -> Row:
    row = catalog.execute(
        "SELECT label, params, digest FROM runs WHERE id = ?", (run_id,)
    ).fetchone()
    return dict(row) if row else {"label": "(removed)", "params": "{}", "digest": None}


def _flat(value: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    found = []
    for name, one in value.items():
        if isinstance(one, Mapping) and one:
            found += _flat(one, f"{path}{name}.")
        else:
            found.append((f"{path}{name}", json.dumps(one, ensure_ascii=False)))
    return found


def _texts(
    reading: Reading, run_id: str, path: Path, unmask: bool
) -> tuple[tuple[TextRow, ...], str]:
    """The first rows of a published file, or why there are none to see."""
    if not unmask and is_harmful(reading, run_id):
        return (), "harmful texts are masked; m shows them"
    if not path.is_file():
        return (), "the file is not there"
    lines = islice(read_lines(path), PREVIEW_ROWS)
    records = [line.record for line in lines if not line.problem]
    return tuple(
        TextRow(
            str(record.get("generator", "")),
            str(record.get("prompt", record.get("prompt_id", "")))[:PREVIEW_TEXT],
            str(record.get("response", record.get("text", "")))[:PREVIEW_TEXT],
        )
        for record in records
    ), ""


def is_harmful(reading: Reading, run_id: str) -> bool:
    """Whether a run's texts stand for, or answer, a prompt set with a harmful purpose."""
    from synthlab.lineage.harmful import harmful_sets
    from synthlab.lineage.hops import trace

    lineage = trace(reading.catalog, [run_id], "up")
    return run_id in harmful_sets(reading.catalog, lineage)
