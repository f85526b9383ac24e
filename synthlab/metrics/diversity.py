"""How varied the words of a corpus are, by measures that a longer text does not shift by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.ngrams import count_grams, sort_by_key
from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import TokenizedCorpus, seeded_order

Floats = npt.NDArray[np.float64]

MATTR_WINDOW = 50
MTLD_THRESHOLD = 0.72
MTLD_SHORT = 100
"""Below about this many words MTLD is unstable; the share of such documents is reported."""
REPETITION_ORDER = 4
DIVERSITY_ORDERS = 4


@dataclass(frozen=True, eq=False)
class DocumentMean:
    """A mean over documents with the value of each, so that a table cell can open its items."""

    score: MetricValue
    per_document: Floats
    """(documents,) NaN where the document could not be scored."""
    short_share: float
    """Share of the scored documents that are too short for a stable value; 0 if none can be."""


def budget_sample(corpus: TokenizedCorpus, budget: int | None, seed: int) -> TokenizedCorpus:
    """The first `budget` tokens of the documents in a seeded order, the last document cut.

    Runs over the same prompts with the same seed are read in the same order. Without a budget, all
    documents.
    """
    shuffled = corpus.select(seeded_order(len(corpus), seed))
    return shuffled if budget is None else shuffled.head(budget)


def distinct_n(
    corpus: TokenizedCorpus, n: int, budget: int | None = None, *, seed: int = 0
) -> MetricValue:
    """Different n-grams over all n-grams, at a fixed size because the ratio falls with it.

    n: 1 to 4; no n-gram reaches over a document border. Higher = more diverse, in (0, 1]. Undefined
    when the corpus has fewer tokens than the budget or no n-gram. Raises ValueError for another n
    or a budget below 1.
    Source: Li et al. 2016.
    """
    if not 1 <= n <= DIVERSITY_ORDERS:
        raise ValueError(f"distinct-n is offered for n = 1 to {DIVERSITY_ORDERS}, got {n}")
    return _distinct_ratio(f"distinct-{n}", corpus, (n,), budget, seed)


def ngram_diversity(
    corpus: TokenizedCorpus, budget: int | None = None, *, seed: int = 0
) -> MetricValue:
    """Sum over n = 1 to 4 of different n-grams over all n-grams, at a fixed number of tokens.

    Higher = more diverse, in (0, 4]. Documents are not joined, unlike in the package of the paper,
    so that no n-gram mixes two answers. Undefined and errors as in `distinct_n`. Source: Shaib et
    al. 2024.
    """
    orders = tuple(range(1, DIVERSITY_ORDERS + 1))
    return _distinct_ratio("ngram-diversity-4", corpus, orders, budget, seed)


def _distinct_ratio(
    identifier: str,
    corpus: TokenizedCorpus,
    orders: Sequence[int],
    budget: int | None,
    seed: int,
) -> MetricValue:
    if budget is not None and budget < 1:
        raise ValueError(f"a token budget is at least 1, got {budget}")
    tokens, documents, name = corpus.ids.size, len(corpus), corpus.tokenizer
    if budget is not None and tokens < budget:
        reason = f"the corpus has {tokens} tokens, the budget asks for {budget}"
        return undefined(identifier, reason, offered=documents, instrument=name)
    sample = budget_sample(corpus, budget, seed)
    ratio = 0.0
    for table in count_grams(sample, max(orders)):
        if table.order in orders:
            total = int(table.count.sum())
            if not total:
                reason = f"no document has {table.order} tokens"
                return undefined(identifier, reason, offered=documents, instrument=name)
            ratio += table.grams / total
    return defined(identifier, ratio, n=len(sample), offered=documents, instrument=name)


def mattr(corpus: TokenizedCorpus) -> DocumentMean:
    """Share of different words in a moving window of 50 words, per document, then the mean.

    Higher = more diverse, in (0, 1]. Documents shorter than the window are counted and left out.
    Source: Covington and McFall 2010. A token adds a type to exactly those windows that hold it and
    start after its previous occurrence, so the sum over all windows is one pass.
    """
    lengths, document_of = corpus.lengths, corpus.documents
    position = np.arange(corpus.ids.size)
    start = corpus.offsets[:-1][document_of]
    last_window = corpus.offsets[1:][document_of] - MATTR_WINDOW
    previous = _previous_occurrence(corpus)
    first = np.maximum(np.maximum(previous + 1, position - MATTR_WINDOW + 1), start)
    windows = np.maximum(np.minimum(position, last_window) - first + 1, 0)
    types = np.bincount(document_of, weights=windows, minlength=len(corpus))
    n_windows = lengths - MATTR_WINDOW + 1
    scores = np.full(len(corpus), np.nan)
    long_enough = n_windows > 0
    scores[long_enough] = types[long_enough] / (n_windows[long_enough] * MATTR_WINDOW)
    return _mean("mattr-50", corpus, scores, f"no document has {MATTR_WINDOW} words")


def _previous_occurrence(corpus: TokenizedCorpus) -> npt.NDArray[np.int64]:
    """(tokens,) position of the same word before, in the same document; -1 where it is the first."""
    key = corpus.documents * max(len(corpus.vocabulary), 1) + corpus.ids
    ordered, sorted_key = sort_by_key(key, np.arange(key.size))
    previous = np.full(key.size, -1)
    repeats = np.flatnonzero(sorted_key[1:] == sorted_key[:-1])
    previous[ordered[repeats + 1]] = ordered[repeats]
    return previous


def mtld(corpus: TokenizedCorpus) -> DocumentMean:
    """Mean number of words until the share of different words has fallen to 0.72, both ways.

    Higher = more diverse, in words. A document without any repeated word counts as one factor, so
    its value is its length. `short_share` tells how many documents are below 100 words, where the
    measure is unstable. Documents without words are left out. Source: McCarthy and Jarvis 2010.
    """
    scores = np.full(len(corpus), np.nan)
    for document in np.flatnonzero(corpus.lengths > 0):
        ids = corpus.ids[corpus.offsets[document] : corpus.offsets[document + 1]].tolist()
        scores[document] = (len(ids) / _factors(ids) + len(ids) / _factors(ids[::-1])) / 2
    return _mean("mtld", corpus, scores, "no document has words", stable_from=MTLD_SHORT)


def _factors(ids: Sequence[int]) -> float:
    """Factors of a text: stretches down to the threshold, the rest by how far it fell; at least one."""
    factors, start = 0.0, 0
    seen: set[int] = set()
    length = 0
    for position, token in enumerate(ids):
        seen.add(token)
        length = position + 1 - start
        if len(seen) / length <= MTLD_THRESHOLD:
            factors += 1
            start = position + 1
            seen = set()
    if start < len(ids):
        factors += (1 - len(seen) / length) / (1 - MTLD_THRESHOLD)
    return factors or 1.0


def self_repetition(corpus: TokenizedCorpus) -> DocumentMean:
    """How often the 4-grams of a document stand in others, mean of log(1 + occurrences).

    A 4-gram counts once per document that contains it. Lower = more diverse; grows with the number
    of documents, so compare at equal n. Documents without a 4-gram are left out; two documents with
    one are needed.
    Source: Salkar et al. 2022.
    """
    others = np.zeros(len(corpus))
    for table in count_grams(corpus, REPETITION_ORDER, shared_only=True):
        if table.order == REPETITION_ORDER:
            in_documents = np.bincount(table.gram, minlength=table.grams)
            elsewhere = in_documents[table.gram] - 1.0
            found = np.bincount(table.document, weights=elsewhere, minlength=len(corpus))
            others = np.asarray(found, np.float64)
    usable = corpus.lengths >= REPETITION_ORDER
    enough = np.count_nonzero(usable) >= 2
    scores = np.where(usable & enough, np.log1p(others), math.nan)
    reason = f"fewer than two documents have {REPETITION_ORDER} words"
    return _mean("self-repetition-4", corpus, scores, reason)


def _mean(
    identifier: str, corpus: TokenizedCorpus, scores: Floats, reason: str, *, stable_from: int = 0
) -> DocumentMean:
    scored = ~np.isnan(scores)
    count = int(scored.sum())
    if not count:
        value = undefined(identifier, reason, offered=len(corpus), instrument=corpus.tokenizer)
        return DocumentMean(value, scores, 0.0)
    mean = float(scores[scored].mean())
    value = defined(identifier, mean, n=count, offered=len(corpus), instrument=corpus.tokenizer)
    return DocumentMean(value, scores, float((corpus.lengths[scored] < stable_from).mean()))
