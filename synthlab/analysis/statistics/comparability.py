"""Which results may be compared: two numbers of one metric measured unlike are two metrics."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from synthlab.analysis.statistics.estimates import EffectKind, PairedResult, undefined_result

Scalar = str | int | float | bool | None
FieldValue = Scalar | tuple[Scalar, ...]

FIELD_ORDER: tuple[str, ...] = (
    "metric",
    "metric_version",
    "n",
    "prompt_set",
    "prompt_set_hash",
    "scored_rows",
    "subsample",
    "sampling",
    "max_tokens",
    "system_prompt",
    "chat_template",
    "tokeniser",
    "lower_case",
    "cleaning",
    "unit",
    "token_budget",
    "byte_budget",
    "order_rule",
    "smoothing",
    "t_grid",
    "embedder",
    "embedder_hash",
    "pooling",
    "normalisation",
    "k",
    "pca_rule",
    "cluster_seeds",
    "scored_span",
    "bos_rule",
    "dtype",
    "judge",
    "response_states",
    "label_set",
    "order_handling",
)
"""Known field names, in the order in which differences are named; others follow by name."""


class KeyField(NamedTuple):
    """One condition of measurement."""

    name: str
    value: FieldValue


@dataclass(frozen=True, slots=True)
class ComparabilityKey:
    """Everything that must be equal for two values of a metric to be compared.

    What is being compared (condition, checkpoint, training seed) is never a field. A field that a
    metric does not use is left out, not set to None. Build it with `of`.
    """

    fields: tuple[KeyField, ...]

    @classmethod
    def of(cls, fields: Mapping[str, FieldValue]) -> ComparabilityKey:
        """The key of these fields, whatever their order in the mapping.

        Raises ValueError without `metric` and `metric_version`, or for a value that has no
        canonical JSON form (NaN, infinity, nested containers).
        """
        absent = [name for name in ("metric", "metric_version") if name not in fields]
        if absent:
            raise ValueError(f"a comparability key needs the field {absent[0]!r}")
        ordered = sorted(fields, key=_place)
        return cls(tuple(KeyField(name, _canonical(name, fields[name])) for name in ordered))

    @classmethod
    def from_json(cls, text: str) -> ComparabilityKey:
        """The key that `to_json` wrote; raises ValueError if the text is not one."""
        return _read(text)

    def to_json(self) -> str:
        """Canonical JSON: sorted names, no spaces, whole floats as integers."""
        return json.dumps(
            {one.name: one.value for one in self.fields},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=True,
            allow_nan=False,
        )

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, as 64 hex digits; equal keys, equal digests."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


class FieldDifference(NamedTuple):
    """One field in which two keys differ, with both values as canonical JSON or "absent"."""

    name: str
    first: str
    second: str

    @property
    def words(self) -> str:
        """The field's name as people say it."""
        return self.name.replace("_", " ")


def differing_fields(a: ComparabilityKey, b: ComparabilityKey) -> tuple[FieldDifference, ...]:
    """The fields whose values differ or that only one key has, in `FIELD_ORDER`; empty if none."""
    if a is b:  # as most are: equal texts are read once
        return ()
    first, second = ({one.name: _shown(one.value) for one in key.fields} for key in (a, b))
    return tuple(
        FieldDifference(name, first.get(name, "absent"), second.get(name, "absent"))
        for name in sorted({*first, *second}, key=_place)
        if first.get(name) != second.get(name)
    )


def compare_if_alike(
    candidate: ComparabilityKey,
    baseline: ComparabilityKey,
    test: Callable[[], PairedResult],
    *,
    effect: EffectKind = "d_z",
) -> PairedResult:
    """Run the test only on like results; unlike ones get no p-value, and the reason names why.

    The test is not called for unlike keys, so nothing of it can leak into a table.
    """
    differences = differing_fields(candidate, baseline)
    if not differences:
        return test()
    first = differences[0]
    more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
    return undefined_result(
        f"not comparable: {first.words} ({_brief(first.first)} against {_brief(first.second)})"
        + more,
        method="not compared",
        effect=effect,
        unlike=tuple(one.name for one in differences),
    )


def rows_digest(item_ids: Iterable[str]) -> str:
    """Digest of a set of scored rows, whatever their order, for the field `scored_rows`.

    Raises ValueError if an id occurs twice: then the rows are not a set.
    """
    ids = sorted(item_ids)
    repeated = next((one for one, other in pairwise(ids) if one == other), None)
    if repeated is not None:
        raise ValueError(f"the item id {repeated!r} occurs more than once among the scored rows")
    return hashlib.sha256(json.dumps(ids, ensure_ascii=True).encode()).hexdigest()


def _place(name: str) -> tuple[int, str]:
    return (FIELD_ORDER.index(name) if name in FIELD_ORDER else len(FIELD_ORDER), name)


def _canonical(name: str, value: FieldValue) -> FieldValue:
    if isinstance(value, tuple):
        return tuple(_canonical_scalar(name, one) for one in value)
    return _canonical_scalar(name, value)


def _canonical_scalar(name: str, value: Scalar) -> Scalar:
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError(
            f"the key field {name!r} holds a {type(value).__name__}, not a plain value"
        )
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the key field {name!r} is {value}, which no result can be equal to")
        # TOML 1.0 and JSON 1 are the same temperature.
        return int(value) if value.is_integer() else value
    return value


@lru_cache(maxsize=1024)
def _read(text: str) -> ComparabilityKey:
    loaded: object = json.loads(text)
    if not isinstance(loaded, dict):
        raise ValueError("a comparability key is a JSON object")
    return ComparabilityKey.of(
        {name: tuple(value) if isinstance(value, list) else value for name, value in loaded.items()}
    )


def _shown(value: FieldValue) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _brief(shown: str, width: int = 24) -> str:
    return shown if len(shown) <= width else shown[: width - 1] + "…"
