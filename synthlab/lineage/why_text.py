"""The walk back from a number, as plain lines for a terminal or a panel of the console."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from synthlab.lineage.names import ResultFact
from synthlab.lineage.why import Why, WhyHop

INDENT = "   "


def why_lines(found: Why, width: int = 80) -> list[str]:
    """What `synthlab why` prints: the number, then each hop with digests and what it ran on.

    Text in it comes from data and is not made safe here.
    """
    lines = list(_number_lines(found, width))
    environments: dict[str, int] = {}
    for number, hop in enumerate(found.hops, 1):
        lines += ["", *_hop_lines(number, hop, width, environments)]
    return lines


def _number_lines(found: Why, width: int) -> Iterator[str]:
    first = found.results[0]
    value = "undefined" if found.value is None else f"{found.value:.6g}"
    several = len(found.results) > 1
    what = "difference of means over seeds" if found.baseline and several else "difference"
    if not found.baseline:
        what = f"mean of {len(found.results)} seeds" if several else ""
    unit = f" {first.unit}" if first.unit else ""
    yield f"{first.metric} = {value}{unit}" + (f"  ({what})" if what else "")
    for title, facts in (("", found.results), ("minus ", found.baseline)):
        for fact in facts:
            yield from _folded(f"  {title}{_fact_line(fact)}", width)
    key = " ".join(f"{name}={value}" for name, value in first.key.items())
    if key:
        yield from _folded(f"  key: {key}", width)
    for one in found.differences:
        where = ", ".join(one.places[:3]) + (" …" if len(one.places) > 3 else "")
        yield from _folded(f"  differs in {one.name}: {one.old} -> {one.new} ({where})", width)


def _fact_line(fact: ResultFact) -> str:
    value = "undefined" if fact.value is None else f"{fact.value:.6g}"
    interval = ""
    if fact.low is not None and fact.high is not None:
        interval = f" [{fact.low:.4g}, {fact.high:.4g}]"
    reason = f", {fact.reason}" if fact.reason else ""
    counted = f", n {fact.n} of {fact.n_total}" if fact.n_total else ""
    return f"{fact.label}: {value}{interval}{counted}{reason}"


def _hop_lines(number: int, one: WhyHop, width: int, environments: dict[str, int]) -> Iterator[str]:
    hop = one.hop
    if not hop.is_here:
        yield f"{number}. run {hop.run_id} is not in this lab"
        return
    state = "" if hop.state == "succeeded" else f", {hop.state}"
    yield f"{number}. {one.label}  run {hop.run_id}{state}"
    if one.made:
        yield from _folded(INDENT + one.made, width)
    digest = hop.digest[:12] if hop.digest else "nothing published"
    yield f"{INDENT}content {digest}, key {hop.key[:12]}"
    for given in hop.inputs:
        note = "  IT HOLDS OTHER CONTENT NOW" if given.role in one.stale_inputs else ""
        digest = (given.digest or "?")[:12]
        yield f"{INDENT}reads {given.role}: run {given.run_id}, content {digest}{note}"
    for leaf in one.outside:
        if leaf.kind == "environment" and leaf.name in environments:
            yield f"{INDENT}environment: as of {environments[leaf.name]}."
            continue
        if leaf.kind == "environment":
            environments[leaf.name] = number
        yield from _folded(f"{INDENT}{leaf.kind}: {leaf.shown}", width)
    took = f", {hop.seconds:.0f} s" if hop.seconds is not None else ""
    host = hop.process.get("host")
    yield f"{INDENT}ran on {hop.device}" + (f" of {host}" if host else "") + took


def _folded(text: str, width: int) -> list[str]:
    indent = len(text) - len(text.lstrip())
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * (indent + 2),
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [text]
