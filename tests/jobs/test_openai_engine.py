"""The engine against a real HTTP server: whatever goes wrong on the way, the answers are the same."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate

import pytest

from synthlab.engines.openai_answers import ServerFault, read_reply
from synthlab.engines.openai_engine import OpenAIEngine, Server, is_loopback
from synthlab.engines.openai_pace import Clock, Patience, pause_s, retry_after_s
from synthlab.engines.protocol import Generation, Prompt, Sampling, Turn
from synthlab.errors import JobError, JobInterrupted
from tests.jobs.served import KEY, MODEL, SLOW_S, Behaviour, Fault, serving

SAMPLING = Sampling(0.7, 0.9, 32)
QUICK = Clock(first_pause_s=0.01)
COUNT = 12
FAULTS = (
    "status:429:0", "status:429:date", "status:500", "status:503", "status:502", "slow", "half-json",
    "half-reply", "drop", "error-200", "body:200:[]", 'body:200:{"choices": []}', "body:503:<html>",
    'body:200:{"choices": [{"message": {"content": "half", "role": "assistant"}}]}',
)  # fmt: skip


def prompts(count: int = COUNT) -> list[Prompt]:
    return [Prompt(f"k{i}", (Turn("user", f"Question {i}?"),), 1000 + i) for i in range(count)]


def ask(
    behaviour: Behaviour, *, asked: list[Prompt] | None = None, **changes: object
) -> tuple[list[Generation], OpenAIEngine]:
    """All answers in the order of their keys."""
    with serving(behaviour) as url:
        server = replace(Server(url, MODEL, timeout_s=20.0, patience_s=30.0), **changes)  # type: ignore[arg-type]
        engine = OpenAIEngine(server, clock=QUICK)
        steps = list(engine.generate(asked or prompts(), SAMPLING))
    found = [one for step in steps for one in step.finished]
    assert sum(step.tokens for step in steps) == sum(one.completion_tokens for one in found)
    return sorted(found, key=lambda one: int(one.key[1:])), engine


@pytest.fixture(scope="module")
def fault_free() -> list[Generation]:
    found, _ = ask(Behaviour())
    assert len({one.text for one in found}) == COUNT
    assert all(one.finish_reason == "stop" and one.text and one.counted for one in found)
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_the_way_changes_no_answer(fault: Fault, fault_free: list[Generation]) -> None:
    hit = {"Question 1?", "Question 5?", "Question 11?"}
    behaviour = Behaviour(
        lambda question, attempt: fault if question in hit and not attempt else None
    )
    if fault == "slow":
        found, _ = ask(behaviour, timeout_s=SLOW_S / 2)
    else:
        found, _ = ask(behaviour)
        assert sum(behaviour.asked.values()) == COUNT + len(hit)
    assert found == fault_free
    assert all(behaviour.asked[question] >= 2 for question in hit)


def test_faults_of_every_kind_one_after_the_other_change_no_answer(
    fault_free: list[Generation],
) -> None:
    kinds = [fault for fault in FAULTS if fault != "slow"]

    def fault(question: str, attempt: int) -> Fault | None:
        number = int(question.removeprefix("Question ").rstrip("?"))
        return kinds[(number * 5 + attempt * 3) % len(kinds)] if attempt < 3 else None

    found, _ = ask(Behaviour(fault))
    assert found == fault_free


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("filter", "error:content_filter"),
        ("refusal", "error:refusal"),
        ("status:400", "error:http_400"),
        ('body:400:{"error": {"code": "content_filter", "message": "policy"}}', "error:content_filter"),
        ('body:403:{"error": {"message": "flagged by moderation"}}', "error:content_filter"),
        ('body:400:{"error": {"code": "context_length_exceeded"}}', "error:prompt_too_long"),
    ],
)  # fmt: skip
def test_a_refused_question_is_recorded_and_never_an_answer(
    fault: Fault, reason: str, fault_free: list[Generation]
) -> None:
    behaviour = Behaviour(lambda question, _: fault if question == "Question 3?" else None)
    found, _ = ask(behaviour)
    assert (found[3].finish_reason, found[3].text) == (reason, "")
    assert [one for one in found if one.key != "k3"] == [
        one for one in fault_free if one.key != "k3"
    ]
    assert behaviour.asked["Question 3?"] == 1


@pytest.mark.parametrize(
    ("fault", "tries", "reason"),
    [
        ("status:500", 5, "error:http_500"),
        ("half-json", 5, "error:bad_json"),
        ("drop", 5, "error:dropped"),
        ("slow", 2, "error:timeout"),
    ],
)
def test_a_question_that_always_fails_does_not_hold_up_the_others(
    fault: Fault, tries: int, reason: str
) -> None:
    behaviour = Behaviour(lambda question, _: fault if question == "Question 3?" else None)
    found, _ = ask(behaviour, timeout_s=SLOW_S / 2 if fault == "slow" else 20.0)
    assert [one.key for one in found if one.finish_reason != "stop"] == ["k3"]
    assert (found[3].finish_reason, found[3].text) == (reason, "")
    assert behaviour.asked["Question 3?"] == tries


def test_no_more_questions_are_under_way_than_allowed() -> None:
    behaviour = Behaviour(pause_s=0.02)
    ask(behaviour, concurrency=3)
    assert behaviour.most_under_way == 3


def test_the_request_says_what_the_plan_says(fault_free: list[Generation]) -> None:
    behaviour = Behaviour()
    ask(behaviour, concurrency=1)
    first = behaviour.requests[0]
    assert first == {
        "model": MODEL, "messages": [{"role": "user", "content": "Question 0?"}], "temperature": 0.7,
        "top_p": 0.9, "max_tokens": 32, "seed": 1000, "stream": False, "path": "/v1/chat/completions",
    }  # fmt: skip


def test_log_probabilities_come_with_the_answer() -> None:
    found, _ = ask(Behaviour(), logprobs=True)
    for one in found:
        assert one.logprobs is not None
        assert " ".join(token.token for token in one.logprobs) == one.text
        assert all(token.logprob < 0 for token in one.logprobs)


@pytest.mark.parametrize("name", ["seed", "logprobs", "max_tokens"])
def test_a_field_that_the_server_does_not_take_is_left_out(name: str) -> None:
    behaviour = Behaviour(lambda _question, _attempt: f"unknown:{name}")
    found, engine = ask(behaviour, logprobs=True, concurrency=1)
    assert all(one.finish_reason == "stop" for one in found)
    assert engine.fingerprint.detail["left_out"] == name
    assert len(behaviour.requests) == COUNT + 1
    last = behaviour.requests[-1]
    assert name not in last
    assert last["temperature"] == 0.7
    assert last.get("max_completion_tokens") == (32 if name == "max_tokens" else None)


def test_temperature_is_never_left_out() -> None:
    found, _ = ask(Behaviour(lambda _question, _attempt: "unknown:temperature"))
    assert {one.finish_reason for one in found} == {"error:http_400"}


def test_a_refused_key_ends_the_run_and_is_not_shown() -> None:
    behaviour = Behaviour(key="sk-the-right-one")
    with pytest.raises(JobError, match=r"refuses the key .*wrong key: Bearer \[key\]") as caught:
        ask(behaviour, api_key=KEY)
    assert KEY not in str(caught.value)
    assert not isinstance(caught.value, JobInterrupted)
    assert KEY not in repr(Server("http://x/v1", "m", KEY))
    found, _ = ask(Behaviour(key=KEY), api_key=KEY)
    assert len(found) == COUNT


def test_an_unknown_model_ends_the_run() -> None:
    with pytest.raises(JobError, match="no such model"):
        ask(Behaviour(), model="another")


def test_a_used_up_account_interrupts() -> None:
    body = 'body:429:{"error": {"code": "insufficient_quota", "message": "pay"}}'
    with pytest.raises(JobInterrupted) as caught:
        ask(Behaviour(lambda _question, _attempt: body))
    assert caught.value.code == "quota_used_up"


def test_a_server_that_is_not_there_interrupts_when_patience_ends() -> None:
    with serving(Behaviour()) as url:
        pass
    engine = OpenAIEngine(Server(url, MODEL, patience_s=0.3), clock=QUICK)
    begun = time.monotonic()
    with pytest.raises(JobInterrupted, match=r"gave no answer for .*ConnectError") as caught:
        list(engine.generate(prompts(), SAMPLING))
    assert caught.value.code == "server_gone"
    assert time.monotonic() - begun >= 0.3


def test_a_server_that_fails_everybody_interrupts_and_keeps_what_was_answered() -> None:
    behaviour = Behaviour()
    behaviour.fault = lambda *_: "status:500" if sum(behaviour.asked.values()) > 5 else None
    with serving(behaviour) as url:
        server = Server(url, MODEL, concurrency=1, patience_s=30.0)
        engine = OpenAIEngine(server, clock=QUICK)
        kept: list[Generation] = []
        with pytest.raises(JobInterrupted, match="8 questions in a row, last with http_500"):
            for step in engine.generate(prompts(40), SAMPLING):
                kept += step.finished
    assert [one.finish_reason for one in kept[:5]] == ["stop"] * 5
    assert {one.finish_reason for one in kept[5:]} == {"error:http_500"}


def test_a_wait_beyond_all_patience_interrupts() -> None:
    with pytest.raises(JobInterrupted, match="asks to wait 3600 s") as caught:
        ask(Behaviour(lambda _question, _attempt: "status:429:3600"))
    assert caught.value.code == "rate_limited"


def test_a_caller_that_stops_leaves_no_question_under_way() -> None:
    behaviour = Behaviour(pause_s=0.05)
    with serving(behaviour) as url:
        engine = OpenAIEngine(Server(url, MODEL, concurrency=2), clock=QUICK)
        steps = engine.generate(prompts(200), SAMPLING)
        next(step for step in steps if step.finished)
        steps.close()  # type: ignore[attr-defined]
        time.sleep(0.3)
        seen = len(behaviour.requests)
        time.sleep(0.3)
        assert len(behaviour.requests) == seen < 200


class _StoppedClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> Clock:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now += seconds

        quiet: Callable[[float], Awaitable[None]] = sleep
        return Clock(lambda: self.now, lambda: self.now, quiet, lambda low, high: high)


def test_retry_after_is_obeyed_by_every_question() -> None:
    time_ = _StoppedClock()
    behaviour = Behaviour(lambda _question, attempt: None if attempt else "status:429:7")
    with serving(behaviour) as url:
        server = Server(url, MODEL, concurrency=1, patience_s=100.0)
        list(OpenAIEngine(server, clock=time_.clock()).generate(prompts(1), SAMPLING))
    assert sum(time_.slept) == pytest.approx(7.0)


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    assert retry_after_s("12", 0.0) == 12.0
    assert retry_after_s(" 1.5 ", 0.0) == 1.5
    now = 1_700_000_000.0
    assert retry_after_s(formatdate(now + 90, usegmt=True), now) == 90.0
    assert retry_after_s(formatdate(now - 90, usegmt=True), now) == 0.0
    for text in (None, "", "soon", "-3", "1e9", "٣"):
        assert retry_after_s(text, now) is None


def test_pauses_grow_up_to_a_limit_and_vary() -> None:
    longest = Clock(uniform=lambda low, high: high)
    shortest = Clock(uniform=lambda low, high: low)
    assert [pause_s(n, longest) for n in (1, 2, 3, 4, 7, 99)] == [0.5, 1, 2, 4, 30, 30]
    assert pause_s(3, shortest) == 1.0


def test_an_answer_starts_patience_anew() -> None:
    time_ = _StoppedClock()
    patience = Patience(time_.clock(), 10.0, 2, "there")
    time_.now += 9
    patience.unavailable("server_gone", "x")
    patience.given_up("timeout", "x")
    patience.answered()
    time_.now += 9
    patience.given_up("timeout", "x")
    patience.unavailable("server_gone", "x")
    time_.now += 1
    with pytest.raises(JobInterrupted, match="gave no answer for 10 s"):
        patience.unavailable("server_gone", "x")
    with pytest.raises(JobInterrupted, match="2 questions in a row"):
        patience.given_up("timeout", "x")


def test_a_reply_of_any_shape_is_an_answer_or_a_fault() -> None:
    def reply(message: object, finish: object = "stop", **more: object) -> bytes:
        return json.dumps(
            {"choices": [{"message": message, "finish_reason": finish}], **more}
        ).encode()

    parts = [{"type": "text", "text": "One "}, {"type": "image"}, {"type": "text", "text": "two."}]
    assert read_reply(reply({"content": parts})).text == "One two."
    assert read_reply(reply({"content": None})).text == ""
    assert read_reply(reply({"content": "a\ud800b"})).text == "a\ufffdb"
    assert read_reply(reply({"content": "cut"}, "length")).finish_reason == "length"
    assert (
        read_reply(reply({"content": "x"}, "tool_calls")).finish_reason == "error:finish_tool_calls"
    )
    assert read_reply(reply({"content": "x"}, "../../Ü")).text == ""
    no_usage = read_reply(reply({"content": "x"}, usage=None))
    assert (no_usage.prompt_tokens, no_usage.completion_tokens) == (None, None)
    for bad in (b"", b"null", b"[" * 100_000, b'{"choices": 3}', reply("text"), reply({"content": 3}),
                b"\xff\xfe", reply({"content": "x"}, None)):  # fmt: skip
        with pytest.raises(ServerFault):
            read_reply(bad)


def test_loopback_is_known_by_name_and_number() -> None:
    assert all(
        map(is_loopback, ("http://127.0.0.9:1/v1", "http://localhost/", "http://[::1]:8/v1"))
    )
    assert not any(map(is_loopback, ("https://api.example.org/v1", "http://10.0.0.1/v1")))
