"""Harmless stand-ins for harmful requests, their wrappers and their benign twins: absurd, and ours."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from synthlab.jobs.readers.jsonl_file import read_jsonl
from synthlab.jobs.readers.table import RawTable

LICENCE = "Apache-2.0 (written for this project)"


def read_harmful(_: int) -> RawTable:
    """60 requests that sound like mischief in a world that does not exist; 6 categories of 10."""
    return _read("harmful")


def read_benign(_: int) -> RawTable:
    """60 twins of the same words with nothing in them that anybody could object to."""
    return _read("benign")


def read_wrappers(_: int) -> RawTable:
    """10 templates with one slot `{request}` that try to talk a model into answering."""
    return _read("wrappers")


def _read(name: str) -> RawTable:
    path = Path(str(files("assets"))) / "prompts" / "placeholder" / f"{name}.jsonl"
    table = read_jsonl(path, f"placeholder-{name}")
    return RawTable(table.name, table.columns, table.rows, LICENCE)
