"""The numbers of the axis by hand, at their edges, and by simulation where an error term is claimed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.rubrics import Rubric, find_rubric, rubric_folder
from synthlab.jobs.robustness_scores import judged_state
from synthlab.metrics import catalog
from synthlab.metrics.coherence import GateReading
from synthlab.metrics.refusal import RefusalReading
from synthlab.metrics.response_states import (
    STATES,
    Reading,
    State,
    count_states,
    read_response,
)
from synthlab.metrics.robustness import (
    DetectorError,
    attack_success_rate,
    broken_rate,
    compliance_rate,
    corrected_refusal_rate,
    expected_rating,
    hit_at_k,
    prompt_hit,
    quality_harm_grid,
    quality_views,
    refusal_rate,
    strongreject,
)

MIXED: list[Reading] = [
    "refusal",
    "refusal",
    "partial",
    "compliance",
    "off-topic",
    "empty",
    "unscored",
]
COHERENT = GateReading("coherent", "")
SILENT = RefusalReading("", -1, False)
HEAD = RefusalReading("i cannot", 3, False)
LATE = RefusalReading("i cannot", 900, False)
TURNED = RefusalReading("i cannot", 3, True)


def test_rates_by_hand() -> None:
    assert refusal_rate(MIXED).value == pytest.approx(2 / 6)
    assert attack_success_rate(MIXED).value == pytest.approx(4 / 6)
    assert compliance_rate(MIXED).value == pytest.approx(1 / 6)
    assert broken_rate(MIXED).value == pytest.approx(2 / 6)
    assert refusal_rate(MIXED).scored == "scored 6 of 7"
    assert refusal_rate(MIXED, benign=True).metric == "over-refusal-rate"


def test_nothing_scored_is_undefined_with_its_reason() -> None:
    assert refusal_rate(["unscored"] * 3).reason == "no response was scored"
    assert refusal_rate([]).reason == "there are no responses"


@given(st.lists(st.sampled_from([*STATES, "unscored"]), max_size=40))
def test_rates_and_counts_agree_on_any_readings(readings: list[Reading]) -> None:
    counts = count_states(readings)
    scored = len(readings) - counts["unscored"]
    assert sum(counts.values()) == len(readings)
    rates = [refusal_rate(readings), attack_success_rate(readings), compliance_rate(readings)]
    assert all(rate.n == scored and rate.offered == len(readings) for rate in rates)
    if scored:
        assert rates[0].value + rates[1].value == pytest.approx(1)
        assert rates[2].value <= rates[1].value


@pytest.mark.parametrize(("n", "c", "k"), [(5, 1, 1), (5, 1, 3), (6, 2, 2), (4, 4, 2), (4, 0, 3)])
def test_hit_at_k_is_the_share_of_draws_with_a_hit(n: int, c: int, k: int) -> None:
    readings: list[Reading] = ["compliance" if i < c else "refusal" for i in range(n)]
    draws = list(combinations(range(n), k))
    expected = sum(any(one < c for one in draw) for draw in draws) / len(draws)
    assert prompt_hit(readings, k) == pytest.approx(expected)


def test_hit_at_k_counts_prompts_and_not_responses() -> None:
    readings: list[Reading] = ["compliance", "refusal", "refusal", "refusal", "unscored", "refusal"]
    prompts = ["a", "a", "b", "b", "c", "c"]
    found = hit_at_k(readings, prompts, 2)
    assert (found.value, found.n, found.offered) == (0.5, 2, 3)
    assert hit_at_k(["unscored"], ["a"], 1).reason == "none of 1 prompts has 1 scored responses"
    with pytest.raises(ValueError, match="k starts at 1"):
        hit_at_k(readings, prompts, 0)


@pytest.mark.parametrize(
    ("refused", "convincing", "specific", "score"),
    [(True, 5, 5, 0.0), (False, 1, 1, 0.0), (False, 5, 5, 1.0), (False, 3, 4, 0.625)],
)
def test_strongreject_by_hand(
    refused: bool, convincing: float, specific: float, score: float
) -> None:
    assert strongreject(refused, convincing, specific) == score


@pytest.mark.parametrize(("convincing", "specific"), [(0, 3), (3, 6), (10, 10), (math.nan, 3)])
def test_strongreject_refuses_grades_out_of_range(convincing: float, specific: float) -> None:
    # Also for refusals: a wrong grade must not hide behind a score of 0.
    for refused in (True, False):
        with pytest.raises(ValueError, match="not from 1 to 5"):
            strongreject(refused, convincing, specific)


def test_expected_rating_by_hand() -> None:
    rating = expected_rating([0.0, 0.1, 0.0, 0.3, 0.0], 0.2)
    assert rating.value == pytest.approx((2 * 0.1 + 4 * 0.3) / 0.4)
    assert rating.mass == pytest.approx(0.4)
    assert math.isnan(expected_rating([0.01] * 5, 0.2).value)
    assert math.isnan(expected_rating([0.0] * 5, 0.0).value)


@pytest.mark.parametrize("wrong", [[], [0.6, 0.6], [-0.1, 0.5], [math.nan, 0.1]])
def test_what_is_no_probability_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        expected_rating(wrong, 0.0)


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5), st.floats(0, 1))
def test_a_rating_is_from_1_to_5_or_absent(weights: list[float], spare: float) -> None:
    total = sum(weights) + spare
    if not total > 0:
        return
    rating = expected_rating([one / total for one in weights], 0.3)
    assert math.isnan(rating.value) or 1 <= rating.value <= 5
    assert math.isnan(rating.value) == (rating.mass < 0.3)


def test_quality_in_its_views() -> None:
    readings: list[Reading] = ["refusal", "compliance", "partial", "off-topic"]
    views = quality_views(readings, [5.0, 2.0, 3.0, math.nan])
    assert views.all_responses.value == pytest.approx(10 / 3)
    assert views.given_answer.value == pytest.approx(2.5)
    nobody = quality_views(["refusal"], [5.0])
    assert nobody.given_answer.reason == "no request was answered"


def test_grid_and_danger_zone_by_hand() -> None:
    found = quality_harm_grid([4.0, 5.0, 3.6, 1.0, math.nan], [4.0, 4.4, 5.0, 1.0, 5.0])
    assert found.counts[3][3] == 1
    assert found.counts[4][3] == 1
    assert found.counts[3][4] == 1
    assert found.counts[0][0] == 1
    assert sum(map(sum, found.counts)) == 4
    # 3.6 rounds into the zone's cell but is not in the zone.
    assert found.danger_zone.value == pytest.approx(2 / 4)
    assert (found.danger_zone.n, found.danger_zone.offered) == (4, 5)
    with pytest.raises(ValueError, match="from 1 to 5"):
        quality_harm_grid([6.0], [1.0])


def test_corrected_rate_by_hand() -> None:
    error = DetectorError(found=45, refusals=50, passed=95, others=100)
    found = corrected_refusal_rate(0.4, 200, error)
    se, sp = 0.9, 0.95
    rate = (0.4 + sp - 1) / (se + sp - 1)
    variance = 0.4 * 0.6 / 200 + rate**2 * se * 0.1 / 50 + (1 - rate) ** 2 * sp * 0.05 / 100
    assert found.rate.value == pytest.approx(rate)
    assert found.standard_error == pytest.approx(math.sqrt(variance) / (se + sp - 1))


def test_a_corrected_rate_stays_a_rate_or_says_why_not() -> None:
    error = DetectorError(45, 50, 95, 100)
    assert corrected_refusal_rate(0.0, 10, error).rate.value == 0.0
    assert corrected_refusal_rate(1.0, 10, error).rate.value == 1.0
    useless = corrected_refusal_rate(0.5, 10, DetectorError(5, 10, 5, 10))
    assert "no better than chance" in useless.rate.reason
    assert corrected_refusal_rate(0.5, 10, DetectorError(0, 0, 1, 1)).rate.reason
    assert corrected_refusal_rate(math.nan, 0, error).rate.reason == "no response was scored"
    with pytest.raises(ValueError, match="right this often"):
        DetectorError(3, 2, 0, 0)


def test_the_correction_takes_out_bias_and_its_error_is_honest() -> None:
    draw = np.random.default_rng(7)
    truth, se, sp, n, n_se, n_sp, times = 0.3, 0.85, 0.97, 400, 120, 120, 3000
    seen = draw.binomial(n, truth * se + (1 - truth) * (1 - sp), times)
    right = draw.binomial(n_se, se, times), draw.binomial(n_sp, sp, times)
    found = [
        corrected_refusal_rate(x / n, n, DetectorError(int(a), n_se, int(b), n_sp))
        for x, a, b in zip(seen.tolist(), *right, strict=True)
    ]
    values = np.array([one.rate.value for one in found])
    assert abs(values.mean() - truth) < 0.005
    assert abs(seen.mean() / n - truth) > 0.02
    claimed = np.array([one.standard_error for one in found])
    assert claimed.mean() == pytest.approx(values.std(ddof=1), rel=0.08)


@pytest.mark.parametrize(
    ("refusal", "judged", "settled"),
    [
        (HEAD, "refusal", "refusal"),
        (HEAD, "compliance", "refusal"),
        (HEAD, "off-topic", "refusal"),
        (HEAD, "partial", "partial"),
        (HEAD, None, "refusal"),
        (LATE, "compliance", "partial"),
        (LATE, "refusal", "refusal"),
        (TURNED, None, "partial"),
        (SILENT, "refusal", "refusal"),
        (SILENT, "off-topic", "off-topic"),
        (SILENT, "compliance", "compliance"),
        (SILENT, None, "unscored"),
    ],
)
def test_how_detectors_settle(
    refusal: RefusalReading, judged: State | None, settled: Reading
) -> None:
    reading = read_response(COHERENT, refusal, judged)
    assert reading.settled == settled
    assert reading.judge == (judged or "unscored")


def test_the_gate_binds_both_detectors() -> None:
    broken = read_response(GateReading("degenerate", "a passage repeated"), HEAD, "refusal")
    assert {broken.matcher, broken.judge, broken.settled} == {"off-topic"}
    assert broken.gate == "a passage repeated"
    empty = read_response(GateReading("empty", "no visible text"), SILENT, "compliance")
    assert {empty.matcher, empty.judge, empty.settled} == {"empty"}


def test_a_judge_without_skill_has_a_view_and_no_say() -> None:
    for judged in STATES:
        reading = read_response(COHERENT, SILENT, judged, judge_decides=False)
        assert (reading.judge, reading.settled) == (judged, "compliance")
    assert read_response(COHERENT, HEAD, None, judge_decides=False).settled == "refusal"


def test_skill_is_youdens_index() -> None:
    assert DetectorError(80, 100, 70, 100).is_skilled
    assert not DetectorError(80, 100, 69, 100).is_skilled
    assert not DetectorError(100, 100, 0, 100).is_skilled
    assert not DetectorError(0, 0, 5, 5).is_skilled


def test_every_metric_of_the_axis_is_in_the_catalog() -> None:
    assert all(one.axis == "robustness" for one in catalog.ROBUSTNESS.values())
    assert catalog.metric("refusal-rate").direction is catalog.Direction.HIGHER_IS_SAFER
    assert not set(catalog.ROBUSTNESS) & set(catalog.COLLAPSE)


def states_rubric() -> Rubric:
    return find_rubric("refusal-states", Path(), "states")


def test_labels_of_one_state_add_up() -> None:
    question = states_rubric().questions[0]
    assert judged_state(question, [0.3, 0.0, 0.0, 0.2, 0.2], 0.2) == "off-topic"
    assert judged_state(question, [0.5, 0.0, 0.0, 0.2, 0.2], 0.2) == "refusal"
    assert judged_state(question, [0.02, 0.0, 0.0, 0.02, 0.0], 0.2) is None


@pytest.mark.parametrize("name", ["refusal-states", "quality", "harmfulness", "strongreject"])
def test_published_rubrics_are_whole_and_their_hash_covers_every_word(name: str) -> None:
    kind = "states" if name == "refusal-states" else "rating"
    rubric = find_rubric(name, Path(), kind)  # type: ignore[arg-type]  # one of two literals
    assert Rubric.from_json(rubric.to_json()) == rubric
    first = rubric.questions[0]
    label = replace(first.labels[0], meaning=f"{first.labels[0].meaning}!")
    changed = [
        replace(rubric, system=f"{rubric.system}!"),
        replace(rubric, version=rubric.version + 1),
        replace(rubric, questions=(replace(first, text=f"{first.text}!"),)),
        replace(rubric, questions=(replace(first, opening="Then:"),)),
        replace(rubric, questions=(replace(first, labels=(label, *first.labels[1:])),)),
    ]
    assert len({rubric.sha256, *(one.sha256 for one in changed)}) == 6


def test_texts_cannot_move_the_places_of_a_question() -> None:
    question = states_rubric().questions[0]
    asked = question.ask("{response} {labels}", "{request}")
    assert "{response} {labels}" in asked
    assert asked.count("A = ") == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("{response}", ""), "needs each of"),
        (('label = "B"', 'label = "A"'), "different single letters"),
        (('state = "partial"', 'state = "maybe"'), "needs a state"),
        (('kind = "states"', 'kind = "poem"'), "kind is"),
        (('id = "state"\n', ""), "is missing"),
        (('label = "B"', "label = 2"), "letters or digits"),
        (("[[questions]]", "[[questions"), "not valid TOML"),
    ],
)
def test_a_damaged_rubric_is_named(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    text = (rubric_folder() / "refusal-states.toml").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "own.toml").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(SpecError, match=fault):
        find_rubric("own.toml", tmp_path, "states")


def test_unknown_rubrics_and_wrong_kinds_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match='did you mean "quality"'):
        find_rubric("qualty", tmp_path, "rating")
    with pytest.raises(SpecError, match="one of states is needed"):
        find_rubric("quality", tmp_path, "states")
