"""What an experiment file foretells: inequalities between conditions, and trends over an amount."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dose:
    """How much of something one condition has."""

    condition: str
    amount: float


@dataclass(frozen=True)
class ExpectedPair:
    """One inequality of an expectation."""

    higher: str
    lower: str


@dataclass(frozen=True)
class Expected:
    """A direction that is foretold, and checked after the run: confirmed, contradicted or undecided.

    Besides `metric` and `claim` an entry has one of: `order`; `higher` with `lower`; `rises_with`;
    `falls_with`.
    """

    metric: str
    """A metric that `synthlab compare` tests, with `/SET` where it is of one prompt set."""
    claim: str = ""
    """What it means, in words."""
    order: tuple[str, ...] = ()
    """Conditions with `">"` or `"<"` between them."""
    higher: tuple[str, ...] = ()
    """Conditions of which each should lie above each of `lower`."""
    lower: tuple[str, ...] = ()
    rises_with: tuple[Dose, ...] = ()
    """`{ condition = amount, … }`: the metric should rise with the amount, as a slope over all seeds."""
    falls_with: tuple[Dose, ...] = ()
    """The same for a metric that should fall."""

    @property
    def pairs(self) -> tuple[ExpectedPair, ...]:
        """Every inequality; of an order those between neighbours."""
        names, signs = self.order[::2], self.order[1::2]
        found = [
            ExpectedPair(a, b) if sign == ">" else ExpectedPair(b, a)
            for a, sign, b in zip(names, signs, names[1:], strict=False)
        ]
        found += [ExpectedPair(a, b) for a in self.higher for b in self.lower]
        return tuple(found)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition that the entry names."""
        doses = (*self.rises_with, *self.falls_with)
        named = (*self.order[::2], *self.higher, *self.lower, *(dose.condition for dose in doses))
        return tuple(dict.fromkeys(named))

    @property
    def statement(self) -> str:
        """The entry as a line: `human > multi > single`."""
        if self.order:
            return " ".join(self.order)
        if self.higher:
            return f"{', '.join(self.higher)} > {', '.join(self.lower)}"
        doses = self.rises_with or self.falls_with
        amounts = ", ".join(f"{amount:g}" for amount in sorted({dose.amount for dose in doses}))
        return f"{'rises' if self.rises_with else 'falls'} over {amounts}"
