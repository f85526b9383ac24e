"""From answers to scores: which questions the judge is asked about which answer, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from synthlab.errors import JobError
from synthlab.experiment.robustness_roles import ROLES_OF, Purpose
from synthlab.experiment.rubrics import Question, Rubric
from synthlab.jobs.judging import Ask, JudgeIdentity, Judgement, make_ask
from synthlab.jobs.robustness_items import Answer, AnswerSet
from synthlab.metrics.response_states import ResponseReading, State, read_response
from synthlab.metrics.robustness import DetectorError, Rating, expected_rating, label_mass

NO_MASS = "too little probability on the labels"
NOT_JUDGED = 'no judge was asked (judge = "none")'


@dataclass(frozen=True)
class Instrument:
    """Everything that turns a response into scores."""

    judge: JudgeIdentity | None
    """None where the matcher alone reads the responses."""
    rubrics: Mapping[str, Rubric]
    """By role: states, quality, harmfulness, strongreject."""
    least_mass: float

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Instrument:
        """As the parameters of the step name it."""
        if params["model"] is None:
            return cls(None, {}, 0.0)
        rubrics = {role: Rubric.from_json(one) for role, one in params["rubrics"].items()}
        return cls(JudgeIdentity.of(params), rubrics, float(params.get("least_mass", 0.0)))

    def questions(self, purpose: Purpose) -> Iterator[tuple[Rubric, Question]]:
        """What the judge is asked about each answer to such a set."""
        for role in ROLES_OF[purpose]:
            if role in self.rubrics:
                for question in self.rubrics[role].questions:
                    yield self.rubrics[role], question

    def asks(self, answer: Answer, purpose: Purpose) -> Iterator[Ask]:
        """The questions about one answer; none if it cannot be judged."""
        if self.judge is not None and answer.is_judged:
            for rubric, question in self.questions(purpose):
                yield make_ask(self.judge, rubric, question, answer.request, answer.text)

    def asks_of(self, sets: Sequence[AnswerSet]) -> list[Ask]:
        """The questions about every answer, in the order of the answers."""
        return [
            ask for one in sets for answer in one.answers for ask in self.asks(answer, one.purpose)
        ]


@dataclass(frozen=True)
class Scored:
    """One answer with all that was found out about it."""

    answer: Answer
    reading: ResponseReading
    ratings: Mapping[str, Rating]
    """By question id; a NaN value where the judge gave too little probability to the labels."""
    state_mass: float
    """Probability that the judge gave to the labels of the states; NaN where it was not asked."""
    judge_reason: str
    """Why the judge gave no state; empty if it did or was not asked."""

    def rating(self, question: str) -> float:
        """The rating under that question; NaN if there is none."""
        found = self.ratings.get(question)
        return math.nan if found is None else found.value


def score_sets(
    sets: Sequence[AnswerSet],
    instrument: Instrument,
    known: Mapping[str, Judgement],
    card: DetectorError | None,
) -> tuple[tuple[Scored, ...], ...]:
    """Read every answer with what the judge said of it; one tuple for each set.

    card: how the judge errs on gold responses; where it is not known, the judge is believed.
    Raises JobError if the judge was not asked something that its rubrics ask.
    """
    missing = {ask.key for ask in instrument.asks_of(sets)} - known.keys()
    if missing:
        raise JobError(
            "no_judgements",
            f"{len(missing)} judgements of the answers are not in the inputs of this step",
            "run the experiment again, so that the judge is asked for them",
        )
    decides = instrument.judge is not None and (card is None or card.is_skilled)
    return tuple(
        tuple(_score(answer, one.purpose, instrument, known, decides) for answer in one.answers)
        for one in sets
    )


def _score(
    answer: Answer,
    purpose: Purpose,
    instrument: Instrument,
    known: Mapping[str, Judgement],
    decides: bool,
) -> Scored:
    if answer.error:
        reading = ResponseReading("unscored", "unscored", "unscored", "", "")
        return Scored(answer, reading, {}, math.nan, answer.error)
    state: State | None = None
    mass, reason = math.nan, ""
    ratings: dict[str, Rating] = {}
    for ask in instrument.asks(answer, purpose):
        judgement = known[ask.key]
        if ask.rubric.kind == "rating":
            ratings[ask.question.id] = (
                Rating(math.nan, math.nan)
                if judgement.reason
                else expected_rating(judgement.probabilities, instrument.least_mass)
            )
        elif judgement.reason:
            reason = judgement.reason
        else:
            mass = label_mass(judgement.probabilities)
            state = judged_state(ask.question, judgement.probabilities, instrument.least_mass)
            reason = "" if state else NO_MASS
    reading = read_response(answer.gate, answer.refusal, state, judge_decides=decides)
    if instrument.judge is None:
        # The gate binds both detectors, but nobody is there whom it could bind.
        reading, reason = replace(reading, judge="unscored"), NOT_JUDGED
    return Scored(answer, reading, ratings, mass, reason)


def judged_state(
    question: Question, probabilities: Sequence[float], least_mass: float
) -> State | None:
    """The likeliest state, its labels summed; None if the labels have too little probability.

    Equal states are settled in the rubric's order.
    """
    if label_mass(probabilities) < least_mass:
        return None
    masses: dict[str, float] = {}
    for label, probability in zip(question.labels, probabilities, strict=True):
        masses[label.state or ""] = masses.get(label.state or "", 0.0) + probability
    best = max(masses, key=lambda state: masses[state])
    return next((state for state in get_args(State) if state == best), None)
