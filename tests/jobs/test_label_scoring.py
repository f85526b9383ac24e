"""Label probabilities depend on the prompt alone: not on its neighbours, the batch or what is shared."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch

from synthlab.engines.chat import question
from synthlab.engines.label_scoring import LabelScorer, has_plain_cache, label_tokens, reply_tokens
from synthlab.engines.loading import LoadedModel, load_model
from synthlab.engines.prefix_tree import StemmedPrompt, grow, shared_length
from synthlab.errors import JobError
from synthlab.experiment.models import builtin_model

ANSWERS = (
    "A wide stream of water.",
    "The lamp burns low and the night is long upon the hills of the shepherds.",
    "It joins paths.",
)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model(builtin_model("tiny-verse"), "float32")


def prompts(loaded: LoadedModel) -> list[StemmedPrompt]:
    found = []
    for number, task in enumerate(("Define river.", "What does os.path.join do, and why?")):
        for a, b in permutations(range(3), 2):
            text = f"Which is better?\n\n{task}\n\nA: {ANSWERS[a]}\n\nB: {ANSWERS[b]}\n\nA or B?"
            ids = tuple(loaded.chat.prompt_ids(question(text, None)))
            found.append(StemmedPrompt(f"{number}{a}{b}", ids, (str(number), f"{number}{a}")))
    return found


def scores(scorer: LabelScorer, asked: list[StemmedPrompt]) -> dict[str, tuple[float, ...]]:
    return {one.key: one.log_p for group in scorer.score(asked) for one in group}


def test_scores_are_the_models_own_probabilities(loaded: LoadedModel) -> None:
    labels = label_tokens(loaded.tokenizer, ("A", "B"))
    asked = prompts(loaded)[:2]
    found = scores(LabelScorer(loaded, loaded.model, labels), asked)
    for prompt in asked:
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([prompt.ids])).logits[0, -1]
        expected = torch.log_softmax(logits, -1)
        for log_p, ids in zip(found[prompt.key], labels, strict=True):
            assert log_p == pytest.approx(float(expected[list(ids)].logsumexp(0)), abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 32])
@pytest.mark.parametrize("share", [True, False])
def test_neither_batch_nor_padding_nor_sharing_counts(
    loaded: LoadedModel, batch_size: int, share: bool
) -> None:
    labels = label_tokens(loaded.tokenizer, ("A", "B"))
    asked = prompts(loaded)
    alone = {}
    for prompt in asked:
        lonely = LabelScorer(loaded, loaded.model, labels, batch_size=1, share_prefixes=False)
        alone.update(scores(lonely, [prompt]))
    scorer = LabelScorer(loaded, loaded.model, labels, batch_size=batch_size, share_prefixes=share)
    found = scores(scorer, asked[::-1])
    assert found.keys() == alone.keys()
    for key, expected in alone.items():
        assert found[key] == pytest.approx(expected, abs=1e-4)
    assert len({round(one[0], 3) for one in alone.values()}) > 6


def test_beginnings_are_shared_where_a_cache_can_be(loaded: LoadedModel) -> None:
    assert has_plain_cache(loaded.model)
    read = 0

    def count(_: Any, __: Any, given: dict[str, Any]) -> None:
        nonlocal read
        read += int(given["attention_mask"][:, -given["input_ids"].shape[1] :].sum())

    asked = prompts(loaded)
    hook = loaded.model.register_forward_pre_hook(count, with_kwargs=True)
    labels = label_tokens(loaded.tokenizer, ("A", "B"))
    scores(LabelScorer(loaded, loaded.model, labels), asked)
    hook.remove()
    total = sum(len(prompt.ids) for prompt in asked)
    assert read < 0.75 * total


def test_a_lack_of_memory_halves_the_batch_and_loses_nothing(loaded: LoadedModel) -> None:
    labels = label_tokens(loaded.tokenizer, ("A", "B"))
    asked = prompts(loaded)
    expected = scores(LabelScorer(loaded, loaded.model, labels), asked)
    rows_seen = []

    def refuse(_: Any, __: Any, given: dict[str, Any]) -> None:
        rows_seen.append(given["input_ids"].shape[0])
        if rows_seen[-1] > 2:
            raise torch.cuda.OutOfMemoryError("no room")

    hook = loaded.model.register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        found = scores(LabelScorer(loaded, loaded.model, labels, share_prefixes=False), asked)
    finally:
        hook.remove()
    assert max(rows_seen) > 2
    for key, one in expected.items():
        assert found[key] == pytest.approx(one, abs=1e-4)


def test_labels_need_tokens_of_their_own(loaded: LoadedModel) -> None:
    with pytest.raises(JobError, match="no single token for the label"):
        label_tokens(loaded.tokenizer, ("Rhododendron", "B"))
    with pytest.raises(JobError, match="share a token"):
        label_tokens(loaded.tokenizer, ("A", "A"))


def test_a_reply_may_begin_before_its_label(loaded: LoadedModel) -> None:
    opening, labels = reply_tokens(loaded.tokenizer, "The better answer is answer", ("A", "B"))
    spelled = loaded.tokenizer("The better answer is answer B", add_special_tokens=False)
    assert (*opening, *labels[1]) == tuple(spelled["input_ids"])
    grades = reply_tokens(loaded.tokenizer, "The rating is", tuple("12345"))
    assert len({*grades.labels}) == 5  # this tokenizer joins the blank to 1 and to no other digit
    assert reply_tokens(loaded.tokenizer, "", ("A", "B")) == (
        (),
        label_tokens(loaded.tokenizer, ("A", "B")),
    )
    with pytest.raises(JobError, match="no single token for each of"):
        reply_tokens(loaded.tokenizer, "It is", ("Rhododendron", "B"))


def test_trees_share_tokens_and_never_the_last_one() -> None:
    a = StemmedPrompt("a", (1, 2, 3, 4, 5), ("p", "x"))
    b = StemmedPrompt("b", (1, 2, 3, 4, 6), ("p", "x"))
    c = StemmedPrompt("c", (1, 2, 9, 4), ("p", "y"))
    d = StemmedPrompt("d", (1, 7), ("q", "y"))
    tree = grow([a, b, c, d])
    for prompt, leaf in zip((a, b, c, d), tree.leaf_of, strict=True):
        ids: tuple[int, ...] = ()
        places = [leaf]
        for level in reversed(tree.levels):
            places.insert(0, level[places[0]].parent)
        for level, place in zip(tree.levels, places[1:], strict=True):
            assert level[place].start == len(ids)
            ids += level[place].added
        assert ids == prompt.ids[: tree.ends[leaf]]
        assert tree.ends[leaf] < len(prompt.ids)
    assert tree.levels[0][0].added == (1,)
    assert tree.ends[tree.leaf_of[0]] == 4
    assert shared_length([(1, 2, 3)]) == 2
    assert shared_length([(5, 2), (6, 2)]) == 0
    with pytest.raises(ValueError, match="at least one token"):
        grow([])
    with pytest.raises(ValueError, match="same number of stems"):
        grow([a, StemmedPrompt("e", (1, 2), ("p",))])
