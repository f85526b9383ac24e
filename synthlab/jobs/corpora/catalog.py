"""The corpora that the lab makes itself, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synthlab.errors import JobError
from synthlab.jobs.corpora import placeholder, python_docs, tiny_grammar
from synthlab.jobs.readers.table import RawTable

CORPORA: Mapping[str, Callable[[int], RawTable]] = {
    "python-docs": python_docs.read_python_docs,
    "tiny-grammar": tiny_grammar.make_tiny_grammar,
}
"""Prompts with human responses."""

PROMPT_SETS: Mapping[str, Callable[[int], RawTable]] = {
    "placeholder-harmful": placeholder.read_harmful,
    "placeholder-benign": placeholder.read_benign,
    "placeholder-wrappers": placeholder.read_wrappers,
}
"""Prompts alone; a seed changes nothing in them."""


def read_corpus(name: str, seed: int) -> RawTable:
    """Rows of a built-in corpus; the seed chooses wordings, never what is asked about."""
    try:
        make = {**CORPORA, **PROMPT_SETS}[name]
    except KeyError as error:
        raise JobError("no_dataset", f"no built-in corpus is called {name!r}") from error
    return make(seed)
