"""Well-known shapes of data sets: instructions, questions and chats, whose columns need not be named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["system", "user", "assistant", "other"]

CHATS = ("messages", "conversations", "conversation")
ANSWERS = ("response", "output", "answer", "completion")
ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
TURN_KEYS = (("role", "content"), ("from", "value"))


class Turn(NamedTuple):
    """One message of a chat."""

    role: Role
    text: str


def recognise(columns: Sequence[str]) -> Mapping[str, str]:
    """What a file would map, told by the names of the columns alone; empty where they say nothing.

    Only for sets without a column `prompt`: chats (`messages`), instructions (`instruction` with
    `input` or `context`) and questions (`question`), with their answers.
    """
    answer = next((name for name in ANSWERS if name in columns), None)
    chat = next((name for name in CHATS if name in columns), None)
    if "prompt" in columns:
        return {}
    if chat is not None:
        return {"prompt": chat, "response": chat, "system": chat}
    if "instruction" in columns:
        more = next((name for name in ("input", "context") if name in columns), None)
        prompt = f"{{instruction}}\n\n{{{more}}}" if more else "instruction"
    elif "question" in columns:
        prompt = "question"
    else:
        return {}
    return {"prompt": prompt, **({"response": answer} if answer else {})}


def chat_turns(value: Any) -> tuple[Turn, ...] | None:
    """The messages of a chat; None if the value is none.

    Both spellings are read: `role` with `content`, and `from` with `value`. Content may be a list of
    parts, of which those with text count.
    """
    if not isinstance(value, list) or not value:
        return None
    turns = []
    for one in value:
        keys = next((k for k in TURN_KEYS if isinstance(one, dict) and {*k} <= one.keys()), None)
        if keys is None:
            return None
        content = one[keys[1]]
        if isinstance(content, list):
            content = "".join(
                str(part.get("text") or "") for part in content if isinstance(part, dict)
            )
        if not isinstance(content, str | None):
            return None
        turns.append(Turn(ROLES.get(str(one[keys[0]]).lower(), "other"), content or ""))
    return tuple(turns)


def field_of_chat(turns: Sequence[Turn], field: str) -> str | None:
    """What a chat says for `prompt`, `response` or `system`; None for anything else, or if it is silent.

    The prompt is the first turn of the user, the response the assistant's turn right after it, the
    system prompt all that the system says before.
    """
    first = next((i for i, turn in enumerate(turns) if turn.role == "user"), None)
    if first is None:
        return None
    if field == "prompt":
        return turns[first].text or None
    if field == "response":
        after = turns[first + 1 : first + 2]
        return after[0].text or None if after and after[0].role == "assistant" else None
    if field == "system":
        said = [turn.text for turn in turns[:first] if turn.role == "system" and turn.text]
        return "\n".join(said) or None
    return None


def has_further_turns(value: Any) -> bool:
    """Whether a chat goes on after its first exchange."""
    turns = chat_turns(value)
    return turns is not None and sum(turn.role == "user" for turn in turns) > 1
