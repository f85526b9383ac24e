"""From values to places on an axis: limits, ticks without duplicate labels, units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from synthlab.analysis.charts.descriptions import Axis, Scale, Unit

LARGEST = 1e300
"""Values beyond are drawn at this size: a span of two of them still fits a float."""
SMALLEST = 1e-300
_NICE = (1.0, 2.0, 5.0, 10.0)
_LOG_LIMITS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_MOST_TICKS = 50
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, 0 at its lower and 1 at its upper limit."""

    place: float
    label: str


@dataclass(frozen=True)
class Ruler:
    """An axis with limits: places values and labels ticks."""

    scale: Scale
    lower: float
    upper: float
    factor: float = 1.0
    """What a value is divided by before it is shown."""
    suffix: str = ""
    """Unit of the shown values, for the label of the axis."""
    names: tuple[str, ...] = ()
    """What stands at 0, 1, 2 and so on instead of numbers."""

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """Lower limit and span on the shape of the scale."""
        low, high = _shape(self.lower, self.scale), _shape(self.upper, self.scale)
        return low, high - low

    def place(self, value: float) -> float | None:
        """Where a value lies, 0 to 1 inside the limits; None is a gap: not finite, or log of <= 0."""
        if not math.isfinite(value) or (self.scale == "log" and value <= 0):
            return None
        low, span = self._ends
        return (_shape(value, self.scale) - low) / span

    def clamp(self, value: float) -> float | None:
        """Like `place`, but what lies outside is put on the nearest limit."""
        place = self.place(value)
        return None if place is None else min(1.0, max(0.0, place))

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """At most `most` ticks at round values, each with a label that no other has."""
        values = _log_ticks(self, most) if self.scale == "log" else _linear_ticks(self, most)
        shown = [value / self.factor for value in values]
        found: dict[str, Tick] = {}
        for value, label in zip(values, labels(shown), strict=True):
            place = self.place(value)
            if place is not None and -1e-9 <= place <= 1 + 1e-9 and label not in found:
                found[label] = Tick(min(1.0, max(0.0, place)), label)
        return tuple(found.values())

    def named_ticks(self) -> tuple[Tick, ...]:
        """A tick for each name whose place lies inside the limits."""
        placed = ((self.place(float(number)), name) for number, name in enumerate(self.names))
        return tuple(Tick(at, name) for at, name in placed if at is not None and 0 <= at <= 1)

    def limit_ticks(self) -> tuple[Tick, ...]:
        """The two limits, rounded to three digits, where no round values fit."""
        low, high = (short(v / self.factor, 3) for v in (self.lower, self.upper))
        return (Tick(0.0, low), Tick(1.0, high)) if low != high else (Tick(0.0, low),)


def ruler(axis: Axis, values: Iterable[float], *, zero: bool = False) -> Ruler:
    """The ruler of an axis over what it has to show; round limits, so that they grow in steps.

    zero: whether zero must lie inside, as for bars (not on a log axis). Equal limits are widened.
    """
    log = axis.scale == "log"
    usable = [_bounded(v) for v in values if math.isfinite(v) and (not log or v > 0)]
    if zero and not log:
        usable.append(0.0)
    low, high = (min(usable), max(usable)) if usable else (1.0, 10.0) if log else (0.0, 1.0)
    factor, suffix = unit_of(axis.unit, max(abs(low), abs(high)))
    low, high = _log_limits(low, high) if log else _round_limits(low, high, factor)
    low = _given(axis.lower, low, log)
    high = _given(axis.upper, high, log)
    if not _told_apart(low, high, axis.scale):
        low, high = _widened(min(low, high), max(low, high), log)
    return Ruler(axis.scale, low, high, factor, suffix, axis.names)


def unit_of(unit: Unit, largest: float) -> tuple[float, str]:
    """(divisor, shown unit) for an axis whose largest value is given in `unit`."""
    if unit == "%":
        return 0.01, "%"
    steps: tuple[tuple[float, str], ...] = ((1.0, unit),)
    if unit == "s":
        steps = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
    elif unit == "bytes":
        steps = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (1024.0, "KiB"), (1.0, "B"))
    for factor, name in steps:
        if largest >= 2 * factor:
            return factor, name
    return steps[-1]


def labels(values: list[float]) -> list[str]:
    """Short labels for ticks of one axis, as precise as needed to tell neighbours apart."""
    largest = max((abs(v) for v in values), default=0.0)
    for digits in range(1, 18):
        texts = [short(v, digits, largest) for v in values]
        exact = all(
            abs(_read(text) - value) <= 1e-6 * max(abs(value), largest * 1e-3)
            for text, value in zip(texts, values, strict=True)
        )
        if exact and len(set(texts)) == len(texts):
            return texts
    return [short(v, 17, largest) for v in values]


