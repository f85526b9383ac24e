"""One line in words for each comparison, so that "not significant" is never read as "equal"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from synthlab.analysis.statistics.estimates import DEFAULT_ALPHA, Interval, PairedResult
from synthlab.analysis.statistics.multiplicity import HolmFamily

Outcome = Literal["higher", "lower", "undecided", "not comparable"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison decided, and the sentence that says so."""

    outcome: Outcome
    sentence: str


def verdict(
    result: PairedResult,
    *,
    family: HolmFamily | None = None,
    name: str = "",
    is_one_seed: bool = False,
    alpha: float = DEFAULT_ALPHA,
) -> Verdict:
    """Candidate against baseline in words: higher, lower, undecided at this n, or not comparable.

    family, name: the test's place in a corrected family; its adjusted p and alpha then decide.
    is_one_seed: a result over prompts of one checkpoint per side, which the sentence then admits.
    "higher" is a statement about the number, not about what is better. Raises KeyError if the family
    has no test of that name.
    """
    if result.unlike:
        return Verdict("not comparable", result.reason)
    p, threshold, note = result.p, alpha, ""
    if family is not None:
        p, threshold = family.of(name).adjusted, family.alpha
        note = f", Holm over {family.size}" if family.size > 1 else ""
    if math.isnan(p):
        seen = "" if math.isnan(result.difference) else f"difference {result.difference:.3g}; "
        return Verdict("undecided", f"undecided: {seen}{result.reason}")
    admission = "; one seed: said of these checkpoints, not of the conditions"
    admission = admission if is_one_seed and result.unit == "prompts" else ""
    evidence = f"{_interval(result.interval)}{_p(p)}{note}"
    if p <= threshold and result.difference != 0:
        outcome: Outcome = "higher" if result.difference > 0 else "lower"
        size = f"{abs(result.difference):.3g}"
        return Verdict(outcome, f"{outcome} by {size} ({evidence}){admission}")
    return Verdict(
        "undecided",
        f"undecided at n = {result.n_units} {_unit(result)}: difference {result.difference:.3g} "
        f"({evidence}); {_what_would_decide(result, threshold)}{admission}",
    )


def _what_would_decide(result: PairedResult, threshold: float) -> str:
    if result.difference == 0:
        return "no difference was seen, so no larger n is known to decide it"
    if math.isnan(result.needed) or math.isinf(result.needed):
        return f"the n that would decide it is unknown: {result.reason}"
    if result.p <= threshold and result.needed <= result.n_units:
        return "decided on its own, but not among the tests shown with it"
    needed = max(result.needed, result.n_units + 1)
    return f"about {rounded_up(needed)} {_unit(result)} would decide a difference this large"


def _unit(result: PairedResult) -> str:
    return "seeds per condition" if result.unit == "seeds" else "prompts"


def _interval(interval: Interval) -> str:
    if not interval.is_defined:
        return ""
    return f"{interval.level:.0%} interval {interval.low:.3g} to {interval.high:.3g}, "


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def rounded_up(count: float) -> str:
    """A number of units in words. Two significant digits above 100: the estimate carries no more."""
    if count < 100:
        return f"{math.ceil(count)}"
    unit = 10.0 ** (math.floor(math.log10(count)) - 1)
    return f"{math.ceil(count / unit) * unit:,.0f}"
