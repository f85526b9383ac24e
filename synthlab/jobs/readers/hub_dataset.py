"""Reading a data set of the hub at the commit that the plan has pinned."""

from __future__ import annotations

from typing import Any

from synthlab.errors import JobError
from synthlab.experiment.shapes import known_datasets
from synthlab.jobs.readers.table import RawRow, RawTable


def read_hub(name: str, revision: str, split: str, config: str | None = None) -> RawTable:
    """All rows of one split of a configuration; raises JobError if it cannot be had."""
    import datasets
    import httpx

    try:
        data = datasets.load_dataset(name, config, revision=revision, split=split)
    except (OSError, ValueError, httpx.HTTPError, datasets.exceptions.DatasetsError) as error:
        part = f"split {split!r}" + (f" of {config!r}" if config else "")
        raise JobError(
            "no_dataset",
            f"{name}@{revision[:12]}, {part}: cannot be loaded ({error})",
            "check name, split, config and network; a local file works without one",
        ) from error
    rows = tuple(RawRow(f"row {i}", values) for i, values in enumerate(data, 1))
    return RawTable(name, tuple(data.column_names), rows, _licence(name, revision, data))


def _licence(name: str, revision: str, data: Any) -> str | None:
    """What the set, its card on the hub, or the lab's own table says; None if none of them does."""
    import httpx
    from huggingface_hub import HfApi

    if data.info.license:
        return str(data.info.license)
    try:
        card = HfApi().dataset_info(name, revision=revision).card_data
    except (OSError, ValueError, httpx.HTTPError):
        card = None  # the rows are here; a licence is not worth failing for
    named = getattr(card, "license", None)
    if isinstance(named, list):
        named = ", ".join(map(str, named))
    known = known_datasets().get(name)
    return str(named) if named else (known.licence or None) if known else None