def short(value: float, digits: int = 4, largest: float | None = None) -> str:
    """A value with that many significant digits: `0.25`, `12k`, `3.1M`, `2e-07`."""
    size = abs(value)
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    if size >= 1e15 or size < 1e-4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    for limit, suffix in _SUFFIXES:
        if size >= limit and (limit > 1e3 or max(size, largest or 0.0) >= 1e4):
            return _plain(value / limit, digits) + suffix
    return _plain(value, digits)


def _plain(value: float, digits: int) -> str:
    before = math.floor(math.log10(abs(value))) + 1
    text = f"{value:.{max(0, min(17, digits - before))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read(text: str) -> float:
    factors = {suffix: limit for limit, suffix in _SUFFIXES}
    return float(text[:-1]) * factors[text[-1]] if text[-1] in factors else float(text)


def _shape(value: float, scale: Scale) -> float:
    # Halved, so that the span between the two ends of the float range is no infinity.
    bounded = _bounded(value)
    return math.log10(max(bounded, SMALLEST)) if scale == "log" else bounded / 2


def _bounded(value: float) -> float:
    return max(-LARGEST, min(LARGEST, value))


def _given(limit: float | None, found: float, log: bool) -> float:
    if limit is None or not math.isfinite(limit) or (log and limit <= 0):
        return found
    return _bounded(limit)


def _told_apart(low: float, high: float, scale: Scale) -> bool:
    shaped_low, shaped_high = _shape(low, scale), _shape(high, scale)
    return shaped_high - shaped_low > 1e-12 * max(abs(shaped_low), abs(shaped_high), 1e-290)


def _widened(low: float, high: float, log: bool) -> tuple[float, float]:
    if log:
        return max(low / 2, SMALLEST), max(high * 2, SMALLEST * 10)
    room = max(abs(low), abs(high)) * 0.1 or 1.0
    return low - room, high + room


def _round_limits(low: float, high: float, factor: float) -> tuple[float, float]:
    if not _told_apart(low, high, "linear"):
        low, high = _widened(low, high, log=False)
    step = _nice_step(low / factor, high / factor, 8) * factor
    floor = math.floor(low / step + 1e-9) * step
    ceiling = math.ceil(high / step - 1e-9) * step
    return min(floor, low), max(ceiling, high)


def _log_limits(low: float, high: float) -> tuple[float, float]:
    low, high = max(low, SMALLEST), max(high, SMALLEST)
    if not _told_apart(low, high, "log"):
        low, high = _widened(low, high, log=True)
    if high / low < 10:
        floor, ceiling = _round_limits(low, high, 1.0)
        return floor if floor > 0 else low, ceiling
    bottom, top = (10.0 ** math.floor(math.log10(value)) for value in (low, high))
    below = [step * bottom for step in _LOG_LIMITS if step * bottom <= low * (1 + 1e-9)]
    above = [step * top for step in _LOG_LIMITS if step * top >= high * (1 - 1e-9)]
    return max(below, default=low), min(above, default=high)


def _nice_step(low: float, high: float, most: int) -> float:
    """The smallest 1, 2 or 5 times a power of ten that cuts the range into at most `most` parts."""
    rough = max(high / most - low / most, 5e-300)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((n * power for n in _NICE if n * power >= rough * (1 - 1e-9)), 10 * power)


def _linear_ticks(ruler: Ruler, most: int) -> list[float]:
    low, high = ruler.lower / ruler.factor, ruler.upper / ruler.factor
    step = _nice_step(low, high, max(1, min(most, _MOST_TICKS) - 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    count = min(last - first, _MOST_TICKS)
    return [(first + i) * step * ruler.factor for i in range(count + 1)]


def _log_ticks(ruler: Ruler, most: int) -> list[float]:
    first = math.floor(math.log10(max(ruler.lower, SMALLEST)))
    last = math.ceil(math.log10(max(ruler.upper, SMALLEST)))
    powers = range(first, last + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        values = [step * 10.0**power for power in powers for step in steps]
        inside = [v for v in values if ruler.lower * (1 - 1e-9) <= v <= ruler.upper * (1 + 1e-9)]
        if 2 < len(inside) <= most:
            return inside
    if last - first <= 2 and len(inside) < 3:
        return [v for v in _linear_ticks(ruler, most) if v > 0]
    stride = max(1, math.ceil(len(powers) / max(1, most)))
    return [10.0**power for power in powers if (power - first) % stride == 0]
