"""How long the responses are: the figure without which no diversity or perplexity figure can be read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import TokenizedCorpus


@dataclass(frozen=True)
class LengthSpread:
    """Where the lengths of the responses lie, in one unit."""

    median: MetricValue
    lower_quartile: MetricValue
    upper_quartile: MetricValue
    mean: MetricValue


@dataclass(frozen=True, eq=False)
class ResponseLength:
    """Lengths in words and in characters; empty responses count with length 0."""

    words: LengthSpread
    characters: LengthSpread
    words_per_response: npt.NDArray[np.int64]
    """(responses,) tokens of the corpus' tokeniser."""
    characters_per_response: npt.NDArray[np.int64]
    """(responses,) Unicode code points."""
    n_empty: int
    """Responses without a token."""


def response_length(corpus: TokenizedCorpus, texts: Sequence[str]) -> ResponseLength:
    """Median, quartiles and mean of the response length, shown beside every other text metric.

    `texts` are the documents of `corpus`, in the same order. Quartiles are interpolated linearly.
    Raises ValueError when the two differ in number.
    """
    if len(corpus) != len(texts):
        raise ValueError(f"{len(corpus)} tokenised documents but {len(texts)} texts")
    words = corpus.lengths
    characters = np.asarray([len(text) for text in texts], dtype=np.int64)
    return ResponseLength(
        _spread("words", words, corpus.tokenizer),
        _spread("characters", characters, ""),
        words,
        characters,
        int(np.count_nonzero(words == 0)),
    )


def _spread(unit: str, lengths: npt.NDArray[np.int64], instrument: str) -> LengthSpread:
    names = ("median", "lower-quartile", "upper-quartile", "mean")
    identifiers = [f"length-{unit}-{name}" for name in names]
    if not lengths.size:
        none = "there are no responses"
        return LengthSpread(*(undefined(i, none, instrument=instrument) for i in identifiers))
    low, middle, high = np.quantile(lengths, [0.25, 0.5, 0.75])
    figures = (middle, low, high, lengths.mean())
    return LengthSpread(
        *(
            defined(identifier, float(figure), n=lengths.size, instrument=instrument)
            for identifier, figure in zip(identifiers, figures, strict=True)
        )
    )
