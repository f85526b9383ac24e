"""A lineage as a tree of plain lines that fits a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthlab.lineage.graph import Graph
from synthlab.lineage.hops import Hop, outside

MAX_DEPTH = 40
"""Deeper than any experiment; a line further in would have no room for a name."""


@dataclass(frozen=True)
class _Branch:
    role: str
    run_id: str


def tree_lines(graph: Graph, width: int = 80) -> list[str]:
    """One line for each run, its inputs (or its readers) below it; what was shown is not repeated.

    Text in it comes from data and is not made safe here.
    """
    lines: list[str] = []
    shown: set[str] = set()
    for root in _tops(graph):
        lines += _walk(graph, _Branch("", root), "", "", shown, width, 0)
    touched = "rests on" if graph.lineage.direction == "up" else "touches"
    counted = f"{len(graph.lineage.hops)} runs, {graph.results} results"
    where = ", ".join(graph.experiments[:4]) + (" …" if len(graph.experiments) > 4 else "")
    end = f"{touched} {counted}" + (f", shown by {where}" if where else "")
    return [*lines, "", _cut(end, width)]


def _tops(graph: Graph) -> list[str]:
    """Roots that no other root leads to."""
    lineage = graph.lineage
    below: set[str] = set()
    for root in lineage.roots:
        stack = [branch.run_id for branch in _branches(graph, root)]
        while stack:
            run_id = stack.pop()
            if run_id not in below:
                below.add(run_id)
                stack += [branch.run_id for branch in _branches(graph, run_id)]
    return [root for root in lineage.roots if root not in below]


def _walk(
    graph: Graph, branch: _Branch, first: str, rest: str, shown: set[str], width: int, depth: int
) -> Iterator[str]:
    hop = graph.lineage.hops[branch.run_id]
    again = branch.run_id in shown
    shown.add(branch.run_id)
    branches = [] if again or depth >= MAX_DEPTH else _branches(graph, branch.run_id)
    leaves = [] if again or graph.lineage.direction == "down" else _leaves(graph, hop)
    note = "  (above)" if again and (_branches(graph, branch.run_id) or hop.inputs) else ""
    yield _line(first, branch.role, hop, note, width)
    last = len(leaves) + len(branches) - 1
    for number, leaf in enumerate(leaves):
        yield _cut(f"{rest}{'└─ ' if number == last else '├─ '}{leaf}", width)
    for number, below in enumerate(branches, len(leaves)):
        sign, further = ("└─ ", "   ") if number == last else ("├─ ", "│  ")
        yield from _walk(graph, below, rest + sign, rest + further, shown, width, depth + 1)


def _branches(graph: Graph, run_id: str) -> list[_Branch]:
    lineage = graph.lineage
    if lineage.direction == "up":
        return [_Branch(given.role, given.run_id) for given in lineage.hops[run_id].inputs]
    readers = lineage.readers.get(run_id, ())
    by_run = dict.fromkeys(reader for reader, _ in readers)
    return [_Branch("", reader) for reader in by_run]


def _leaves(graph: Graph, hop: Hop) -> list[str]:
    wanted = ("model", "data set", "adapter", "embedder")
    return [
        f"{leaf.kind} {leaf.shown}"
        for leaf in outside(graph.lineage, hop.run_id)
        if leaf.kind in wanted
    ]


def _line(prefix: str, role: str, hop: Hop, note: str, width: int) -> str:
    name = hop.label if hop.is_here else "not in this lab"
    left = f"{prefix}{role}: {name}" if role else f"{prefix}{name}"
    right = f"{hop.run_id} {hop.digest[:8] if hop.digest else hop.state}"
    room = width - len(right) - len(note) - 2
    return f"{_cut(left, room):<{max(0, room)}}  {right}{note}".rstrip()


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"
