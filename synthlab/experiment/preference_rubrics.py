"""The questions of the self-preference axis: which of two texts is better, and how good is one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from storage.durable import canonical_json
from synthlab.errors import SpecError
from synthlab.experiment.rubric_files import locate_rubric, read_rubric_file

PreferenceKind: TypeAlias = Literal["pairwise", "rating"]
SCHEMA = 1
TASK, TEXT = "{task}", "{text}"
PARTS = ("opening", "opening_without_task", "task", "first", "second", "closing", "reply")
HASH_LETTERS = 12


@dataclass(frozen=True)
class PreferenceRubric:
    """A judge's question in parts: the parts that prompts share stand first, so they are read once."""

    id: str
    version: int
    kind: PreferenceKind
    labels: tuple[str, ...]
    """For pairs: of the text shown first and second. For ratings: whole numbers."""
    opening: str
    opening_without_task: str
    """Instead of `opening` where the judge does not see the task."""
    task: str
    """With the place `{task}`."""
    first: str
    """With the place `{text}`."""
    second: str
    """With the place `{text}`; empty for ratings."""
    closing: str
    reply: str
    """How the judge's reply begins, so that a label is what comes next; empty for the bare label."""

    @property
    def sha256(self) -> str:
        """Digest of the content: another wording is another judge."""
        return hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Id, version and the beginning of the digest, as keys of results carry it."""
        return f"{self.id}.{self.version}@{self.sha256[:HASH_LETTERS]}"

    def question(self, texts: tuple[str, ...], task: str | None) -> str:
        """What the judge reads; `task` None hides it. One text for each place of the rubric.

        Braces in the texts are left as they are.
        """
        parts = [self.opening_without_task if task is None else self.opening]
        if task is not None:
            parts.append(self.task.replace(TASK, task))
        places = (self.first, self.second) if self.kind == "pairwise" else (self.first,)
        parts += [part.replace(TEXT, text) for part, text in zip(places, texts, strict=True)]
        return "\n\n".join([*parts, self.closing])

    def to_json(self) -> dict[str, Any]:
        """As it stands in the parameters of a step: the whole text, so that no file is needed."""
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PreferenceRubric:
        """The rubric that `to_json` wrote."""
        return cls(**{**value, "labels": tuple(value["labels"])})


def preference_rubric_folder() -> Path:
    """Where the rubrics that come with the lab lie, in a checkout as well as in a wheel."""
    return Path(str(files("assets"))) / "rubrics" / "preference"


def find_preference_rubric(reference: str, base: Path, kind: PreferenceKind) -> PreferenceRubric:
    """The rubric that a file names: a path ending in .toml relative to `base`, or a published one.

    Raises NotFoundError if there is none, SpecError if it is damaged or of the other kind.
    """
    path = locate_rubric(reference, base, preference_rubric_folder())
    rubric = read_preference_rubric(path)
    if rubric.kind != kind:
        raise SpecError(f"{path}: is a {rubric.kind} rubric, and a {kind} one is needed here")
    return rubric


def read_preference_rubric(path: Path) -> PreferenceRubric:
    """Read one rubric file; raises SpecError that names the file and the first fault."""
    return read_rubric_file(path, _rubric, _fault)


def _rubric(table: Mapping[str, Any]) -> PreferenceRubric:
    if table["schema"] != SCHEMA:
        raise SpecError(f"schema is {table['schema']!r}; this version reads {SCHEMA}")
    return PreferenceRubric(
        table["id"],
        table["version"],
        table["kind"],
        tuple(table["labels"]),
        *(table[name].strip() for name in PARTS),
    )


def _fault(rubric: PreferenceRubric) -> str:
    if rubric.kind not in get_args(PreferenceKind):
        return f"kind is {rubric.kind!r}; use one of {', '.join(get_args(PreferenceKind))}"
    labels = rubric.labels
    if len(set(labels)) != len(labels) or not all(isinstance(one, str) and one for one in labels):
        return "the labels must be different words, each a string"
    if rubric.kind == "pairwise" and len(labels) != 2:
        return f"a pairwise rubric has two labels, not {len(labels)}"
    if rubric.kind == "rating" and not (
        len(labels) > 1 and all(one.isascii() and one.isdecimal() for one in labels)
    ):
        return "the labels of a rating rubric are two or more whole numbers"
    places = {"task": (rubric.task, TASK), "first": (rubric.first, TEXT)}
    if rubric.kind == "pairwise":
        places["second"] = (rubric.second, TEXT)
    for name, (part, place) in places.items():
        if part.count(place) != 1:
            return f"{name} needs the place {place} once"
    return ""
