"""Drawing the next token of each row from one uniform number of that row's own stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from synthlab.engines.protocol import Sampling

FIRST_CANDIDATES = 64
CANDIDATE_GROWTH = 16
MANTISSA_BITS = 53
NO_TOKEN = -1
"""Drawn where the logits are not numbers, which no token could say."""


def uniform_stream(seed: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The random numbers of one row in [0, 1), the same on every device and numpy version."""
    raw = np.atleast_1d(np.random.PCG64(seed).random_raw(length))
    return np.asarray(raw >> np.uint64(64 - MANTISSA_BITS), np.float64) * 2.0**-MANTISSA_BITS


def draw_tokens(logits: Any, sampling: Sampling, uniforms: Any) -> Any:
    """One token id per row by inversion: the token at which the cumulated mass passes the number.

    logits: (rows, vocabulary) of any float type; uniforms: (rows,) float64 in [0, 1) on the same
    device. Returns (rows,) int64, NO_TOKEN in rows with a NaN. Temperature 0 takes the likeliest
    token. One number per token instead of one per vocabulary entry (Gumbel) keeps sampling cheaper
    than the model.
    Nucleus: the smallest set of likeliest tokens with mass at least top_p (Holtzman et al. 2020).
    """
    if sampling.temperature == 0:
        likeliest = logits.argmax(dim=-1)
        broken = logits.gather(-1, likeliest.unsqueeze(-1)).squeeze(-1).isnan()
        return likeliest.masked_fill(broken, NO_TOKEN)
    probabilities = torch.softmax(logits.float() / sampling.temperature, dim=-1)
    if sampling.top_p >= 1:
        return _invert(probabilities, uniforms)
    candidates, ids = _nucleus(probabilities, sampling.top_p)
    chosen = _invert(candidates, uniforms)
    drawn = ids.gather(-1, chosen.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return drawn.masked_fill(chosen == NO_TOKEN, NO_TOKEN)


def _nucleus(probabilities: Any, top_p: float) -> tuple[Any, Any]:
    """Likeliest tokens in falling order, those beyond the nucleus with mass 0.

    A full sort of a large vocabulary costs as much as a small model's step; the nucleus is mostly
    tiny, so a few candidates are tried first and more only where they do not hold its mass.
    """
    vocabulary = probabilities.shape[-1]
    count = min(FIRST_CANDIDATES, vocabulary)
    while True:
        masses, ids = probabilities.topk(count, dim=-1)
        before = masses.double().cumsum(dim=-1) - masses
        if count == vocabulary or bool((before[:, -1] + masses[:, -1] >= top_p).all()):
            return masses.masked_fill(before >= top_p, 0.0), ids
        count = min(count * CANDIDATE_GROWTH, vocabulary)


def _invert(masses: Any, uniforms: Any) -> Any:
    cumulated = masses.double().cumsum(dim=-1)
    target = (uniforms * cumulated[:, -1]).unsqueeze(-1)
    found = torch.searchsorted(cumulated, target, right=True).squeeze(-1)
    # Rounding can put the target on the total; the last token with mass is meant then.
    last = (cumulated < cumulated[:, -1:]).sum(dim=-1)
    return torch.minimum(found, last).masked_fill(cumulated[:, -1].isnan(), NO_TOKEN)
