"""The answers of an experiment, aligned by prompt, from an index that is built once for each content."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from storage import durable
from storage.catalog.queries import experiment_steps, find_experiment
from storage.home import LabHome
from synthlab.analysis.sample_index import Answer, PromptSamples, SampleIndex, SampleRow, SetInfo
from synthlab.analysis.sample_runs import Progress, SampleRuns, build_samples
from synthlab.errors import NotFoundError

__all__ = [
    "Answer",
    "PromptSamples",
    "SampleIndex",
    "SampleRow",
    "SetInfo",
    "mask",
    "open_samples",
]


def mask(text: str) -> str:
    """What stands in the place of a text that nobody has asked to see."""
    return f"[masked: {len(text)} characters]"


def open_samples(
    home: LabHome,
    connection: sqlite3.Connection,
    experiment: str,
    progress: Progress | None = None,
) -> SampleIndex:
    """The index of an experiment's answers; the first call after new results builds it.

    A damaged file is built again. Raises NotFoundError if there is no such experiment, or no
    condition of it has answered anything yet.
    """
    found = find_experiment(connection, experiment)
    if found is None:
        raise NotFoundError(
            f"there is no experiment {experiment!r}", "`synthlab experiments` lists them"
        )
    runs = SampleRuns.of(home, experiment_steps(connection, found["id"]))
    if not runs.answers:
        raise NotFoundError(
            f"{found['id']}: no condition has answered anything yet",
            f"`synthlab show {found['id']}` tells how far it is",
        )
    path = home.cache / "samples" / found["id"] / f"{runs.digest(found['id'])}.db"
    opened = _open(path)
    if opened is None:
        data = build_samples(found["id"], runs, progress)
        durable.make_directory(path.parent)
        durable.write_bytes(path, data)
        for other in path.parent.glob("*.db"):
            if other != path:
                other.unlink(missing_ok=True)  # whoever has it open goes on reading it
        opened = _open(path)
        if opened is None:
            raise NotFoundError(f"{path}: the index cannot be read back after it was written")
    return opened


def _open(path: Path) -> SampleIndex | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )
    try:
        pages, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "page_size")
        )
        if pages * size != path.stat().st_size:
            raise ValueError("the file has been cut")
        return SampleIndex(connection)
    except (sqlite3.DatabaseError, ValueError, KeyError, TypeError):
        connection.close()
        return None
