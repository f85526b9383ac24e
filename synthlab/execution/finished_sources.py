"""Sources that a lab has finished, as tables of a file: so that they are mixed and not made again."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.errors import ConflictError, NotFoundError, SpecError
from synthlab.experiment.edit import NewTable, TomlValue, add_tables
from synthlab.experiment.load import parse_spec
from synthlab.experiment.models import BUILTIN
from synthlab.experiment.plan import slug
from synthlab.experiment.spec import ExperimentSpec, PromptSet, Source

TRIAL = "trial-source"


class SourceKey(NamedTuple):
    """A row of the list of sources."""

    run_id: str
    generator: str
    prompts: str


@dataclass(frozen=True)
class FinishedSource:
    """What a file would say of a finished source, and where its rows lie."""

    key: SourceKey
    values: Mapping[str, TomlValue]
    """Of `[sources.NAME]`."""
    prompts: tuple[NewTable, ...]
    """The prompt set that was answered, with the sets that are held out of it."""
    suggested: str
    """A name for it."""
    adapter_of: tuple[str, str] | None
    """Experiment and label of the fine-tuning whose adapter answered."""
    prompt_file: Path
    response_file: Path


@dataclass(frozen=True)
class Placed:
    """How finished sources are named in a file."""

    names: tuple[str, ...]
    tables: tuple[NewTable, ...]
    """What has to be added for that; nothing for sources that the file has already."""


def finished_source(
    connection: sqlite3.Connection, home: LabHome, key: SourceKey
) -> FinishedSource:
    """Describe one row of the list of sources.

    Raises NotFoundError if its run is gone, SpecError if no file can name it.
    """
    directory = RunDir(home.run(RunId(key.run_id)))
    if directory.read_manifest() is None:
        raise NotFoundError(f"the run {key.run_id} of {key.generator} is gone or has no output")
    spec = directory.read_spec()
    if spec.kind == "import":
        responses = directory.published(f"{key.prompts}.responses.jsonl")
        tables = _prompt_tables(connection, home, spec.run_id)
        values: dict[str, TomlValue] = {"kind": "human", "prompts": key.prompts}
        prompt_file = directory.published(f"{key.prompts}.prompts.jsonl")
        return FinishedSource(key, values, tables, "people", None, prompt_file, responses)
    inputs = {given.role: given.run_id for given in spec.inputs}
    imported = inputs.get("prompts")
    if imported is None or "model" not in spec.params:
        raise SpecError(f"{spec.label} ({spec.run_id}) is no source that a file can name")
    values = {"kind": "model", "prompts": key.prompts, **_model_values(spec.params, spec.locate)}
    if "model" not in inputs and spec.params["model"]["revision"] is None:
        folder = spec.locate.get("model")
        if folder and not str(values["model"]).startswith(BUILTIN):
            values["model"] = folder
    if adapter := inputs.get("adapter"):
        values["adapter"] = f"checkpoint:{adapter}"
    elif "adapter" in spec.locate:
        values["adapter"] = spec.locate["adapter"]
    if server := spec.observing.get("server"):
        names = ("api_key_env", "concurrency")
        values |= {name: server[name] for name in names if server.get(name) is not None}
    return FinishedSource(
        key,
        values,
        _prompt_tables(connection, home, imported),
        slug(str(spec.params["model"]["id"]).removeprefix(BUILTIN))[:40],
        _label_of(connection, adapter) if adapter else None,
        RunDir(home.run(imported)).published(f"{key.prompts}.prompts.jsonl"),
        directory.out / "responses.jsonl",
    )


def place_sources(text: str, path: Path, sources: Sequence[FinishedSource]) -> Placed:
    """Names of finished sources in the text of a file, which of them it lacks included.

    Raises SpecError if the file is wrong, ConflictError if a prompt set of the same name is another.
    """
    names: list[str] = []
    tables: list[NewTable] = []
    for source in sources:
        spec = parse_spec(add_tables(text, path, tables), path)
        missing = _missing_prompts(spec, source)
        whole = NewTable("sources", TRIAL, source.values)
        tried = parse_spec(add_tables(text, path, [*tables, *missing, whole]), path)
        same = (
            name
            for name, one in spec.sources.items()
            if _is_same(tried, tried.sources[TRIAL], one, source)
        )
        name = next(same, None)
        if name is None:
            name = _free_name(source.suggested, spec)
            values = dict(source.values)
            if spec.base.system is None and not values.get("system"):
                values.pop("system", None)  # says only what the file would do anyway
            tables += [*missing, NewTable("sources", name, values)]
        names.append(name)
    return Placed(tuple(names), tuple(tables))


def _model_values(params: Mapping[str, Any], locate: Mapping[str, str]) -> dict[str, TomlValue]:
    model = params["model"]
    values: dict[str, TomlValue] = {"model": model["id"]}
    if model["revision"] is not None:
        values["revision"] = model["revision"]
    if (engine := params.get("engine", "transformers")) != "transformers":
        values["engine"] = engine
    if "server" in locate:
        values["base_url"] = locate["server"]
    values["system"] = params.get("system") or ""
    values["sampling"] = dict(params["sampling"])
    if params.get("seed"):
        values["seed"] = params["seed"]
    return values


def _prompt_tables(
    connection: sqlite3.Connection, home: LabHome, run_id: RunId
) -> tuple[NewTable, ...]:
    spec = RunDir(home.run(run_id)).read_spec()
    if spec.kind != "import":
        raise SpecError(
            f"{spec.label} ({run_id}) is a composed prompt set, which nothing is trained on"
        )
    params, dataset = spec.params, spec.params["dataset"]
    purposes = _purposes(connection, run_id)
    origin, name = dataset["origin"], dataset["name"]
    reference = {"builtin": BUILTIN + name, "file": spec.locate.get("dataset", name)}
    values: dict[str, TomlValue] = {"dataset": reference.get(origin, name)}
    if origin == "hub":
        values["revision"] = dataset["revision"]
        values |= {"split": dataset["split"]} if dataset["split"] != "train" else {}
        values |= {"config": dataset["config"]} if dataset.get("config") else {}
    if columns := {k: v for k, v in params["columns"].items() if v is not None}:
        values["columns"] = columns
    if params["rows"] is not None:
        values["rows"] = params["rows"]
    if params["order_seed"]:
        values["seed"] = params["order_seed"]
    if (purpose := purposes.get(params["set"])) not in (None, "train"):
        values["purpose"] = str(purpose)
    tables = [NewTable("prompts", params["set"], values)]
    for cut in params["holdouts"]:
        given = {k: v for k, v in cut.items() if k != "set" and v is not None and v != 0}
        held: dict[str, TomlValue] = {"holdout": {"of": params["set"], **given}}
        if (purpose := purposes.get(cut["set"])) not in (None, "held-out"):
            held["purpose"] = str(purpose)
        tables.append(NewTable("prompts", cut["set"], held))
    return tuple(tables)


def _purposes(connection: sqlite3.Connection, run_id: str) -> Mapping[str, str]:
    """What the newest file that used an import says its prompts are for."""
    row = connection.execute(
        "SELECT e.spec_text FROM experiment_steps s JOIN experiments e ON e.id = s.experiment_id"
        " WHERE s.run_id = ? ORDER BY e.created_at DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    try:
        prompts = tomllib.loads(row["spec_text"]).get("prompts", {}) if row else {}
    except tomllib.TOMLDecodeError:
        return {}  # sets imported by hand have a list of names instead of a file
    return {
        name: str(given["purpose"])
        for name, given in prompts.items()
        if isinstance(given, dict) and "purpose" in given
    }


def _label_of(connection: sqlite3.Connection, run_id: str) -> tuple[str, str] | None:
    row = connection.execute(
        "SELECT e.name, s.label FROM experiment_steps s JOIN experiments e ON e.id = s.experiment_id"
        " WHERE s.run_id = ? ORDER BY e.created_at DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return (row["name"], row["label"]) if row else None


def _missing_prompts(spec: ExperimentSpec, source: FinishedSource) -> list[NewTable]:
    """The tables that the file lacks; raises ConflictError if a set of that name is another one."""
    missing = []
    for table in source.prompts:
        there = spec.prompts.get(table.name)
        if there is None:
            missing.append(table)
        elif not _is_same_set(spec, there, table):
            raise ConflictError(
                f"{spec.origin.where('prompts', table.name)}: is another prompt set than the one"
                f" that {source.key.generator} answered",
                "choose another file, or a new one",
            )
    return missing


def _is_same_set(spec: ExperimentSpec, there: PromptSet, table: NewTable) -> bool:
    if there.holdout is not None or "holdout" in table.values:
        holdout = table.values.get("holdout")
        of = holdout.get("of") if isinstance(holdout, Mapping) else None
        return there.holdout is not None and there.holdout.of == of
    wanted = str(table.values["dataset"])
    known = there.dataset or ""
    if wanted != known and (spec.origin.folder / known).resolve() != Path(wanted).resolve():
        return False
    return (there.rows, there.seed) == (table.values.get("rows"), table.values.get("seed", 0))


def _is_same(spec: ExperimentSpec, wanted: Source, there: Source, source: FinishedSource) -> bool:
    if (wanted.kind, wanted.prompts) != (there.kind, there.prompts):
        return False
    if wanted.kind == "human":
        return True
    adapter = there.adapter
    if adapter in spec.mixtures and source.adapter_of is not None:
        label = f"finetune/{adapter}.s{spec.seeds[0]}"
        same_adapter = source.adapter_of == (spec.name, label)
    else:
        same_adapter = adapter == wanted.adapter
    pinned = {wanted.revision, there.revision or (spec.base.revision if not there.model else None)}
    return (
        same_adapter
        and len(pinned - {None}) < 2
        and wanted.model == (there.model or spec.base.model)
        and (wanted.system or "")
        == ((there.system if there.system is not None else spec.base.system) or "")
        and (wanted.engine, wanted.base_url, wanted.sampling, wanted.seed)
        == (there.engine, there.base_url, there.sampling, there.seed)
    )


def _free_name(wanted: str, spec: ExperimentSpec) -> str:
    name, count = wanted, 1
    while name in spec.sources:
        count += 1
        name = f"{wanted[:36]}-{count}"
    return name


def newest_base(connection: sqlite3.Connection) -> Mapping[str, TomlValue] | None:
    """`[base]` of the newest experiment, for a new file beside it; None in an empty lab."""
    for row in connection.execute("SELECT spec_text FROM experiments ORDER BY created_at DESC"):
        try:
            base = tomllib.loads(row["spec_text"]).get("base")
        except tomllib.TOMLDecodeError:
            continue
        if isinstance(base, dict) and "model" in base:
            return {key: value for key, value in base.items() if key != "mixtures"}
    return None
