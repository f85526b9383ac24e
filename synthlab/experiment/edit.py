"""Adding tables to an experiment file: what stands there stays byte for byte, and nothing gets worse."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from storage import durable
from synthlab.errors import ConflictError, NotFoundError, SpecError, UsageError
from synthlab.experiment.load import decode_spec, find_problems, read_raw, report
from synthlab.experiment.spec import SCHEMA
from synthlab.experiment.table_reader import NAME, NAME_RULE

Section: TypeAlias = Literal["prompts", "sources", "mixtures"]
TomlValue: TypeAlias = str | bool | int | float | Sequence["TomlValue"] | Mapping[str, "TomlValue"]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True)
class NewTable:
    """`[section.name]` with its keys, in the order in which they are to stand."""

    section: Section
    name: str
    values: Mapping[str, TomlValue]

    @property
    def header(self) -> str:
        """What the table is called in the file."""
        return f"{self.section}.{self.name}"


@dataclass(frozen=True)
class Addition:
    """What was written into a file."""

    path: Path
    toml: str
    """The added tables as they stand there."""
    is_new: bool
    """Whether the file was made."""
    faults: str
    """What is still wrong in the file, as `file:line: key: message`; it was so before."""


def add_to_file(
    path: Path, tables: Sequence[NewTable], *, base: Mapping[str, TomlValue] | None = None
) -> Addition:
    """Append tables to a file, or to a new one if there is none; the file is replaced in one step.

    base: `[base]` of a new file, which names at least a model.
    Raises UsageError, ConflictError or SpecError, and then nothing was written; NotFoundError if the
    file is missing and no base is given.
    """
    is_new = not path.exists()
    raw = new_file(path, base).encode() if is_new else read_raw(path)
    text = decode_spec(raw, path)
    changed = add_tables(text, path, tables)
    added = changed[len(text) :]
    durable.write_user_file(path, raw + added.encode())
    left, origin = find_problems(changed, path)
    toml = "\n".join(table_text(table) for table in tables)
    return Addition(path, toml, is_new, report(left, origin) if left else "")


def new_file(path: Path, base: Mapping[str, TomlValue] | None) -> str:
    """The least that an experiment file holds; its name is the experiment's.

    Raises UsageError for a file name that is no name, NotFoundError if no base model is given.
    """
    if path.suffix != ".toml" or not NAME.fullmatch(path.stem):
        raise UsageError(
            f"{path} cannot be made an experiment file",
            f"its name must end in .toml, and what stands before that {NAME_RULE[3:]}"
            if path.suffix == ".toml"
            else "the name of an experiment file ends in .toml",
        )
    if base is None:
        raise NotFoundError(
            f"no experiment file {path}", "--base MODEL makes one with that model to start from"
        )
    head = f"schema = {SCHEMA}\nname = {toml_value(path.stem)}\n"
    return f"{head}\n[base]\n{_rows(base)}"


def add_tables(text: str, path: Path, tables: Sequence[NewTable]) -> str:
    """`text` with tables at its end; `path` names the file in messages.

    Raises UsageError for a name that cannot be one, ConflictError if a table is there already, and
    SpecError with `file:line: key: message` if the text would be wrong for a reason that it is not
    wrong for now.
    """
    before, origin = find_problems(text, path)
    root = tomllib.loads(text)
    for table in tables:
        if not NAME.fullmatch(table.name):
            raise UsageError(f"{table.name!r} {NAME_RULE}")
        section = root.get(table.section)
        if isinstance(section, dict) and table.name in section:
            raise ConflictError(
                f"{origin.where(table.section, table.name)}: is there already",
                "choose another name, or edit the file",
            )
    changed = text + _addition(text, tables)
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError as error:
        section = next((t.section for t in tables if t.section in root), tables[0].section)
        raise SpecError(
            f"{origin.where(section)}: is written in one piece, so nothing can be added to it",
            f"write it as tables, [{section}.NAME]",
        ) from error
    after, origin = find_problems(changed, path)
    known = {problem.path for problem in before}
    if new := [problem for problem in after if problem.path not in known]:
        raise SpecError(report(new, origin))
    return changed


def table_text(table: NewTable) -> str:
    """A table in TOML."""
    return f"[{table.section}.{_key(table.name)}]\n{_rows(table.values)}"


def toml_value(value: TomlValue) -> str:
    """A value in TOML, on one line; raises UsageError for text that is no UTF-8."""
    if isinstance(value, str):
        return f'"{"".join(map(_character, value))}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {toml_value(one)}" for name, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return f"[{', '.join(map(toml_value, value))}]"


def parse_value(text: str) -> TomlValue:
    """One TOML value as somebody typed it; raises UsageError if it is none, or more than one."""
    try:
        given = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{text!r} is no TOML value ({error})", 'quote text: key="text"'
        ) from error
    value = given.pop("value")
    if given or not isinstance(value, str | bool | int | float | list | dict):
        raise UsageError(f"{text!r} is not one TOML value")
    return value


def _addition(text: str, tables: Sequence[NewTable]) -> str:
    gap = "" if not text or text.endswith("\n") else "\n"
    written = gap + "".join(f"\n{table_text(table)}" for table in tables)
    return written.replace("\n", "\r\n") if "\r\n" in text else written


def _rows(values: Mapping[str, TomlValue]) -> str:
    return "".join(f"{_key(name)} = {toml_value(value)}\n" for name, value in values.items())


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else toml_value(name)


def _character(sign: str) -> str:
    if sign in ESCAPES:
        return ESCAPES[sign]
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:
        raise UsageError("a value is not UTF-8 text")
    if sign.isprintable():
        return sign
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
