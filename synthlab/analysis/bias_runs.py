"""From finished bias runs to the bias of every judge, for tables, comparisons and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage import durable
from storage.rundir import RunDir
from synthlab.analysis.bias import BiasCell, bias_cells
from synthlab.analysis.bias_items import JudgeItems, judge_items
from synthlab.errors import NotFoundError


@dataclass(frozen=True, eq=False)
class JudgeRun:
    """One judge's items and the cell of the comparison that they belong to."""

    condition: str
    seed: int
    items: JudgeItems


def read_judge(directory: RunDir) -> JudgeItems:
    """The items of one bias run; raises NotFoundError if it has not published."""
    manifest = directory.read_manifest()
    if manifest is None:
        raise NotFoundError(f"run {directory.root.name} has published nothing yet")
    return judge_items(
        str(manifest.info["judge"]),
        str(manifest.info["base"]),
        durable.read_records(directory.out / "items.jsonl"),
        durable.read_records(directory.out / "ratings.jsonl"),
        [int(one) for one in manifest.info["sources"]],
    )


def cells_by_seed(runs: Sequence[JudgeRun]) -> Mapping[tuple[str, int], BiasCell]:
    """The bias cell of every condition and seed; the panel of each is the other judges of its seed.

    Only they saw the same texts: another seed's conditions answered otherwise.
    """
    found: dict[tuple[str, int], BiasCell] = {}
    for seed in sorted({run.seed for run in runs}):
        sitting = [run for run in runs if run.seed == seed]
        cells = bias_cells([run.items for run in sitting])
        found |= {(run.condition, seed): cell for run, cell in zip(sitting, cells, strict=True)}
    return found
