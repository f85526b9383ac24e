"""`synthlab why RESULT`: from a number back to its rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, NotFoundError, UsageError
from synthlab.lineage.item_walk import ItemWalk, TextRecord, walk_item
from synthlab.lineage.items import ItemFact, items_behind
from synthlab.lineage.names import ResultFact
from synthlab.lineage.why import Why, WhyHop, why
from synthlab.lineage.why_text import why_lines

ROWS_SHOWN = 10


def explain(session: Session) -> ExitCode:
    """Print the number with its hops, the items behind it, or the walk of one item."""
    arguments, output = session.arguments, session.output
    if arguments.items and arguments.item is not None:
        raise UsageError("--items lists all of them and --item walks one: give one of the two")
    with session.catalog() as connection:
        found = why(connection, arguments.result)
        if arguments.item is not None:
            fact, item = _chosen(session, found, arguments.item)
            walk = walk_item(
                connection, session.home, found.lineage, fact, item, with_texts=arguments.texts
            )
            _show_walk(output, found, walk, as_json=arguments.json)
            return ExitCode.DONE
    if arguments.items:
        _show_items(session, found)
    elif arguments.json:
        output.json("why", document_of(found))
    else:
        for line in why_lines(found):
            output.data(line)
        output.say(f"\nits rows: synthlab why {found.name} --items")
        if found.baseline:
            output.say("interval and test of a difference: synthlab compare")
    return ExitCode.DONE


def document_of(found: Why) -> dict[str, Any]:
    """The walk as JSON has it."""
    return {
        "name": found.name,
        "value": found.value,
        "results": [asdict(fact) for fact in found.results],
        "baseline": [asdict(fact) for fact in found.baseline],
        "differences": [asdict(one) for one in found.differences],
        "hops": [_hop_document(one) for one in found.hops],
    }


def _hop_document(one: WhyHop) -> dict[str, Any]:
    hop = one.hop
    return {
        "run": hop.run_id,
        "kind": hop.kind,
        "label": one.label,
        "state": hop.state,
        "made": one.made,
        "digest": hop.digest,
        "key": hop.key,
        "code_version": one.version,
        "inputs": [asdict(given) for given in hop.inputs],
        "stale_inputs": list(one.stale_inputs),
        "outside": [asdict(leaf) for leaf in one.outside],
        "environment": hop.environment,
        "device": hop.device,
        "host": hop.process.get("host"),
        "seconds": hop.seconds,
        "params": hop.params,
    }


def _facts(found: Why) -> tuple[ResultFact, ...]:
    return (*found.results, *found.baseline)


def _chosen(session: Session, found: Why, wanted: str) -> tuple[ResultFact, ItemFact]:
    """The item of that id, prompt or response; raises NotFoundError or UsageError."""
    hits = [
        (fact, item)
        for fact in _facts(found)
        for item in items_behind(session.home, fact)
        if wanted in (item.id, item.prompt_id, *item.response_ids)
    ]
    exact = [hit for hit in hits if wanted == hit[1].id] or hits
    if not exact:
        raise NotFoundError(
            f"no item {wanted!r} is behind {found.name}", f"synthlab why {found.name} --items"
        )
    labels = list(dict.fromkeys(fact.label for fact, _ in exact))
    if len(labels) > 1:
        raise UsageError(
            f"{wanted!r} is an item of {', '.join(labels)}", "name one of them, with its seed"
        )
    if len({item.id for _, item in exact}) > 1:
        ids = ", ".join(item.id for _, item in exact[:5])
        raise UsageError(f"{wanted!r} could mean {len(exact)} items: {ids}", "give the whole id")
    return exact[0]


def _show_items(session: Session, found: Why) -> None:
    output = session.output
    listed = [(fact, items_behind(session.home, fact)) for fact in _facts(found)]
    if session.arguments.json:
        output.json(
            "items",
            {
                "name": found.name,
                "cells": [
                    {"label": fact.label, "run": fact.run_id, "items": [asdict(i) for i in items]}
                    for fact, items in listed
                ],
            },
        )
        return
    rows = [{"label": fact.label, "item": item} for fact, items in listed for item in items]
    columns = [
        Column("item", lambda row: row["item"].id),
        Column("score", _score, True),
        Column("state", lambda row: row["item"].state or "—"),
        Column("line", lambda row: f"{row['item'].file}:{row['item'].line}"),
    ]
    if len(listed) > 1:
        columns.insert(0, Column("of", lambda row: row["label"]))
    output.table(columns, rows)
    for fact, items in listed:
        used = sum(item.is_used for item in items)
        output.say(f"{fact.label}: {used} of {len(items)} items used, run {fact.run_id}")
        if not any(item.score is not None for item in items):
            output.say(
                f"  {fact.metric} is a number of all of them together; none has its own score"
            )
    output.say(f"one of them: synthlab why {found.name} --item ITEM")


def _score(row: Mapping[str, Any]) -> str:
    score = row["item"].score
    return "—" if score is None else f"{score:.4g}"


def _show_walk(output: Output, found: Why, walk: ItemWalk, *, as_json: bool) -> None:
    if as_json:
        output.json("item", {"name": found.name, **asdict(walk)})
        return
    item = walk.item
    score = "no score of its own" if item.score is None else f"score {item.score:.6g}"
    state = f", {item.state}" if item.state else ""
    output.data(f"item {item.id}: {score}{state}")
    output.data(f"  measured in run {item.run_id}, {item.file} line {item.line}")
    for name, value in walk.record.items():
        text = json.dumps(value, ensure_ascii=False)
        output.data(f"  {name}: {text if len(text) <= 160 else text[:159] + '…'}")
    for answer in walk.answers:
        _show_text(output, "answer", answer)
    if walk.prompt is not None:
        _show_text(output, "prompt", walk.prompt)
    if walk.hidden:
        sets = ", ".join(walk.hidden)
        output.data(f"\ntexts of {sets} are withheld: it is a harmful set; --texts shows them")
    _show_training(output, walk)


def _show_text(output: Output, what: str, record: TextRecord) -> None:
    place = record.place
    of = f" of {record.generator}" if record.generator else ""
    end = f", ended by {record.finish_reason}" if record.finish_reason else ""
    output.data(f"\n{what} {record.id}{of}{end}")
    output.data(f"  {place.label}, run {place.run_id}, {place.file} line {place.line}")
    if record.text is not None:
        for line in record.text.splitlines() or [""]:
            output.data(f"  | {line}")


def _show_training(output: Output, walk: ItemWalk) -> None:
    if not walk.training:
        output.data("\nthe answering model was not trained in this lab")
        return
    rows = walk.training
    first = rows[0].place
    shares = Counter(row.generator for row in rows)
    output.data(f"\ntrained on {len(rows)} rows of {first.label}, run {first.run_id}")
    for generator, count in shares.most_common():
        output.data(f"  {count} of {generator}")
    seen = "IS one of" if walk.is_trained_on_prompt else "is not among"
    output.data(f"  the item's prompt {seen} the training prompts")
    for row in rows[:ROWS_SHOWN]:
        origin = row.origin
        where = f"{origin.label} {origin.file}:{origin.line}" if origin else "NOT FOUND"
        output.data(f"  line {row.place.line}: {row.id} from {where}")
    if len(rows) > ROWS_SHOWN:
        output.data(f"  … {len(rows) - ROWS_SHOWN} more: --json lists every row")
