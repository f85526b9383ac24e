"""Reading Parquet, through the library that `datasets` brings along."""

from __future__ import annotations

from pathlib import Path

from synthlab.errors import JobError
from synthlab.jobs.readers.table import RawRow, RawTable


def read_parquet(path: Path, name: str) -> RawTable:
    """All rows of a Parquet file; raises JobError if it is damaged."""
    import pyarrow  # type: ignore[import-untyped]  # ships no types
    import pyarrow.parquet  # type: ignore[import-untyped]

    rows: list[RawRow] = []
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    rows.append(RawRow(f"row {len(rows) + 1}", values))
    except (pyarrow.ArrowException, OSError) as error:
        raise JobError("bad_file", f"{name}: cannot be read as Parquet ({error})") from error
    return RawTable(name, columns, tuple(rows))
