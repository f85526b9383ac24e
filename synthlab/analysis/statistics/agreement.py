"""How far two detectors or judges agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.statistics.clusters import ClusterMean, Clusters, FloatArray, IntArray
from synthlab.analysis.statistics.distributions import student_t_quantile
from synthlab.analysis.statistics.estimates import (
    DEFAULT_LEVEL,
    Estimate,
    Interval,
    undefined_estimate,
)
from synthlab.analysis.statistics.intervals import rate_interval

_METHOD = "cluster-robust linearised kappa"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Raw agreement and kappa side by side: either one alone misleads when labels are rare."""

    kappa: Estimate
    raw: Estimate
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Rows by the first rater's label (outer) and the second's (inner), in the order of labels."""


def cohens_kappa(
    first: Sequence[str],
    second: Sequence[str],
    clusters: Clusters,
    *,
    labels: Sequence[str] = (),
    level: float = DEFAULT_LEVEL,
) -> Agreement:
    """Chance-corrected agreement of two raters on the same rows, with its interval.

    kappa = (po - pe) / (1 - pe). The interval uses the sum over each prompt of the rows' influence
    on kappa, which for one row per prompt is the large-sample variance of Fleiss, Cohen and Everitt
    (1969), and t at clusters - 1. Perfect agreement takes its lower limit from the interval
    of the raw agreement, since its own variance is 0. labels: the full label set in display order,
    by default those seen. If both raters used one and the same label throughout, kappa is undefined.
    Raises ValueError for unequal lengths or a label outside `labels`.
    """
    if not len(first) == len(second) == clusters.n_rows:
        raise ValueError(
            f"raters and clusters differ in length: {len(first)}, {len(second)}, {clusters.n_rows}"
        )
    names = tuple(labels) or tuple(sorted({*first, *second}))
    strange = sorted({*first, *second} - set(names))
    if strange:
        raise ValueError(f"the label {strange[0]!r} is not in the label set {names}")
    place = {name: index for index, name in enumerate(names)}
    a = np.array([place[one] for one in first], dtype=np.int64)
    b = np.array([place[one] for one in second], dtype=np.int64)
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(table, (a, b), 1)
    raw = rate_interval(a == b, clusters, level)
    return Agreement(
        _kappa(a, b, table / max(1, len(a)), clusters, raw, level),
        raw,
        names,
        tuple(tuple(int(one) for one in row) for row in table),
    )


def _kappa(
    a: IntArray,
    b: IntArray,
    shares: FloatArray,
    clusters: Clusters,
    raw: Estimate,
    level: float,
) -> Estimate:
    n, groups = clusters.n_rows, clusters.count
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float(np.trace(shares)), float(rows @ columns)
    reason = ""
    value = math.nan
    if n == 0:
        reason = "no scored rows"
    elif expected >= 1 - 1e-12:
        reason = "both raters gave every row the same label: chance agreement is already 1"
    else:
        value = (observed - expected) / (1 - expected)
        if groups < 2:
            reason = "only 1 prompt: the spread between prompts is unknown"
    if reason:
        return undefined_estimate(
            reason, method=_METHOD, n=n, n_clusters=groups, value=value, level=level
        )
    if observed >= 1 - 1e-12:
        low = (raw.interval.low - expected) / (1 - expected)
        interval = Interval(low, 1.0, level, "limit of the raw agreement")
        return Estimate(1.0, interval, n, groups, "", 0.0)
    influence = ((a == b) - observed) * (1 - expected)
    influence -= (columns[a] + rows[b] - 2 * expected) * (1 - observed)
    influence /= (1 - expected) ** 2
    error = ClusterMean(value, clusters.sums(influence) * groups / n).standard_error
    half = student_t_quantile((1 + level) / 2, groups - 1) * error
    interval = Interval(max(-1.0, value - half), min(1.0, value + half), level, _METHOD)
    return Estimate(value, interval, n, groups, "", error)
