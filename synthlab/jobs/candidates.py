"""Which responses may enter a mixture, and for what reason the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthlab.errors import JobError
from synthlab.jobs.responses import TRUNCATED, Response


@dataclass(frozen=True)
class MixPrompt:
    """A prompt as the import wrote it."""

    id: str
    text: str
    category: str | None
    system: str | None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MixPrompt:
        """A record of `<set>.prompts.jsonl`."""
        return cls(value["id"], value["text"], value["category"], value["system"])


@dataclass(frozen=True)
class ResponseFilters:
    """See `synthlab.experiment.spec.Filters`."""

    min_chars: int
    max_chars: int | None
    dedupe: bool
    drop_truncated: bool

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ResponseFilters:
        """As they stand in the parameters of a mix."""
        return cls(value["min_chars"], value["max_chars"], value["dedupe"], value["drop_truncated"])

    def objection(self, response: Response) -> str | None:
        """Why the response must stay out, seen alone; None if it may enter."""
        text = response.text.strip()
        if response.failed:
            return "failed"
        if not text:
            return "empty"
        if self.drop_truncated and response.finish_reason == TRUNCATED:
            return "truncated"
        if len(text) < self.min_chars:
            return f"shorter than {self.min_chars} characters"
        if self.max_chars is not None and len(text) > self.max_chars:
            return f"longer than {self.max_chars} characters"
        return None


@dataclass(frozen=True)
class Candidates:
    """What one source can give: its first usable response to each prompt."""

    by_prompt: Mapping[str, Response]
    seen: int
    """Responses that were looked at."""
    dropped: Mapping[str, int]
    generator: str
    """Who gave them all."""


def usable_responses(
    prompts: Sequence[MixPrompt], responses: Iterable[Response], filters: ResponseFilters
) -> Candidates:
    """Filter the responses of one source; of several samples for a prompt the first usable is taken.

    Two prompts of one wording with one answer count as duplicates; the earlier prompt keeps it.
    Raises JobError if there is no response, or if they come from more than one generator.
    """
    place = {prompt.id: i for i, prompt in enumerate(prompts)}
    known = list(responses)
    ordered = sorted(known, key=lambda r: (place.get(r.prompt_id, len(place)), r.sample, r.id))
    dropped: Counter[str] = Counter()
    said: set[tuple[str, str]] = set()
    by_prompt: dict[str, Response] = {}
    for response in ordered:
        reason = filters.objection(response)
        if response.prompt_id not in place:
            reason = "not in the prompt set"
        elif reason is None and response.prompt_id in by_prompt:
            reason = "further sample"
        if reason is None and filters.dedupe:
            pair = (prompts[place[response.prompt_id]].text, response.text.strip())
            reason = "duplicate" if pair in said else None
            said.add(pair)
        if reason is None:
            by_prompt[response.prompt_id] = response
        else:
            dropped[reason] += 1
    return Candidates(by_prompt, len(known), dict(dropped), _generator(known))


def _generator(responses: Sequence[Response]) -> str:
    generators = sorted({response.generator for response in responses})
    if not generators:
        raise JobError("no_responses", "a source of the mixture has no responses at all")
    if len(generators) > 1:
        raise JobError(
            "mixed_generators",
            f"the responses of one source come from {len(generators)} generators: "
            f"{', '.join(generators[:3])}",
            "make them again: synthlab rm the run, then run the experiment",
        )
    return generators[0]
