"""`synthlab runs | sources | mixtures | checkpoints | experiments`: what the catalog holds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.catalog import queries
from storage.catalog.queries import Listing, Row, list_rows
from synthlab.cli.output import Column, number_column, text_column
from synthlab.cli.session import Session
from synthlab.cli.words import duration, when
from synthlab.errors import ExitCode


@dataclass(frozen=True)
class ListView:
    """How one list is shown to a person."""

    listing: Listing
    columns: Sequence[Column]
    empty: str
    """What to do when there is nothing to show."""


def _progress(row: Mapping[str, Any]) -> str:
    done, total = row["progress_done"], row["progress_total"]
    if row["ended_at"] is not None or done is None or not total:
        return "—"
    return f"{done:g}/{total:g} {row['progress_unit']}"


def _state(row: Mapping[str, Any]) -> str:
    return f"{row['state']} {row['reason']}" if row["reason"] else str(row["state"])


def _took(row: Mapping[str, Any]) -> str:
    if row["started_at"] is None or row["ended_at"] is None:
        return "—"
    return duration(row["ended_at"] - row["started_at"])


def _parts(row: Mapping[str, Any]) -> str:
    parts = json.loads(row["parts"])
    return ", ".join(f"{p['share']:.0%} {p['generator']}" for p in parts)


def _short(name: str) -> Column:
    return Column(name, lambda row: (row["digest"] or "—")[:12])


CREATED = Column("created", lambda row: when(row["created_at"], time.time()))

VIEWS = {
    "runs": ListView(
        queries.RUNS,
        (
            text_column("run", "id"),
            text_column("label", "label"),
            Column("state", _state),
            Column("progress", _progress, True),
            Column("took", _took, True),
            CREATED,
        ),
        "no runs yet; `synthlab run tiny` makes some in one or two minutes",
    ),
    "sources": ListView(
        queries.SOURCES,
        (
            text_column("label", "label"),
            text_column("kind", "kind"),
            text_column("prompts", "prompts"),
            number_column("rows", "rows", "{:d}"),
            number_column("tokens", "tokens", "{:d}"),
            text_column("generator", "generator"),
            text_column("run", "run_id"),
        ),
        "no sources yet; an experiment file names some: `synthlab recipes`",
    ),
    "mixtures": ListView(
        queries.MIXTURES,
        (
            text_column("run", "run_id"),
            text_column("label", "label"),
            number_column("rows", "rows", "{:d}"),
            text_column("assign", "assign"),
            Column("parts", _parts),
            _short("digest"),
        ),
        "no mixtures yet; an experiment file names some: `synthlab recipes`",
    ),
    "checkpoints": ListView(
        queries.CHECKPOINTS,
        (
            text_column("run", "run_id"),
            text_column("label", "label"),
            text_column("base", "base"),
            number_column("seed", "seed", "{:d}"),
            number_column("steps", "steps", "{:d}"),
            number_column("eval loss", "eval_loss", "{:.4f}"),
            text_column("mixture", "mixture_run_id"),
            _short("digest"),
        ),
        "no checkpoints yet; `synthlab run demo` trains some",
    ),
    "experiments": ListView(
        queries.EXPERIMENTS,
        (
            text_column("experiment", "id"),
            number_column("runs", "runs", "{:d}"),
            number_column("done", "succeeded", "{:d}"),
            number_column("unfinished", "unfinished", "{:d}"),
            number_column("ended badly", "ended_badly", "{:d}"),
            CREATED,
            text_column("description", "description"),
        ),
        "no experiments yet; `synthlab recipes` lists some to begin with",
    ),
}


def show_list(session: Session) -> ExitCode:
    """Print the list that the verb names, filtered; `--json` gives every field of every row."""
    name: str = session.arguments.verb
    view = VIEWS[name]
    with session.catalog() as connection:
        rows: list[Row] = list_rows(connection, view.listing, session.arguments.filter)
    if session.arguments.json:
        shown = [
            {**row, "parts": json.loads(row["parts"])} if "parts" in row else row for row in rows
        ]
        session.output.json(name, {"rows": shown})
    elif rows:
        session.output.table(view.columns, rows)
    else:
        filtered = session.arguments.filter
        session.output.say(f"nothing passes the filter {filtered!r}" if filtered else view.empty)
    return ExitCode.DONE
