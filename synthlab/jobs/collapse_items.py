"""The texts that the collapse axis looks at, each with the reason if it cannot be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthlab.engines.chat import ChatFormat, question
from synthlab.engines.likelihood import Span
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.prompt_hash import hash_prompts


@dataclass(frozen=True)
class Item:
    """One text and the question it answers."""

    prompt_id: str
    sample: int
    response_id: str
    text: str
    question: str
    system: str | None
    reason: str
    """Why it is left out of every metric; empty if it is not."""

    @property
    def key(self) -> str:
        """Unique among the answers, and among the human answers, of a prompt set."""
        return f"{self.prompt_id}|{self.sample}"

    @property
    def size_bytes(self) -> int:
        """UTF-8 bytes of the text; data may hold lone surrogates."""
        return len(self.text.encode("utf-8", errors="surrogatepass"))


@dataclass(frozen=True)
class Texts:
    """What a collapse step reads."""

    answers: tuple[Item, ...]
    """Of the condition, in canonical order."""
    human: tuple[Item, ...]
    prompts: int
    """Rows of the prompt set."""
    prompt_set_hash: str

    @property
    def usable(self) -> tuple[Item, ...]:
        """Answers that the metrics read."""
        return tuple(item for item in self.answers if not item.reason)


def read_texts(context: JobContext) -> Texts:
    """Read prompts, answers and human answers, and say how many are left out and why.

    Raises JobError if there is no answer, or one to a question that is not in the set.
    """
    name = str(context.params["prompts"])
    folder = context.input("human")
    prompts = {row["id"]: row for row in context.read_records(folder / f"{name}.prompts.jsonl")}
    answers = context.read_records(context.input("answers") / "responses.jsonl")
    if not answers:
        raise JobError("no_answers", "there are no answers to measure")
    human = context.read_records(folder / f"{name}.responses.jsonl")
    texts = Texts(
        tuple(_item(context, record, prompts) for record in answers),
        tuple(_item(context, record, prompts) for record in human),
        len(prompts),
        hash_prompts(prompts.values()),
    )
    _tell_exclusions(context, "answers", texts.answers)
    _tell_exclusions(context, "human answers", texts.human)
    return texts


def _item(
    context: JobContext, record: Mapping[str, Any], prompts: Mapping[str, Mapping[str, Any]]
) -> Item:
    prompt = prompts.get(record["prompt_id"])
    if prompt is None:
        raise JobError(
            "unknown_prompt",
            f"answer {record['id']} belongs to prompt {record['prompt_id']}, which is not in the set",
        )
    finish = str(record["finish_reason"])
    reason = ""
    if finish.startswith("error:"):
        reason = finish
    elif not record["text"].strip():
        reason = "empty"
    return Item(
        record["prompt_id"],
        int(record["sample"]),
        record["id"],
        record["text"],
        prompt["text"],
        prompt.get("system") or context.params.get("system"),
        reason,
    )


def _tell_exclusions(context: JobContext, what: str, items: Sequence[Item]) -> None:
    counts: dict[str, int] = {}
    for item in items:
        if item.reason:
            counts[item.reason] = counts.get(item.reason, 0) + 1
    for reason, count in sorted(counts.items()):
        context.note(f"{count} of {len(items)} {what} left out: {reason}")


def span_of(item: Item, chat: ChatFormat) -> Span:
    """The item as the model would have read and written it."""
    asked = chat.prompt_ids(question(item.question, item.system))
    return Span(item.key, tuple(asked), tuple(chat.answer_ids(item.text)))
