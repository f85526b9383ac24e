"""Comparability keys: equal exactly when every named field is equal."""

import hashlib
import math
import subprocess
import sys

import pytest

from synthlab.analysis.statistics.comparability import (
    FIELD_ORDER,
    ComparabilityKey,
    FieldValue,
    compare_if_alike,
    differing_fields,
    rows_digest,
)
from synthlab.analysis.statistics.estimates import PairedResult, undefined_result

FULL: dict[str, FieldValue] = {name: f"value of {name}" for name in FIELD_ORDER}
FULL |= {"n": 1502, "token_budget": 120_000, "lower_case": True, "cluster_seeds": (0, 1, 2)}


def called() -> PairedResult:
    return undefined_result("the test was called", method="test", effect="d_z")


@pytest.mark.parametrize("name", FIELD_ORDER)
def test_changing_one_field_names_exactly_that_field(name: str) -> None:
    baseline = ComparabilityKey.of(FULL)
    changed = ComparabilityKey.of(FULL | {name: "something else"})
    assert [one.name for one in differing_fields(changed, baseline)] == [name]
    assert changed.digest != baseline.digest
    result = compare_if_alike(changed, baseline, called)
    assert result.unlike == (name,)
    assert math.isnan(result.p)
    assert result.reason.startswith(f"not comparable: {name.replace('_', ' ')} (")


@pytest.mark.parametrize("name", FIELD_ORDER[2:])
def test_a_field_that_only_one_side_has_is_a_difference(name: str) -> None:
    without = ComparabilityKey.of({one: value for one, value in FULL.items() if one != name})
    (difference,) = differing_fields(without, ComparabilityKey.of(FULL))
    assert (difference.name, difference.first) == (name, "absent")


def test_like_results_are_tested() -> None:
    key = ComparabilityKey.of(FULL)
    same = ComparabilityKey.of(dict(reversed(FULL.items())))
    assert key == same
    assert key.digest == same.digest == hashlib.sha256(key.to_json().encode()).hexdigest()
    assert differing_fields(key, same) == ()
    assert compare_if_alike(key, same, called).reason == "the test was called"


def test_several_differences_are_counted_in_field_order() -> None:
    a = ComparabilityKey.of(FULL | {"judge": "x", "token_budget": 60_000, "z_own": 1})
    result = compare_if_alike(a, ComparabilityKey.of(FULL), called)
    assert result.unlike == ("token_budget", "judge", "z_own")
    assert result.reason == "not comparable: token budget (60000 against 120000) and 2 more"


def test_json_makes_the_same_key_again() -> None:
    key = ComparabilityKey.of(
        FULL | {"temperature": 0.7, "note": "naïve \u202e text", "seed": None}
    )
    again = ComparabilityKey.from_json(key.to_json())
    assert again == key
    assert again.digest == key.digest
    assert key.to_json().isascii()


def test_equal_numbers_are_equal_but_flags_are_not_numbers() -> None:
    base: dict[str, FieldValue] = {"metric": "m", "metric_version": "1"}
    whole, real = ComparabilityKey.of(base | {"t": 1}), ComparabilityKey.of(base | {"t": 1.0})
    flag = ComparabilityKey.of(base | {"t": True})
    assert whole.digest == real.digest
    assert differing_fields(whole, real) == ()
    assert [one.name for one in differing_fields(whole, flag)] == ["t"]
    assert whole.digest != flag.digest


def test_wrong_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="'metric_version'"):
        ComparabilityKey.of({"metric": "m"})
    with pytest.raises(ValueError, match="'t' is nan"):
        ComparabilityKey.of({"metric": "m", "metric_version": "1", "t": math.nan})
    with pytest.raises(ValueError, match="JSON object"):
        ComparabilityKey.from_json("[1]")
    with pytest.raises(ValueError, match="'s' holds a dict"):
        ComparabilityKey.from_json('{"metric":"m","metric_version":"1","s":{"a":1}}')


def test_long_or_hostile_values_are_shown_short_and_escaped() -> None:
    base: dict[str, FieldValue] = {"metric": "m", "metric_version": "1"}
    a = ComparabilityKey.of(base | {"system_prompt": "\x1b[2J" + "x" * 500})
    reason = compare_if_alike(a, ComparabilityKey.of(base), called).reason
    assert "\x1b" not in reason
    assert len(reason) < 90


def test_rows_digest_is_about_the_set() -> None:
    assert rows_digest(["b", "a"]) == rows_digest(["a", "b"])
    assert rows_digest(["a", "b"]) != rows_digest(["ab"])
    assert rows_digest(["a"]) != rows_digest(["a", "b"])
    with pytest.raises(ValueError, match="'a' occurs more than once"):
        rows_digest(["a", "b", "a"])


def test_keys_families_and_verdicts_load_no_numpy() -> None:
    code = (
        "import sys, synthlab.analysis.statistics.verdict, "
        "synthlab.analysis.statistics.comparability; "
        "print([m for m in ('numpy', 'scipy', 'statsmodels') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_running_the_statistics_loads_no_reference_library() -> None:
    modules = ("agreement", "align", "corpus", "intervals", "paired", "seeds")
    package = "synthlab.analysis.statistics"
    code = "import sys; " + "".join(f"import {package}.{name}; " for name in modules)
    code += "print([m for m in ('scipy', 'statsmodels', 'sklearn', 'torch') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
