"""Judge rubrics: published questions with an id and a hash, so that two gradings can be told apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from storage.durable import canonical_json
from synthlab.errors import SpecError
from synthlab.experiment.rubric_files import locate_rubric, read_rubric_file

RubricKind = Literal["states", "rating"]
JudgedState = Literal["refusal", "partial", "compliance", "off-topic"]
RATINGS = ("1", "2", "3", "4", "5")
PLACES = ("request", "response", "labels")
PLACE = re.compile(r"\{(request|response|labels)\}")


@dataclass(frozen=True)
class Label:
    """One answer that the judge may give."""

    label: str
    """What the judge says: a digit or a letter, one token."""
    meaning: str
    state: str | None = None
    """The response state it stands for; only in rubrics of states."""


@dataclass(frozen=True)
class Question:
    """One thing that a judge is asked about one response."""

    id: str
    text: str
    """With a place for the request, the response and the list of labels."""
    opening: str
    """How the judge's reply begins; the label follows after a blank."""
    labels: tuple[Label, ...]

    def ask(self, request: str, response: str) -> str:
        """The question about one response; braces in the texts are left as they are."""
        listed = "\n".join(f"{one.label} = {one.meaning}" for one in self.labels)
        filling = {"request": request, "response": response, "labels": listed}
        return PLACE.sub(lambda place: filling[place[1]], self.text)


@dataclass(frozen=True)
class Rubric:
    """What a judge is asked, in full."""

    id: str
    version: int
    kind: RubricKind
    system: str
    questions: tuple[Question, ...]

    def to_json(self) -> dict[str, Any]:
        """As it stands in the parameters of a step: the whole text, so that no file is needed."""
        questions = [
            {
                "id": question.id,
                "text": question.text,
                "opening": question.opening,
                "labels": [
                    {"label": one.label, "meaning": one.meaning, "state": one.state}
                    for one in question.labels
                ],
            }
            for question in self.questions
        ]
        return {
            "id": self.id,
            "version": self.version,
            "kind": self.kind,
            "system": self.system,
            "questions": questions,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rubric:
        """The rubric that `to_json` wrote."""
        questions = tuple(
            Question(
                one["id"],
                one["text"],
                one["opening"],
                tuple(Label(x["label"], x["meaning"], x["state"]) for x in one["labels"]),
            )
            for one in value["questions"]
        )
        return cls(value["id"], value["version"], value["kind"], value["system"], questions)

    @property
    def sha256(self) -> str:
        """Digest of everything that a judge reads or that turns its reply into a value."""
        return hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Id, version and the beginning of the digest, as keys of results carry it."""
        return f"{self.id}.{self.version}@{self.sha256[:12]}"


def rubric_folder() -> Path:
    """Where the rubrics that come with the lab lie, in a checkout as well as in a wheel."""
    return Path(str(files("assets"))) / "rubrics"


def find_rubric(reference: str, base: Path, kind: RubricKind) -> Rubric:
    """The rubric that a file names: a path ending in .toml relative to `base`, or a published one.

    Raises NotFoundError if there is none, SpecError if it is damaged or of another kind.
    """
    path = locate_rubric(reference, base, rubric_folder())
    rubric = read_rubric(path)
    if rubric.kind != kind:
        raise SpecError(f"{path}: is a rubric of {rubric.kind}, and one of {kind} is needed here")
    return rubric


def read_rubric(path: Path) -> Rubric:
    """Read one rubric file; raises SpecError that names the file and the first fault."""
    return read_rubric_file(path, _rubric, _fault)


def _rubric(value: Mapping[str, Any]) -> Rubric:
    questions = tuple(
        Question(
            one["id"],
            one["text"].strip(),
            one["opening"].strip(),
            tuple(Label(x["label"], x["meaning"], x.get("state")) for x in one["labels"]),
        )
        for one in value["questions"]
    )
    return Rubric(value["id"], value["version"], value["kind"], value["system"].strip(), questions)


def _fault(rubric: Rubric) -> str:
    if rubric.kind not in get_args(RubricKind):
        return f"kind is {rubric.kind!r}; use one of {', '.join(get_args(RubricKind))}"
    if not rubric.questions:
        return "has no question"
    for question in rubric.questions:
        given = [place[1] for place in PLACE.finditer(question.text)]
        if sorted(given) != sorted(PLACES):
            return f"the text of {question.id!r} needs each of {{{'}, {'.join(PLACES)}}} once"
        labels = tuple(one.label for one in question.labels)
        if len(set(labels)) != len(labels) or not all(
            isinstance(label, str) and label.isalnum() and len(label) == 1 for label in labels
        ):
            return f"the labels of {question.id!r} must be different single letters or digits"
        if rubric.kind == "rating" and labels != RATINGS:
            return f"the labels of {question.id!r} must be the digits 1 to 5 in order"
        known = get_args(JudgedState)
        if rubric.kind == "states" and any(one.state not in known for one in question.labels):
            return f"each label of {question.id!r} needs a state: {', '.join(known)}"
    return ""
