"""`synthlab lineage ID`: what something comes from, or what it touches."""

from __future__ import annotations

from dataclasses import asdict

from storage.catalog.lineage import Direction
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, UsageError
from synthlab.lineage.graph import build_graph, find_start
from synthlab.lineage.tree_text import tree_lines


def lineage(session: Session) -> ExitCode:
    """Print the walk as a tree, or as nodes and edges."""
    arguments, output = session.arguments, session.output
    if arguments.up and arguments.down:
        raise UsageError("--up and --down exclude each other")
    with session.catalog() as connection:
        start = find_start(connection, arguments.id)
        direction: Direction = (
            "up" if arguments.up else "down" if arguments.down else start.direction
        )
        graph = build_graph(connection, start, direction, with_results=arguments.json)
    if arguments.json:
        output.json(
            "lineage",
            {
                "start": asdict(start),
                "direction": direction,
                "nodes": [asdict(node) for node in graph.nodes],
                "edges": [asdict(edge) for edge in graph.edges],
                "results": graph.results,
                "experiments": list(graph.experiments),
            },
        )
    else:
        for line in tree_lines(graph):
            output.data(line)
        if direction == "down":
            output.say("the numbers: synthlab lineage ID --down --json")
    return ExitCode.DONE
