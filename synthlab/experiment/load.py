"""From an experiment file to a valid spec, or to the list of everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment import sections
from synthlab.experiment.crosscheck import complete
from synthlab.experiment.expected_section import check_expected, read_expected
from synthlab.experiment.source_section import read_source
from synthlab.experiment.spec import SCHEMA, BaseModel, ExperimentSpec, SpecOrigin
from synthlab.experiment.table_reader import NAME, NAME_RULE, Problem, Problems, TableReader
from synthlab.experiment.toml_lines import KeyPath, key_lines

TOML_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")
MAX_SIZE_BYTES = 1 << 20


def load_spec(path: Path) -> ExperimentSpec:
    """Read an experiment file.

    Raises NotFoundError if there is no such file, SpecError with every fault that was found, each as
    `file:line: key: message`.
    """
    return parse_spec(decode_spec(read_raw(path), path), path)


def read_raw(path: Path) -> bytes:
    """The bytes of an experiment file; raises NotFoundError or SpecError."""
    try:
        if path.stat().st_size > MAX_SIZE_BYTES:
            raise SpecError(f"{path}: is larger than 1 MB and cannot be an experiment file")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no experiment file {path}", "`synthlab recipes` lists the built-in experiments"
        ) from error
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror})") from error


def decode_spec(raw: bytes, path: Path) -> str:
    """The text of an experiment file without a byte order mark; raises SpecError."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{path}:{line}: is not UTF-8 text", "save the file as UTF-8") from error


def parse_spec(text: str, path: Path) -> ExperimentSpec:
    """Read the text of an experiment file; `path` names it in messages and anchors its paths."""
    spec, problems = _examine(text, path)
    if problems.found:
        raise SpecError(report(problems.found, spec.origin))
    return spec


def find_problems(text: str, path: Path) -> tuple[Sequence[Problem], SpecOrigin]:
    """Everything that is wrong in the text of an experiment file, and where its keys stand.

    Raises SpecError if it is not TOML at all.
    """
    spec, problems = _examine(text, path)
    return problems.found, spec.origin


def _examine(text: str, path: Path) -> tuple[ExperimentSpec, Problems]:
    try:
        root = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_syntax_message(str(error), text, path)) from error
    except RecursionError as error:
        raise SpecError(f"{path}: is nested too deeply to be an experiment file") from error
    origin = SpecOrigin(path, key_lines(text))
    problems = Problems()
    spec = complete(_read(root, origin, problems), problems)
    check_expected(spec, problems)
    return spec, problems


def _read(root: dict[str, Any], origin: SpecOrigin, problems: Problems) -> ExperimentSpec:
    table = TableReader(root, (), problems)
    schema = table.optional_integer("schema")
    if schema is None and not table.has("schema"):
        table.fault("schema", f"is missing; the first line of the file is schema = {SCHEMA}")
    elif schema not in (SCHEMA, None):
        table.fault("schema", f"{schema} is not known; this version reads schema = {SCHEMA}")
    name = table.required_text("name")
    if name and not NAME.fullmatch(name):
        table.fault("name", NAME_RULE)
    description = table.free_text("description") or ""
    seeds = _seeds(table)
    if not table.has("base"):
        table.fault("base", "is missing; [base] names the model that all conditions start from")
    base_table = table.subtable("base")
    finetune = table.subtable("finetune")
    evaluate = table.subtable("evaluate")
    base = sections.read_base(base_table) if table.has("base") else BaseModel(model="")
    spec = ExperimentSpec(
        name=name,
        description=description,
        seeds=seeds,
        base=base,
        bases={
            n: sections.read_further_base(n, t, base, finetune)
            for n, t in table.named_subtables("bases").items()
        },
        prompts={
            n: sections.read_prompts(n, t) for n, t in table.named_subtables("prompts").items()
        },
        sources={n: read_source(n, t) for n, t in table.named_subtables("sources").items()},
        mixtures={
            n: sections.read_mixture(n, t) for n, t in table.named_subtables("mixtures").items()
        },
        finetune=sections.read_finetune(finetune),
        evaluate=sections.read_evaluate(evaluate) if table.has("evaluate") else None,
        origin=origin,
        expected=tuple(read_expected(one) for one in table.tables("expected")),
    )
    table.close()
    return spec


def _seeds(table: TableReader) -> tuple[int, ...]:
    seeds = table.integers("seeds")
    if seeds is None:
        return (0,)
    if not seeds:
        table.fault("seeds", "must not be empty")
    for i, seed in enumerate(seeds):
        if seed in seeds[:i]:
            table.problems.add(("seeds", i), f"seed {seed} is there twice")
        if seed > sections.SEED_LIMIT:
            table.problems.add(("seeds", i), f"must be at most {sections.SEED_LIMIT}")
    return seeds


def report(problems: Sequence[Problem], origin: SpecOrigin) -> str:
    """Faults as a person reads them: `file:line: key: message`, in the order of the file."""

    def line(path: KeyPath) -> int:
        ends = range(len(path), 0, -1)
        return next((origin.lines[path[:e]] for e in ends if path[:e] in origin.lines), 0)

    # A value that could not be read is often also missed later on: its first fault is the real one.
    first = {p.path: p for p in reversed(problems)}
    ordered = sorted(first.values(), key=lambda p: (line(p.path), str(p.path)))
    return "\n".join(f"{origin.where(*p.path)}: {p.message}" for p in ordered)


def _syntax_message(message: str, text: str, path: Path) -> str:
    found = TOML_POSITION.search(message)
    if found is None:
        # tomllib gives "at end of document": the last line is the place to look.
        return f"{path}:{max(1, len(text.splitlines()))}: not valid TOML: {message}"
    return f"{path}:{found[1]}: not valid TOML: {message[: found.start()]} (column {found[2]})"
