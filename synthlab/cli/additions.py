"""`synthlab sources | mixtures | prompts add`: one more table in an experiment file, without an editor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from synthlab.cli.lists import show_list
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, UsageError
from synthlab.experiment.edit import (
    Addition,
    NewTable,
    Section,
    TomlValue,
    add_to_file,
    parse_value,
)

V = TypeVar("V")
SOURCE_KEYS = (
    "prompts",
    "model",
    "revision",
    "engine",
    "base_url",
    "api_key_env",
    "adapter",
    "system",
    "seed",
    "concurrency",
)
SAMPLING_KEYS = ("temperature", "top_p", "max_new_tokens", "samples")


def sources(session: Session) -> ExitCode:
    """List sources, or add one to a file."""
    if not _adds(session):
        return show_list(session)
    arguments = session.arguments
    values: dict[str, TomlValue] = {"kind": arguments.kind}
    values |= given(session, SOURCE_KEYS)
    if sampling := given(session, SAMPLING_KEYS):
        values["sampling"] = sampling
    return add(session, "sources", values)


def mixtures(session: Session) -> ExitCode:
    """List mixtures, or add one to a file."""
    if not _adds(session):
        return show_list(session)
    if not session.arguments.share:
        raise UsageError("mixtures add needs a --share", "such as --share people=1 --share llama=1")
    shares = pairs(session.arguments.share, "--share", _weight)
    values: dict[str, TomlValue] = {"shares": shares}
    values |= given(session, ("assign", "rows", "tokens", "seed"))
    return add(session, "mixtures", values)


def add_prompts(session: Session) -> ExitCode:
    """Add a prompt set to a file."""
    arguments = session.arguments
    values = given(session, ("dataset", "revision", "config", "purpose", "rows", "seed"))
    if arguments.split != "train":
        values["split"] = arguments.split
    if arguments.column:
        values["columns"] = pairs(arguments.column, "--column", str)
    if arguments.dataset and arguments.file:
        here, there = Path(arguments.dataset), Path(arguments.file).parent / arguments.dataset
        if here.is_file() and not there.is_file():
            session.output.say(f"note: {arguments.dataset} is looked for beside the file: {there}")
    return add(session, "prompts", values)


def add(session: Session, section: Section, values: Mapping[str, TomlValue]) -> ExitCode:
    """Write the table and say what stands in the file now."""
    arguments = session.arguments
    if arguments.file is None or arguments.name_in_file is None:
        raise UsageError(
            f"{section} add needs a file and a name", f"synthlab {section} add FILE NAME"
        )
    table = NewTable(section, arguments.name_in_file, {**values, **settings(session)})
    base = {"model": arguments.base} if arguments.base else None
    show_addition(session, add_to_file(Path(arguments.file), (table,), base=base), table)
    return ExitCode.DONE


def show_addition(session: Session, done: Addition, table: NewTable) -> None:
    """The added text to stdout; what else a person should know to stderr."""
    if session.arguments.json:
        session.output.json(
            "addition",
            {
                "file": str(done.path),
                "is_new": done.is_new,
                "table": table.header,
                "toml": done.toml,
                "faults": done.faults.splitlines(),
            },
        )
        return
    session.output.data(done.toml.rstrip("\n"))
    session.output.say(f"{'made' if done.is_new else 'added to'} {done.path}")
    if done.faults:
        session.output.say(f"the file has faults that it had before:\n{done.faults}")


def given(session: Session, keys: Sequence[str]) -> dict[str, TomlValue]:
    """The options among `keys` that were given, by their keys in the file."""
    named = {key: getattr(session.arguments, key) for key in keys}
    return {key: value for key, value in named.items() if value is not None}


def settings(session: Session) -> dict[str, TomlValue]:
    """What `--set` says."""
    return pairs(session.arguments.set, "--set", parse_value)


def pairs(words: Sequence[str], option: str, read: Callable[[str], V]) -> dict[str, V]:
    """`NAME=VALUE` words as a table; raises UsageError for another form, or a name that comes twice."""
    found: dict[str, V] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {word!r} is not NAME=VALUE")
        if name in found:
            raise UsageError(f"{option} names {name!r} twice")
        found[name] = read(value)
    return found


def _weight(text: str) -> TomlValue:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no share", "a share is a number, such as 1 or 0.25"
        ) from error


def _adds(session: Session) -> bool:
    if session.arguments.action == "add":
        return True
    if session.arguments.file is not None:
        raise UsageError("a list takes no file", f"synthlab {session.arguments.verb} add FILE NAME")
    return False
