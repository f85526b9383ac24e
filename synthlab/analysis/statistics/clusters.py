"""Rows grouped by prompt: the rows of one prompt are not independent of each other."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Weighting = Literal["prompt", "row"]
"""Whether each prompt counts once (however many samples it has) or each row does."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which cluster every row belongs to, clusters numbered in order of first appearance."""

    codes: IntArray
    """(n,) numbers 0 … count - 1."""
    count: int

    @classmethod
    def of(cls, ids: Sequence[Hashable]) -> Clusters:
        """Cluster rows by equal id, in practice the prompt id of each row."""
        numbers: dict[Hashable, int] = {}
        codes = [numbers.setdefault(one, len(numbers)) for one in ids]
        return cls(np.array(codes, dtype=np.int64), len(numbers))

    @property
    def n_rows(self) -> int:
        """Rows over all clusters."""
        return len(self.codes)

    @property
    def are_single_rows(self) -> bool:
        """Every cluster has exactly one row, so that rows are independent."""
        return self.count == self.n_rows

    def sizes(self) -> IntArray:
        """(count,) rows per cluster."""
        return np.bincount(self.codes, minlength=self.count).astype(np.int64)

    def sums(self, values: FloatArray) -> FloatArray:
        """(count,) sum of the values of each cluster."""
        sums = np.bincount(self.codes, weights=values, minlength=self.count)
        return sums.astype(np.float64)

    def rows_of(self, chosen: BoolArray) -> IntArray:
        """Row numbers, ascending, of the clusters marked in `chosen` (count,)."""
        return np.flatnonzero(chosen[self.codes]).astype(np.int64)


class ClusterMean(NamedTuple):
    """A mean and how far each cluster pulls it: all that cluster-robust inference needs."""

    mean: float
    pulls: FloatArray
    """(clusters,) deviations whose variance over the clusters gives the standard error."""

    @property
    def standard_error(self) -> float:
        """sqrt(sum pull² / (G (G - 1))); NaN for one cluster."""
        groups = len(self.pulls)
        if groups < 2:
            return math.nan
        return math.sqrt(float(self.pulls @ self.pulls) / (groups * (groups - 1)))


def cluster_mean(
    values: FloatArray, clusters: Clusters, weighting: Weighting = "prompt"
) -> ClusterMean:
    """Mean of the values with the pull of each cluster.

    "prompt": mean of the cluster means, pull = cluster mean - mean. "row": mean of the rows, pull =
    (sum of the cluster's residuals) G / n, which gives the CR1 sandwich variance. With equal
    cluster sizes the two are the same. Source: Miller (2024) arXiv:2411.00640, section 2.2;
    Cameron and Miller (2015), equation 11.
    """
    if weighting == "prompt":
        means = clusters.sums(values) / clusters.sizes()
        mean = float(means.mean())
        return ClusterMean(mean, means - mean)
    mean = float(values.mean())
    residuals = clusters.sums(values - mean)
    return ClusterMean(mean, residuals * (clusters.count / clusters.n_rows))


def has_no_spread(mean: ClusterMean) -> bool:
    """All clusters agree up to rounding: a standard error of 0 would promise certainty."""
    scale = max(abs(mean.mean), 1e-300)
    return float(np.abs(mean.pulls).max(initial=0.0)) <= 1e-12 * scale


def as_scores(values: Sequence[float] | FloatArray, clusters: Clusters) -> FloatArray:
    """The values as an array, one for each clustered row; raises ValueError on another length."""
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) != clusters.n_rows:
        raise ValueError(
            f"expected one value for each of {clusters.n_rows} clustered rows, "
            f"got shape {scores.shape}"
        )
    return scores


def missing_reason(scores: FloatArray) -> str:
    """Why these scores cannot be averaged as they stand; empty when they can."""
    unscored = int(np.count_nonzero(~np.isfinite(scores)))
    if unscored:
        return f"{unscored} of {len(scores)} rows are unscored: align the runs first"
    return "" if len(scores) else "no scored rows"
