"""The job `import`: from any data set to prompt sets with stable ids, and the human responses to them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.corpora.catalog import read_corpus
from synthlab.jobs.readers.csv_file import read_csv, read_tsv
from synthlab.jobs.readers.fields import PromptRow, UsableRows, usable_rows
from synthlab.jobs.readers.hub_dataset import read_hub
from synthlab.jobs.readers.json_file import read_json
from synthlab.jobs.readers.jsonl_file import read_jsonl
from synthlab.jobs.readers.packaged import read_imported, read_packaged
from synthlab.jobs.readers.parquet_file import read_parquet
from synthlab.jobs.readers.table import RawTable
from synthlab.jobs.responses import Response
from synthlab.jobs.split import HoldoutCut, draw, split

FILE_READERS = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
}


def run(context: JobContext) -> None:
    """Read, choose, split and write; short enough to begin anew when it was stopped."""
    params = context.params
    table = read_table(context)
    context.progress(0, len(table.rows), "rows")
    usable = usable_rows(table, params["columns"])
    context.raise_if_stopping()
    chosen = draw(usable.rows, params["rows"], params["order_seed"])
    cuts = [HoldoutCut.from_json(cut) for cut in params["holdouts"]]
    parts = split(chosen, params["set"], cuts)
    dropped = dict(Counter(usable.dropped) + Counter(parts.dropped))
    generator = human_generator(params["dataset"])
    sets = [
        {
            "name": name,
            "rows": len(rows),
            "responses": write_set(context.out, name, rows, generator),
        }
        for name, rows in parts.sets.items()
    ]
    kept = sum(len(rows) for rows in parts.sets.values())
    for reason, count in dropped.items():
        context.note(f"{count} of {len(table.rows)} rows left out: {reason}")
    tell_shape(context, usable)
    report = {
        "rows": len(table.rows),
        "kept": kept,
        "not_drawn": len(usable.rows) - len(chosen),
        "dropped": dropped,
        "licence": table.licence,
        "origin": f"{params['dataset']['origin']}:{params['dataset']['name']}",
        "generator": generator,
        "sets": sets,
    }
    durable.write_json(context.out / "import.json", report)
    context.progress(len(table.rows), len(table.rows), "rows")
    context.publish(report)


def tell_shape(context: JobContext, usable: UsableRows) -> None:
    """Say how rows were understood where the file does not."""
    if usable.recognised:
        pairs = ", ".join(f"{name} = {json.dumps(c)}" for name, c in usable.recognised.items())
        context.note(f"read by the names of the columns: columns = {{ {pairs} }}")
    if usable.cut_chats:
        context.note(
            f"{usable.cut_chats} chats go on after the first exchange, which alone is used"
        )


def read_table(context: JobContext) -> RawTable:
    """The rows behind the data set that the parameters pin.

    Raises JobError if it is not there, is damaged, or is not what the plan saw.
    """
    dataset: Mapping[str, Any] = context.params["dataset"]
    origin, name = dataset["origin"], dataset["name"]
    if origin == "builtin":
        return read_corpus(name, context.params["order_seed"])
    if origin == "hub":
        return read_hub(name, dataset["revision"], dataset["split"], dataset.get("config"))
    if origin == "package" and (earlier := context.locate("imported")) is not None:
        return read_imported(name, Path(earlier))
    if origin == "package":
        return read_packaged(name, Path(context.locate("dataset") or ""))
    located = context.locate("dataset")
    if located is None or not Path(located).is_file():
        raise JobError("no_dataset", f"{located or name}: the data file is gone", "plan again")
    path = Path(located)
    if durable.sha256_file(path) != dataset["digest"]:
        raise JobError(
            "changed_dataset",
            f"{path}: has changed since the plan was made",
            "run the experiment again; the new content makes a new step",
        )
    return FILE_READERS[dataset["format"]](path, name)


def human_generator(dataset: Mapping[str, Any]) -> str:
    """Generator id of the people behind a data set."""
    pinned = dataset.get("digest") or dataset["revision"]
    return f"human:{dataset['name']}@{pinned[:12]}"


def write_set(out: Path, name: str, rows: Sequence[PromptRow], generator: str) -> int:
    """Write one prompt set and the responses that came with it; returns how many of those."""
    prompts = [
        {"id": row.id, "text": row.text, "category": row.category, "system": row.system}
        for row in rows
    ]
    durable.write_jsonl(out / f"{name}.prompts.jsonl", prompts)
    responses = [
        Response.of_human(row.id, generator, row.response).to_json()
        for row in rows
        if row.response is not None
    ]
    if responses:
        durable.write_jsonl(out / f"{name}.responses.jsonl", responses)
    return len(responses)
