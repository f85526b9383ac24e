"""What a server's reply to one chat question means: an answer, a refusal, or a failure of some kind."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthlab.engines.protocol import TokenLogprob
from synthlab.errors import JobError, JobInterrupted

STOPPED = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
CUT = frozenset({"length", "max_tokens"})
FILTER_CODES = ("content_filter", "content_policy", "moderation", "responsibleaipolicy")
TOO_LONG_CODES = ("context_length", "maximum context", "context size", "context window", "too long")
QUOTA_CODES = ("insufficient_quota", "quota_exceeded", "billing_hard_limit", "billing_not_active")
UNKNOWN_FIELD_WORDS = re.compile(
    r"unsupported|not (supported|permitted|allowed)|unknown|unrecogni[sz]ed|unexpected|extra input"
)
UNAVAILABLE = frozenset({408, 425, 429, 502, 503, 504, 529})
"""Statuses that say nothing about the question: somebody else, or nobody, would get them too."""
SHOWN_LETTERS = 300


@dataclass(frozen=True)
class Reply:
    """A question that is settled: answered, or refused for what it is."""

    text: str
    finish_reason: str
    """`stop`, `length` or `error:<code>`; the text is empty in the last case."""
    prompt_tokens: int | None
    completion_tokens: int | None
    logprobs: tuple[TokenLogprob, ...] | None
    model: str
    """What the server calls the model that answered."""
    fingerprint: str
    """What it says of its own configuration; empty where it says nothing."""


class ServerFault(Exception):
    """A try that gave nothing; another may.

    is_away: the server could not do anything for anybody, so that the question is not to blame.
    """

    def __init__(
        self, code: str, message: str, *, is_away: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.is_away = is_away
        self.retry_after_s = retry_after_s


class UnknownField(Exception):
    """The server does not take a field of the request; its name is the argument."""


def refusal(code: str) -> Reply:
    """A question that gets no answer, with the reason as its finish."""
    safe = re.sub(r"[^a-z0-9_]+", "_", code.lower()).strip("_")[:40] or "unknown"
    return Reply("", f"error:{safe}", None, None, None, "", "")


def read_reply(body: bytes) -> Reply:
    """The reply of a server that said 200.

    Raises ServerFault if it is no whole chat completion, or if it carries an error of the server.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServerFault("bad_json", f"the reply is no JSON: {error}", is_away=False) from error
    if not isinstance(value, dict):
        raise ServerFault("bad_reply", "the reply is no JSON object", is_away=False)
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    failed = value.get("error") or (choice.get("error") if isinstance(choice, dict) else None)
    if failed:
        return read_error(_status_of(failed), body, failed, None)
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise ServerFault("bad_reply", f"no message in {_shown(body)}", is_away=False)
    return _read_choice(value, choice)


def _read_choice(value: Mapping[str, Any], choice: Mapping[str, Any]) -> Reply:
    message = choice["message"]
    finish = str(choice.get("finish_reason") or "").lower()
    usage = value.get("usage") if isinstance(value.get("usage"), dict) else {}
    reason = _finish(finish, message)
    text = "" if reason.startswith("error:") else _text(message.get("content"))
    return Reply(
        text=text,
        finish_reason=reason,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        logprobs=_logprobs(choice.get("logprobs")) if text else None,
        model=_text(str(value.get("model") or "")),
        fingerprint=_text(str(value.get("system_fingerprint") or "")),
    )


def _finish(finish: str, message: Mapping[str, Any]) -> str:
    if finish == "content_filter":
        return "error:content_filter"
    if message.get("refusal"):
        return "error:refusal"
    if finish in STOPPED:
        return "stop"
    if finish in CUT:
        return "length"
    if not finish:
        raise ServerFault("bad_reply", "the reply has no finish_reason", is_away=False)
    return refusal(f"finish_{finish}").finish_reason


def _text(content: Any) -> str:
    """The text of a message: a string, or parts of which the text ones count."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if isinstance(content, str):
        # JSON can spell half a surrogate pair, which no file can hold.
        return content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    raise ServerFault("bad_reply", f"content is a {type(content).__name__}", is_away=False)


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and value >= 0 else None


def _logprobs(value: Any) -> tuple[TokenLogprob, ...] | None:
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        return None
    try:
        found = tuple(
            TokenLogprob(_text(str(one["token"])), float(one["logprob"])) for one in content
        )
    except (TypeError, KeyError, ValueError):
        return None
    return found if all(math.isfinite(one.logprob) for one in found) else None


def read_refused(
    status: int, body: bytes, retry_after: float | None, droppable: frozenset[str]
) -> Reply:
    """The reply of a server that said anything but 200.

    droppable: fields of the request that the question can do without.
    Raises ServerFault where another try may help, UnknownField where it may without that field,
    JobInterrupted where a person must pay first, JobError where none will help.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = {}
    error = value.get("error", value) if isinstance(value, dict) else {}
    words = _words(error, body)
    if status in (400, 422) and UNKNOWN_FIELD_WORDS.search(words):
        for name in sorted(droppable):
            if re.search(rf"\b{name}\b", words):
                raise UnknownField(name)
    return read_error(status, body, error, retry_after)


def read_error(status: int, body: bytes, error: Any, retry_after: float | None) -> Reply:
    """The meaning of an error that the server described; raises as `read_refused` does."""
    words = _words(error, body)
    shown = f"status {status}: {_message(error) or _shown(body)}"
    codes = f"{error.get('code')} {error.get('type')}" if isinstance(error, dict) else ""
    if status == 402 or any(code in codes.lower() for code in QUOTA_CODES):
        raise JobInterrupted(
            "quota_used_up",
            f"the account of the server is used up ({shown})",
            "pay or wait, then: synthlab retry RUN (what is answered stays)",
        )
    if status in UNAVAILABLE:
        code = "rate_limited" if status == 429 else f"http_{status}"
        raise ServerFault(code, shown, is_away=True, retry_after_s=retry_after)
    if status >= 500:
        raise ServerFault(f"http_{status}", shown, is_away=False, retry_after_s=retry_after)
    if any(code in words for code in FILTER_CODES):
        return refusal("content_filter")
    if status in (401, 403):
        raise JobError(
            "no_access",
            f"the server refuses the key ({shown})",
            "set the variable that api_key_env names, then: synthlab retry RUN",
        )
    if status in (404, 405) or 300 <= status < 400:
        raise JobError("no_served_model", f"the server has no such model or address ({shown})")
    if any(code in words for code in TOO_LONG_CODES):
        return refusal("prompt_too_long")
    return refusal(f"http_{status}")


def _status_of(error: Any) -> int:
    """The status that an error inside a reply with status 200 stands for; 500 where it says none."""
    for key in ("code", "status"):
        value = error.get(key) if isinstance(error, dict) else None
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return 500


def _words(error: Any, body: bytes) -> str:
    """Code, type and message of an error in small letters, to look for what it is about."""
    if isinstance(error, dict):
        inner = error.get("innererror")
        parts = [error.get(key) for key in ("code", "type", "param", "message", "detail")]
        parts += [inner.get("code")] if isinstance(inner, dict) else []
        return " ".join(str(part) for part in parts if part).lower()
    return body[:2000].decode("utf-8", "replace").lower()


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text)[:SHOWN_LETTERS] if isinstance(text, str) else ""


def _shown(body: bytes) -> str:
    return repr(body[:SHOWN_LETTERS].decode("utf-8", "replace"))
