"""A data set as it lies on disk: named columns, rows that know where they stand, nothing interpreted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class RawRow(NamedTuple):
    """One row and its place, for messages."""

    place: str
    """`line 12` or `row 12`, counted from 1."""
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RawTable:
    """The rows of a data set, before any of them is judged."""

    name: str
    """What messages call the data set."""
    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]
    licence: str | None = None
    """Where it is known."""
