"""Drawing tokens: the distribution is the model's, and the nucleus is the one of its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthlab.engines.protocol import Sampling
from synthlab.engines.sampling import draw_tokens, uniform_stream

DRAWS = 4_000


def _logits(vocabulary: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, vocabulary)).float()


def _frequencies(logits: torch.Tensor, sampling: Sampling) -> np.ndarray:
    uniforms = torch.from_numpy(uniform_stream(7, DRAWS))
    drawn = draw_tokens(logits.expand(DRAWS, -1), sampling, uniforms)
    return np.bincount(drawn.numpy(), minlength=len(logits)) / DRAWS


def _nucleus_by_definition(logits: torch.Tensor, sampling: Sampling) -> np.ndarray:
    probabilities = torch.softmax(logits.double() / sampling.temperature, -1).numpy()
    order = np.argsort(-probabilities)
    size = int(np.searchsorted(np.cumsum(probabilities[order]), sampling.top_p)) + 1
    kept = np.zeros_like(probabilities)
    kept[order[:size]] = probabilities[order[:size]]
    return np.asarray(kept / kept.sum())


@pytest.mark.parametrize(
    ("vocabulary", "temperature", "top_p"), [(50, 1.0, 1.0), (50, 0.7, 0.8), (2000, 1.5, 0.97)]
)
def test_frequencies_follow_the_nucleus(vocabulary: int, temperature: float, top_p: float) -> None:
    sampling = Sampling(temperature, top_p, 1)
    logits = _logits(vocabulary, 1)
    expected = _nucleus_by_definition(logits, sampling)
    found = _frequencies(logits, sampling)
    assert found[expected == 0].sum() == 0
    assert np.abs(found - expected).max() < 4 * np.sqrt(0.25 / DRAWS)


def test_nucleus_larger_than_the_first_candidates_is_complete() -> None:
    flat = torch.zeros(3000)
    drawn = draw_tokens(
        flat.expand(DRAWS, -1), Sampling(1.0, 0.9, 1), torch.from_numpy(uniform_stream(3, DRAWS))
    )
    assert len(set(drawn.tolist())) > 1900


def test_a_row_draws_the_same_whatever_else_is_in_the_batch() -> None:
    sampling = Sampling(1.0, 0.9, 1)
    peaked, flat = _logits(3000, 2) * 4, torch.zeros(3000)
    uniforms = torch.tensor([0.37, 0.62], dtype=torch.float64)
    together = draw_tokens(torch.stack([peaked, flat]), sampling, uniforms)
    alone = draw_tokens(peaked[None], sampling, uniforms[:1])
    assert together[0] == alone[0]


def test_numbers_at_the_ends_of_the_interval_give_tokens_with_mass() -> None:
    logits = torch.tensor([[-float("inf"), 0.0, 1.0, -float("inf")]] * 2)
    uniforms = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for top_p in (1.0, 0.9):
        assert set(draw_tokens(logits, Sampling(1.0, top_p, 1), uniforms).tolist()) <= {1, 2}


def test_temperature_zero_takes_the_likeliest() -> None:
    logits = _logits(100, 4)[None]
    assert draw_tokens(logits, Sampling(0.0, 0.5, 1), torch.tensor([0.99])) == logits.argmax()


def test_streams_are_frozen_and_differ_by_seed() -> None:
    assert uniform_stream(5, 3).tolist() == uniform_stream(5, 9)[:3].tolist()
    assert uniform_stream(5, 3).tolist() != uniform_stream(6, 3).tolist()
    assert uniform_stream(5, 1)[0] == pytest.approx(0.8050029237453802, abs=1e-15)
