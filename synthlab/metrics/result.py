"""The one shape of a metric's number: with its count, its version, and why when there is none."""

import math
from dataclasses import dataclass

from synthlab.metrics import catalog


@dataclass(frozen=True)
class MetricValue:
    """A number with what a reader needs in order to trust it.

    Built by `defined` and `undefined`, so that a NaN never travels without its reason.
    """

    metric: str
    """Id in `catalog`."""
    version: int
    value: float
    """Finite, or NaN exactly when `reason` is set."""
    n: int
    """Items that were scored."""
    offered: int
    """Items that were given, scored or not."""
    instrument: str
    """Tokeniser, embedder or model that read the texts; part of the metric's name. May be empty."""
    reason: str
    """Why there is no value; empty when there is one."""

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"{self.metric}: NaN and a reason belong together, got {self.value!r}")
        if math.isinf(self.value):
            raise ValueError(f"{self.metric}: an infinite value must be undefined with a reason")

    @property
    def is_defined(self) -> bool:
        return not self.reason

    @property
    def name(self) -> str:
        """Display name with the instrument in brackets."""
        shown = catalog.metric(self.metric).name
        return f"{shown} [{self.instrument}]" if self.instrument else shown

    @property
    def unit(self) -> str:
        return catalog.metric(self.metric).unit

    @property
    def scored(self) -> str:
        """The phrase that stands beside every mean."""
        return f"scored {self.n} of {self.offered}"


def defined(
    identifier: str, value: float, *, n: int, offered: int | None = None, instrument: str = ""
) -> MetricValue:
    """Wrap a computed number; an infinite one or a NaN becomes undefined and says so.

    n counts the scored items, `offered` all that were given (equal to n if left out).
    Raises KeyError for an id that the catalog does not list.
    """
    if not math.isfinite(value):
        return undefined(
            identifier,
            f"the computation gave {value!r}, which is not a finite number",
            n=n,
            offered=offered,
            instrument=instrument,
        )
    version = catalog.metric(identifier).version
    total = n if offered is None else offered
    return MetricValue(identifier, version, float(value), n, total, instrument, "")


def undefined(
    identifier: str, reason: str, *, n: int = 0, offered: int | None = None, instrument: str = ""
) -> MetricValue:
    """Say why a metric has no value here.

    Raises ValueError for an empty reason and KeyError for an id that the catalog does not list.
    """
    if not reason:
        raise ValueError(f"{identifier}: an undefined value needs its reason")
    version = catalog.metric(identifier).version
    total = n if offered is None else offered
    return MetricValue(identifier, version, math.nan, n, total, instrument, reason)
