"""The figures of the collapse axis, from plain values: which chart shows which number, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    BoxChart,
    Histogram,
    LineChart,
    Sample,
    Scale,
    Series,
    Unit,
    box_of,
)
from synthlab.experiment.probes import PROBE_METRICS, is_probe

BOX_NOTE = "box: quartiles; line: median; ◆ mean; whiskers: 1.5 interquartile ranges; ∘ beyond"
HEAPS_FEWEST_POINTS = 3

Form = Literal["boxes", "histogram"]


@dataclass(frozen=True)
class Quantity:
    """A number that every answer has."""

    title: str
    axis: str
    scale: Scale = "linear"
    unit: Unit = ""


QUANTITIES = {
    "ppl1": Quantity("PPL-1: own answers under the base model", "perplexity of an answer", "log"),
    "ppl2": Quantity("PPL-2: human answers under the checkpoint", "perplexity", "log"),
    "length": Quantity("Response length", "words of an answer"),
}


@dataclass(frozen=True)
class Curve:
    """A curve of one cell, computed over `n` answers."""

    condition: str
    """Condition, or another name of what is drawn."""
    seed: int | None
    x: tuple[float, ...]
    y: tuple[float, ...]
    n: int

    @classmethod
    def of_points(
        cls, condition: str, seed: int | None, points: Sequence[Mapping[str, Any]]
    ) -> Curve:
        """What a run reported step by step: rows with `step` and `value`; NULL is a gap."""
        x = tuple(float(point["step"]) for point in points)
        y = tuple(math.nan if p["value"] is None else float(p["value"]) for p in points)
        return cls(condition, seed, x, y, len(points))


def distribution(
    quantity: Quantity, samples: Sequence[Sample], form: Form = "boxes"
) -> BoxChart | Histogram:
    """Per-answer values of each cell; no value is removed as an outlier."""
    axis = Axis(quantity.axis, quantity.scale, quantity.unit)
    if form == "histogram":
        return Histogram(quantity.title, axis, tuple(samples))
    boxes = tuple(box_of(sample.name, sample.values, quantity.scale) for sample in samples)
    notes = (BOX_NOTE,)
    if quantity.scale == "log":
        notes = (f"{BOX_NOTE}, in the logarithm",)
    return BoxChart(quantity.title, axis, boxes, notes)


def merge_seeds(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """One curve a condition: the mean over its seeds at the x that all of them have.

    Conditions of one seed, and those whose seeds share no x, stay as they are.
    """
    merged: list[Curve] = []
    for condition in dict.fromkeys(curve.condition for curve in curves):
        same = [curve for curve in curves if curve.condition == condition]
        points = [dict(zip(curve.x, curve.y, strict=True)) for curve in same]
        shared = sorted(set.intersection(*(set(one) for one in points)))
        if len(same) == 1 or not shared:
            merged += same
            continue
        y = tuple(fmean(one[at] for one in points) for at in shared)
        merged.append(Curve(condition, None, tuple(shared), y, min(c.n for c in same)))
    return tuple(merged)


def heaps_curves(curves: Sequence[Curve]) -> LineChart:
    """V(t), the different words among the first t, mean over shuffled orders of the answers."""
    points = len(curves[0].x) if curves else 0
    few = f"; only {points} lengths: the token budget is small" if points < 6 else ""
    return LineChart(
        "Heaps curves: vocabulary V(t) over text length t",
        Axis("t, words", "log"),
        Axis("V, different words", "log"),
        _series(curves),
        (f"n: answers{_each(curves)}; mean over shuffled orders{few}",),
    )


def self_bleu_curves(curves: Sequence[Curve], order: int = 4) -> LineChart:
    """Self-BLEU of nested subsamples, which shows how much of a value is corpus size."""
    return LineChart(
        f"Self-BLEU-{order} against the number of answers",
        Axis("N, answers", "log"),
        Axis(f"Self-BLEU-{order}, lower = more diverse"),
        _series(curves),
        (f"n: answers with words{_each(curves)}; nested seeded subsamples",),
    )


def live_curves(name: str, curves: Sequence[Curve]) -> LineChart:
    """What runs reported while they ran, such as the training loss."""
    title, label, scale = _LIVE.get(name, (name, name, "linear"))
    notes = [f"n: logged steps{_each(curves)}"]
    probe = PROBE_METRICS.get(name)
    if probe is not None:
        title = probe.long_name
        label = ", ".join(x for x in (probe.label, probe.unit, probe.direction.value) if x)
    if is_probe(name):
        notes.append("a probe asks few prompts and is no result; step 0 is the base model")
    return LineChart(title, Axis("step"), Axis(label, scale), _series(curves), tuple(notes))


_LIVE: dict[str, tuple[str, str, Scale]] = {
    "loss": ("Training loss", "loss, nats per token", "linear"),
    "eval_loss": ("Validation loss", "loss, nats per token", "linear"),
    "learning_rate": ("Learning rate", "learning rate", "linear"),
    "tokens_per_s": ("Speed", "tokens per second", "linear"),
}


def metric_bars(title: str, axis: str, bars: Sequence[Bar], notes: Sequence[str]) -> BarChart:
    """A metric of every cell with its interval."""
    return BarChart(title, Axis(axis), tuple(bars), tuple(notes))


def _series(curves: Sequence[Curve]) -> tuple[Series, ...]:
    return tuple(Series(_name(curve), curve.x, curve.y, curve.n) for curve in curves)


def _name(curve: Curve) -> str:
    return curve.condition if curve.seed is None else f"{curve.condition} s{curve.seed}"


def _each(curves: Sequence[Curve]) -> str:
    merged = any(curve.seed is None for curve in curves)
    return " of each seed, curves are means over seeds (--seeds: one by one)" if merged else ""
