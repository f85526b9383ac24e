"""A judge's word as the probabilities of the labels, from raw logits before any sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from synthlab.engines.chat import question as chat_turns
from synthlab.engines.label_scoring import LabelScorer, reply_tokens
from synthlab.engines.prefix_tree import StemmedPrompt
from synthlab.jobs.judging import TOO_LONG, Ask, Judgement, Replies

PROMPTS_AT_ONCE = 120
"""A stopped or killed job loses at most these; the more, the less is read twice."""


def label_replies(loaded: Any, asks: Sequence[Ask]) -> Replies:
    """Judgements, group by group; the words that a question's prompts begin with are read once.

    loaded: a LoadedModel.
    """
    questions = {ask.question_key: ask.question for ask in asks}
    replies = {
        key: reply_tokens(loaded.tokenizer, one.opening, [label.label for label in one.labels])
        for key, one in questions.items()
    }
    every = sorted({tokens for one in replies.values() for tokens in one.labels})
    place = {tokens: number for number, tokens in enumerate(every)}
    by_key = {ask.key: ask for ask in asks}
    prompts, refused = [], []
    for ask in asks:
        turns = chat_turns(ask.text, ask.rubric.system)
        ids = (*loaded.chat.prompt_ids(turns), *replies[ask.question_key].opening)
        if len(ids) > loaded.context_length:
            refused.append((ask.key, Judgement((), TOO_LONG)))
        else:
            prompts.append(StemmedPrompt(ask.key, ids, (ask.question_key,)))
    if refused:
        yield refused
    scorer = LabelScorer(loaded, loaded.model, every)
    for start in range(0, len(prompts), PROMPTS_AT_ONCE):
        for scored in scorer.score(prompts[start : start + PROMPTS_AT_ONCE]):
            found = []
            for score in scored:
                labels = replies[by_key[score.key].question_key].labels
                masses = tuple(math.exp(score.log_p[place[tokens]]) for tokens in labels)
                found.append((score.key, Judgement(masses)))
            yield found
