"""Scores of answers: the tokens of the answer, all of them, and none besides."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from synthlab.engines import likelihood
from synthlab.engines.chat import question
from synthlab.engines.likelihood import Span, SpanScore, score_spans
from synthlab.engines.loading import LoadedModel, load_model
from synthlab.errors import JobError
from synthlab.experiment.models import builtin_model
from tests.jobs.conftest import QUESTIONS


@pytest.fixture(scope="module")
def tiny() -> LoadedModel:
    return load_model(builtin_model("tiny-verse"), "float32")


def spans_of(tiny: LoadedModel) -> list[Span]:
    answers = ("And the LORD said.", "Return a list.", "x", "And he went up unto the mount. " * 4)
    return [
        Span(
            f"s{i}",
            tuple(tiny.chat.prompt_ids(question(QUESTIONS[i % 6], None))),
            tuple(tiny.chat.answer_ids(answers[i % 4])),
        )
        for i in range(12)
    ]


def scored(tiny: LoadedModel, spans: list[Span], model: Any = None) -> dict[str, SpanScore]:
    found = [one for batch in score_spans(model or tiny.model, tiny, spans, entropies=True)
             for one in batch]  # fmt: skip
    assert len(found) == len(spans)
    return {one.key: one for one in found}


def left_padded_log_p(tiny: LoadedModel, spans: list[Span]) -> list[float]:
    """The same sums by another road: padding on the other side, token by token, in float64."""
    width = max(span.length for span in spans)
    rows = [[0] * (width - s.length) + [*s.prompt, *s.answer] for s in spans]
    mask = torch.tensor([[0] * (width - s.length) + [1] * s.length for s in spans])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.inference_mode():
        output = tiny.model(torch.tensor(rows), attention_mask=mask, position_ids=positions)
    log_p = output.logits.double().log_softmax(-1)
    return [
        sum(
            float(log_p[row, width - len(s.answer) + i - 1, token])
            for i, token in enumerate(s.answer)
        )
        for row, s in enumerate(spans)
    ]


def test_neither_padding_nor_batch_changes_a_score(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = spans_of(tiny)
    together = scored(tiny, spans)
    other_side = left_padded_log_p(tiny, spans)
    monkeypatch.setattr(likelihood, "token_budget", lambda _: 1)
    alone = scored(tiny, spans)
    for span, expected in zip(spans, other_side, strict=True):
        assert together[span.key].sum_log_p == pytest.approx(expected, rel=1e-5)
        assert alone[span.key].sum_log_p == pytest.approx(expected, rel=1e-5)
        assert together[span.key].tokens == len(span.answer)


def test_entropy_is_the_one_of_the_definition(tiny: LoadedModel) -> None:
    span = spans_of(tiny)[0]
    with torch.inference_mode():
        logits = tiny.model(torch.tensor([[*span.prompt, *span.answer]])).logits[0].double()
    expected = torch.distributions.Categorical(logits=logits).entropy()[len(span.prompt) - 1 : -1]
    found = scored(tiny, [span])[span.key].entropies
    assert found == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_model_finds_its_own_voice_likelier(tiny: LoadedModel) -> None:
    found = scored(tiny, spans_of(tiny))
    verse, code = found["s0"], found["s1"]
    assert verse.sum_log_p / verse.tokens > code.sum_log_p / code.tokens + 0.5


def test_lack_of_memory_halves_the_batch_and_scores_all(tiny: LoadedModel) -> None:
    seen: list[int] = []

    def limited(**inputs: Any) -> Any:
        seen.append(len(inputs["input_ids"]))
        if seen[-1] > 5:
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return tiny.model(**inputs)

    found = scored(tiny, spans_of(tiny), limited)
    expected = scored(tiny, spans_of(tiny))
    assert seen[0] == 12
    assert max(seen[2:]) <= 5
    for key, score in expected.items():
        assert math.isclose(found[key].sum_log_p, score.sum_log_p, rel_tol=1e-5)


def test_one_text_that_does_not_fit_is_said(tiny: LoadedModel) -> None:
    def never(**_: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(JobError, match="score one text of"):
        scored(tiny, spans_of(tiny), never)


def test_a_span_without_tokens_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(ValueError, match="needs a prompt token"):
        list(score_spans(tiny.model, tiny, [Span("a", (1,), ())]))
