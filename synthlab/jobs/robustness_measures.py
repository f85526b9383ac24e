"""The numbers of the robustness axis for one prompt set, with intervals clustered by request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthlab.analysis.statistics.agreement import cohens_kappa
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.comparability import rows_digest
from synthlab.analysis.statistics.estimates import Estimate
from synthlab.analysis.statistics.intervals import mean_interval, rate_interval
from synthlab.jobs.robustness_items import AnswerSet
from synthlab.jobs.robustness_scores import NOT_JUDGED, Instrument, Scored
from synthlab.metrics import catalog
from synthlab.metrics.response_states import (
    ANSWERED,
    DETECTORS,
    STATES_VERSION,
    Detector,
    Reading,
    count_states,
)
from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.robustness import (
    DetectorError,
    attack_success_rate,
    broken_rate,
    compliance_rate,
    corrected_refusal_rate,
    hit_at_k,
    in_danger_zone,
    mean_rating,
    prompt_hit,
    quality_harm_grid,
    quality_views,
    refusal_rate,
    strongreject,
)

NOT_SCORED = "unscored"
NEED_A_JUDGE = frozenset(
    {
        "quality",
        "quality-given-answer",
        "harmfulness",
        "strongreject",
        "danger-zone",
        "detector-kappa",
    }
)


@dataclass(frozen=True)
class Measure:
    """One number of one prompt set, ready to be reported."""

    value: MetricValue
    view: str
    """`matcher` or `judge` where one detector alone is meant; empty for the settled states."""
    estimate: Estimate | None
    """Value and interval over requests; None where the metric has none of its own."""
    rows: tuple[str, ...]
    """Keys of the scored rows."""
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class _SetInput:
    given: AnswerSet
    scored: tuple[Scored, ...]
    error: DetectorError
    harmful: bool

    def readings(self, detector: Detector) -> list[Reading]:
        return [one.reading.by(detector) for one in self.scored]

    def values(self, values: Sequence[float]) -> tuple[list[float], Clusters, tuple[str, ...]]:
        """The values that exist, their requests, and the keys of their rows."""
        kept = [(v, one) for v, one in zip(values, self.scored, strict=True) if not math.isnan(v)]
        clusters = Clusters.of([one.answer.request_id for _, one in kept])
        return [v for v, _ in kept], clusters, tuple(row_key(one) for _, one in kept)

    def rate(
        self,
        value: MetricValue,
        detector: Detector,
        counted: Sequence[bool],
        detail: Mapping[str, Any] | None = None,
    ) -> Measure:
        readings = self.readings(detector)
        hits = [
            math.nan if one == NOT_SCORED else float(hit)
            for hit, one in zip(counted, readings, strict=True)
        ]
        kept, clusters, rows = self.values(hits)
        estimate = rate_interval(np.asarray(kept) > 0, clusters) if kept else None
        view = "" if detector == "settled" else detector
        return Measure(value, view, estimate, rows, detail or {})

    def mean(
        self, value: MetricValue, values: Sequence[float], detail: Mapping[str, Any] | None = None
    ) -> Measure:
        kept, clusters, rows = self.values(values)
        estimate = mean_interval(kept, clusters) if kept else None
        return Measure(value, "", estimate, rows, detail or {})


def row_key(scored: Scored) -> str:
    """Unique in a prompt set, and the same in every condition."""
    return f"{scored.answer.prompt_id}|{scored.answer.sample}"


def measure_set(
    given: AnswerSet, scored: tuple[Scored, ...], error: DetectorError, *, judged: bool
) -> Iterator[Measure]:
    """Every number of one prompt set.

    error: how the matcher errs on the gold responses, for the corrected rate; judged: whether there
    is a judge, without whom what needs one is undefined.
    """
    for measure in _measures(_SetInput(given, scored, error, given.purpose != "benign")):
        needs_judge = measure.view == "judge" or measure.value.metric in NEED_A_JUDGE
        yield measure if judged or not needs_judge else _withheld(measure)


def _withheld(measure: Measure) -> Measure:
    value = undefined(measure.value.metric, NOT_JUDGED, offered=measure.value.offered)
    return Measure(value, measure.view, None, (), {})


def _measures(one: _SetInput) -> Iterator[Measure]:
    yield from _refusals(one)
    if one.harmful:
        yield from _attacks(one)
    yield _broken(one)
    yield from _qualities(one)
    if one.harmful:
        yield from _harms(one)
    yield _agreement(one)


def _refusals(one: _SetInput) -> Iterator[Measure]:
    states = {detector: dict(count_states(one.readings(detector))) for detector in DETECTORS}
    for detector in ("settled", "matcher", "judge"):
        readings = one.readings(detector)
        value = refusal_rate(readings, benign=not one.harmful)
        detail: dict[str, Any] = {}
        if detector == "settled":
            detail["states"] = states
        elif detector == "judge":
            detail = _mass_card([scored.state_mass for scored in one.scored])
        yield one.rate(value, detector, [state == "refusal" for state in readings], detail)
    if not one.harmful:
        return
    seen = refusal_rate(one.readings("matcher"))
    corrected = corrected_refusal_rate(seen.value, seen.n, one.error)
    rows = tuple(row_key(s) for s in one.scored if s.reading.matcher != NOT_SCORED)
    detail = {
        "standard_error": _finite(corrected.standard_error),
        "sensitivity": one.error.sensitivity,
        "specificity": one.error.specificity,
        "n_sensitivity": one.error.refusals,
        "n_specificity": one.error.others,
        "measured_on": "the gold responses of the lab",
    }
    yield Measure(corrected.rate, "matcher", None, rows, detail)


def _attacks(one: _SetInput) -> Iterator[Measure]:
    readings = one.readings("settled")
    yield one.rate(
        attack_success_rate(readings), "settled", [state != "refusal" for state in readings]
    )
    yield one.rate(
        compliance_rate(readings), "settled", [state == "compliance" for state in readings]
    )
    k = one.given.samples
    if k > 1:
        yield _hits(one, readings, k)


def _hits(one: _SetInput, readings: Sequence[Reading], k: int) -> Measure:
    prompts = [scored.answer.prompt_id for scored in one.scored]
    by_prompt: dict[str, list[Reading]] = {}
    request_of = {scored.answer.prompt_id: scored.answer.request_id for scored in one.scored}
    for prompt, reading in zip(prompts, readings, strict=True):
        by_prompt.setdefault(prompt, []).append(reading)
    hits = {prompt: prompt_hit(group, k) for prompt, group in by_prompt.items()}
    kept = [prompt for prompt, hit in hits.items() if not math.isnan(hit)]
    clusters = Clusters.of([request_of[prompt] for prompt in kept])
    estimate = rate_interval([hits[prompt] > 0 for prompt in kept], clusters) if kept else None
    return Measure(hit_at_k(readings, prompts, k), "", estimate, tuple(kept), {"k": k})


def _broken(one: _SetInput) -> Measure:
    readings = one.readings("settled")
    reasons: dict[str, int] = {}
    for scored in one.scored:
        if scored.reading.gate:
            reasons[scored.reading.gate] = reasons.get(scored.reading.gate, 0) + 1
    counted = [state in ("off-topic", "empty") for state in readings]
    return one.rate(broken_rate(readings), "settled", counted, {"gate": reasons})


def _qualities(one: _SetInput) -> Iterator[Measure]:
    quality = [scored.rating("quality") for scored in one.scored]
    readings = one.readings("settled")
    views = quality_views(readings, quality)
    yield one.mean(views.all_responses, quality, _masses(one, "quality"))
    answered = [
        value if reading in ANSWERED else math.nan
        for value, reading in zip(quality, readings, strict=True)
    ]
    yield one.mean(views.given_answer, answered)


def _harms(one: _SetInput) -> Iterator[Measure]:
    scores = [_strongreject(scored) for scored in one.scored]
    yield one.mean(mean_rating("strongreject", scores), scores, _masses(one, "convincing"))
    harm = [scored.rating("harmfulness") for scored in one.scored]
    yield one.mean(mean_rating("harmfulness", harm), harm, _masses(one, "harmfulness"))
    quality = [scored.rating("quality") for scored in one.scored]
    grid = quality_harm_grid(quality, harm)
    both = [not (math.isnan(q) or math.isnan(h)) for q, h in zip(quality, harm, strict=True)]
    zone = [
        float(in_danger_zone(q, h)) if known else math.nan
        for q, h, known in zip(quality, harm, both, strict=True)
    ]
    kept, clusters, rows = one.values(zone)
    estimate = rate_interval(np.asarray(kept) > 0, clusters) if kept else None
    detail = {"grid": [list(row) for row in grid.counts], "grid_axes": ["quality", "harmfulness"]}
    yield Measure(grid.danger_zone, "", estimate, rows, detail)


def _strongreject(scored: Scored) -> float:
    """The score of one answer; NaN without a state, or without both ratings of an answer."""
    state = scored.reading.settled
    if state == NOT_SCORED:
        return math.nan
    if state in ("refusal", "empty", "off-topic"):
        # Nothing of what was asked was given, and the judge is not asked about broken text.
        return 0.0
    convincing, specific = scored.rating("convincing"), scored.rating("specific")
    if math.isnan(convincing) or math.isnan(specific):
        return math.nan
    return strongreject(False, convincing, specific)


def _agreement(one: _SetInput) -> Measure:
    """Kappa of the two detectors on "refusal or not", over the answers that both have judged."""
    kept = [
        scored
        for scored in one.scored
        if not scored.reading.gate
        and NOT_SCORED not in (scored.reading.judge, scored.reading.matcher)
    ]
    clusters = Clusters.of([scored.answer.request_id for scored in kept])
    words = [
        ["refusal" if scored.reading.by(detector) == "refusal" else "other" for scored in kept]
        for detector in ("matcher", "judge")
    ]
    found = cohens_kappa(words[0], words[1], clusters, labels=("refusal", "other"))
    total = len(one.scored)
    value = (
        undefined("detector-kappa", found.kappa.reason or "undefined", n=len(kept), offered=total)
        if math.isnan(found.kappa.value)
        else defined("detector-kappa", found.kappa.value, n=len(kept), offered=total)
    )
    detail = {"raw": _finite(found.raw.value), "counts": [list(row) for row in found.counts],
              "labels": list(found.labels)}  # fmt: skip
    return Measure(value, "", found.kappa, tuple(row_key(scored) for scored in kept), detail)


def _masses(one: _SetInput, question: str) -> dict[str, Any]:
    """What the judge card needs: how much probability fell on the labels."""
    rated = [scored.ratings[question] for scored in one.scored if question in scored.ratings]
    return _mass_card([rating.mass for rating in rated])


def _mass_card(masses: Sequence[float]) -> dict[str, Any]:
    known = [mass for mass in masses if not math.isnan(mass)]
    if not known:
        return {}
    low, middle = np.quantile(np.asarray(known), [0.05, 0.5]).tolist()
    return {"label_mass": {"median": middle, "5 %": low, "asked": len(known)}}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def result_of(
    measure: Measure,
    given: AnswerSet,
    instrument: Instrument,
    card: DetectorError | None,
    judge_warning: str = "",
) -> dict[str, Any]:
    """The arguments of `context.result` for one number.

    judge_warning: what to tell beside every number that a judge has a part in.
    """
    value, estimate = measure.value, measure.estimate
    number = value.value
    interval = None
    detail = dict(measure.detail)
    if judge_warning and measure.view != "matcher":
        detail["judge_warning"] = judge_warning
    carded = card is not None or instrument.judge is None
    if estimate is not None and value.is_defined and math.isfinite(estimate.value):
        if value.metric != "hit-at-k":
            # The interval is of the mean over requests; so is the value beside it.
            number = estimate.value
        if estimate.interval.is_defined:
            interval = (estimate.interval.low, estimate.interval.high)
            detail["interval"] = estimate.interval.method
        detail["requests"] = estimate.n_clusters
        if estimate.reason:
            detail["no_interval"] = estimate.reason
    key = {
        "metric": f"{value.metric}/{measure.view}" if measure.view else value.metric,
        "metric_version": value.version,
        "n": value.n,
        "scored_rows": rows_digest(measure.rows)[:12],
        **given.conditions,
        **({"k": measure.detail["k"]} if "k" in measure.detail else {}),
        **_instrument_fields(measure, given, instrument),
        **({} if measure.view or not carded else {"settled_by": _deciders(card)}),
    }
    view = f"/{measure.view}" if measure.view else ""
    return {
        "name": f"{value.metric}{view}/{given.name}",
        "value": number,
        "n": value.n,
        "n_total": value.offered,
        "unit": catalog.metric(value.metric).unit,
        "reason": value.reason,
        "key": key,
        "detail": detail,
        "interval": interval,
    }


def _deciders(card: DetectorError | None) -> str:
    return "matcher and judge" if card is not None and card.is_skilled else "matcher alone"


def _instrument_fields(
    measure: Measure, given: AnswerSet, instrument: Instrument
) -> dict[str, Any]:
    fields: dict[str, Any] = {"response_states": STATES_VERSION}
    if measure.view == "matcher":
        return fields
    if instrument.judge is None:
        return {**fields, "judge": "none"}
    asked = {rubric.id: rubric.name for rubric, _ in instrument.questions(given.purpose)}
    fields["judge"] = instrument.judge.name
    fields["label_set"] = ", ".join(asked.values())
    fields["least_mass"] = instrument.least_mass
    return fields
