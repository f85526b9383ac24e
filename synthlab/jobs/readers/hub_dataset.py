"""Reading a data set of the hub at the commit that the plan has pinned."""

from __future__ import annotations

from synthlab.errors import JobError
from synthlab.jobs.readers.table import RawRow, RawTable


def read_hub(name: str, revision: str, split: str, config: str | None = None) -> RawTable:
    """All rows of one split of a configuration; raises JobError if it cannot be had."""
    import datasets

    try:
        data = datasets.load_dataset(name, config, revision=revision, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise JobError(
            "no_dataset",
            f"{name}@{revision[:12]}, split {split!r}: cannot be loaded ({error})",
            "check the name, the split and the network; a local file works without one",
        ) from error
    rows = tuple(RawRow(f"row {i}", values) for i, values in enumerate(data, 1))
    return RawTable(name, tuple(data.column_names), rows, data.info.license or None)
