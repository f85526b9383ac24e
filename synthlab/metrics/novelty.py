"""How many different answers a model gives to one prompt, and what a reader gains from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.embedding import Embeddings, Matrix, WithinPrompt, prompt_numbers
from synthlab.metrics.result import defined, undefined

ANSWERS = 8
PATIENCE = 0.8
"""Probability that a reader looks at one more answer."""


@dataclass(frozen=True, eq=False)
class Novelty:
    """Breadth of the answers to a prompt, mean over prompts."""

    distinct: WithinPrompt
    """Number of classes of equivalent answers, 1 to k."""
    utility: WithinPrompt
    """What a reader with limited patience gains from the new ones, 0 to 1."""


def novelty(
    texts: Embeddings,
    prompt_of: npt.ArrayLike,
    threshold: float,
    *,
    k: int = ANSWERS,
    quality: npt.ArrayLike | None = None,
    patience: float = PATIENCE,
) -> Novelty:
    """distinct_k and utility_k of the first k usable answers to each prompt, in their own order.

    prompt_of: (offered,) prompt number of each text. threshold: cosine from which two answers are
    equivalent; part of the comparability key. quality: (offered,) in [0, 1], 1 if left out.
    Prompts with fewer than k usable answers are left out.
    Raises ValueError for k < 1, patience outside (0, 1), or arrays of the wrong shape or range.
    Source: NoveltyBench (arXiv 2504.05228), with classes by cosine instead of its classifier.
    """
    if k < 1 or not 0 < patience < 1:
        raise ValueError(f"k starts at 1 and patience lies in (0, 1), got {k} and {patience}")
    prompts, prompt_index = prompt_numbers(texts, prompt_of)
    prompt_index = prompt_index[texts.rows]
    worth = _quality(texts, quality)
    order = np.argsort(prompt_index, kind="stable")
    bounds = np.searchsorted(prompt_index[order], np.arange(prompts.size + 1))
    weight = patience ** np.arange(k) * (1 - patience) / (1 - patience**k)
    counts = np.full(prompts.size, np.nan)
    gains = np.full(prompts.size, np.nan)
    for prompt in range(prompts.size):
        rows = order[bounds[prompt] : bounds[prompt + 1]][:k]
        if rows.size == k:
            is_new = first_of_class(texts.unit[rows], threshold)
            counts[prompt] = is_new.sum()
            gains[prompt] = float(np.sum(weight * is_new * worth[rows]))
    instrument = f"{texts.embedder}, k = {k}, cosine >= {threshold:g}"
    return Novelty(
        _over_prompts("distinct-k", prompts, counts, k, instrument),
        _over_prompts("utility-k", prompts, gains, k, instrument),
    )


def first_of_class(unit: Matrix, threshold: float) -> npt.NDArray[np.bool_]:
    """(k,) whether each answer differs from all that opened a class before it.

    An answer is compared with the first member of every class, so a chain of small steps does not
    make its two ends equivalent.
    """
    similar = unit @ unit.T >= threshold
    is_new = np.zeros(len(unit), np.bool_)
    for answer in range(len(unit)):
        is_new[answer] = not (similar[answer, :answer] & is_new[:answer]).any()
    return is_new


def _quality(texts: Embeddings, quality: npt.ArrayLike | None) -> Matrix:
    """(usable,) quality of each usable text."""
    if quality is None:
        return np.ones(len(texts))
    given = np.asarray(quality, dtype=np.float64)
    if given.shape != (texts.offered,):
        raise ValueError(f"{texts.offered} texts need one quality each, got shape {given.shape}")
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("the quality of an answer lies in [0, 1]")
    return given[texts.rows]


def _over_prompts(
    identifier: str, prompts: npt.NDArray[np.int64], values: Matrix, k: int, instrument: str
) -> WithinPrompt:
    scored = ~np.isnan(values)
    if scored.any():
        mean = float(values[scored].mean())
        score = defined(
            identifier, mean, n=int(scored.sum()), offered=prompts.size, instrument=instrument
        )
    else:
        reason = f"none of {prompts.size} prompts has {k} answers with an embedding"
        score = undefined(identifier, reason, offered=prompts.size, instrument=instrument)
    return WithinPrompt(score, prompts, values)
