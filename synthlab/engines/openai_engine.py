"""Text generation by a server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, hosted.

A failed try never becomes an answer: what cannot be had is recorded as `error:<code>`, and a server
that is gone interrupts the run with everything kept that was answered.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from synthlab.engines.openai_answers import (
    Reply,
    ServerFault,
    UnknownField,
    read_refused,
    read_reply,
    refusal,
)
from synthlab.engines.openai_pace import Clock, Patience, pause_s, retry_after_s
from synthlab.engines.protocol import DecodingStep, Fingerprint, Generation, Prompt, Sampling
from synthlab.errors import JobError, JobInterrupted

POLL_S = 0.2
"""How often the caller gets a turn, so that a stop is seen while a slow answer is waited for."""
TRIES = 5
TRIES_AFTER_TIMEOUT = 2
"""A timeout has taken its time already."""
LEAST_IN_A_ROW = 8
LONGEST_REPLY_BYTES = 16 << 20
LONGEST_CONNECT_S = 10.0
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
"""The old and the new name of the same limit; a few hosted models take only the new one."""


@dataclass(frozen=True)
class Server:
    """Where and how a served model is asked; nothing of it decides what is answered but `model`."""

    base_url: str
    """Up to and without `/chat/completions`; mostly ends in `/v1`."""
    model: str
    """The name under which the server knows the model or adapter."""
    api_key: str = field(default="", repr=False)
    concurrency: int = 8
    """Questions under way at once."""
    timeout_s: float = 600.0
    """Longest wait for one answer."""
    patience_s: float = 300.0
    """How long a server may give no answer to anybody before the run is interrupted."""
    logprobs: bool = False
    """Ask for the log-probabilities of the answer's tokens."""
    more_fields: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request."""


class OpenAIEngine:
    """A `Generator` on a server."""

    def __init__(
        self,
        server: Server,
        *,
        name: str = "openai",
        clock: Clock | None = None,
        problem: Callable[[], JobInterrupted | None] = lambda: None,
    ) -> None:
        """problem: why the server cannot come back, where the lab itself started it and can tell."""
        self._server = server
        self._name = name
        self._clock = clock or Clock()
        self._problem = problem
        self._left_out: set[str] = set()
        self._limit_field = LIMIT_FIELDS[0]
        self._models: set[str] = set()
        self._fingerprints: set[str] = set()
        place = urlsplit(server.base_url)
        self._place = f"{place.scheme}://{place.hostname}:{place.port or ''}".rstrip(":")

    @property
    def fingerprint(self) -> Fingerprint:
        """What the server said of itself; its hardware, number format and template are not known."""
        detail = {
            "served_models": ", ".join(sorted(self._models)),
            "system_fingerprints": ", ".join(sorted(self._fingerprints)),
            "left_out": ", ".join(sorted(self._left_out)),
        }
        return Fingerprint(self._name, "server", "unknown", self._server.concurrency, "", detail)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[DecodingStep]:
        """Answer every prompt once, in the order in which answers come; see `Generator.generate`.

        Raises JobInterrupted if the server is gone for longer than its patience, JobError if it
        refuses the key or does not know the model.
        """
        with asyncio.Runner() as runner:
            round_ = _Round(self, prompts, sampling)
            runner.run(round_.start())
            try:
                answered = 0
                while answered < len(prompts):
                    finished = runner.run(round_.collect())
                    answered += len(finished)
                    tokens = sum(one.completion_tokens for one in finished)
                    yield DecodingStep(tuple(finished), tokens)
            finally:
                runner.run(round_.close())

    def client(self) -> httpx.AsyncClient:
        """Connections to the server; a proxy variable must not capture what stays on this machine."""
        key = self._server.api_key
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            headers={"Content-Type": "application/json", **bearer},
            timeout=httpx.Timeout(
                self._server.timeout_s, connect=min(LONGEST_CONNECT_S, self._server.timeout_s)
            ),
            limits=httpx.Limits(max_connections=self._server.concurrency),
            trust_env=not is_loopback(self._server.base_url),
            follow_redirects=False,
        )

    def patience(self) -> Patience:
        """A fresh watch over the server."""
        limit = max(LEAST_IN_A_ROW, self._server.concurrency)
        return Patience(self._clock, self._server.patience_s, limit, self._place)

    async def answer(
        self, client: httpx.AsyncClient, patience: Patience, prompt: Prompt, sampling: Sampling
    ) -> Generation:
        """Ask until the question is settled: answered, refused, or failed too often."""
        failures = faults = 0
        while True:
            await patience.turn()
            try:
                reply = await self._try(client, prompt, sampling)
            except UnknownField as unknown:
                self._adapt(str(unknown))
                continue
            except ServerFault as fault:
                if (problem := self._problem()) is not None:
                    raise problem from fault
                failures += 1
                message = self._without_key(fault.message)
                if fault.retry_after_s is not None:
                    patience.hold(fault.retry_after_s, message)
                if fault.is_away:
                    patience.unavailable(fault.code, message)
                else:
                    faults += 1
                    if faults >= (TRIES_AFTER_TIMEOUT if fault.code == "timeout" else TRIES):
                        patience.given_up(fault.code, message)
                        return self._generation(prompt, refusal(fault.code))
                await self._clock.sleep(pause_s(failures, self._clock))
                continue
            except JobError as error:
                raise type(error)(
                    error.code, self._without_key(error.message), error.hint
                ) from None
            patience.answered()
            return self._generation(prompt, reply)

    def _request(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        fields = {
            "model": self._server.model,
            "messages": [turn._asdict() for turn in prompt.turns],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._limit_field: sampling.max_new_tokens,
            "seed": prompt.seed & 0x7FFFFFFF,  # some servers read it as a signed 32-bit number
            "stream": False,
            **({"logprobs": True} if self._server.logprobs else {}),
            **self._server.more_fields,
        }
        return {name: value for name, value in fields.items() if name not in self._left_out}

    def _adapt(self, name: str) -> None:
        if name == self._limit_field:
            self._limit_field = LIMIT_FIELDS[1]
        self._left_out.add(name)

    def _droppable(self) -> frozenset[str]:
        """Fields without which the answers are still drawn from the same distribution."""
        limit = {LIMIT_FIELDS[0]} if self._limit_field == LIMIT_FIELDS[0] else set()
        return frozenset({"seed", "logprobs", *limit} - self._left_out)

    async def _try(self, client: httpx.AsyncClient, prompt: Prompt, sampling: Sampling) -> Reply:
        """One request; raises ServerFault for everything that another try may mend."""
        url = f"{self._server.base_url.rstrip('/')}/chat/completions"
        request = self._request(prompt, sampling)
        # Escaped, so that half a surrogate pair in a prompt cannot break the encoding.
        content = json.dumps(request).encode()
        droppable = self._droppable() & request.keys()
        try:
            async with asyncio.timeout(self._server.timeout_s):
                async with client.stream("POST", url, content=content) as response:
                    body = await _read(response)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as error:
            message = f"no answer within {self._server.timeout_s:g} s"
            raise ServerFault("timeout", message, is_away=False) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise ServerFault("server_gone", _described(error), is_away=True) from error
        except httpx.TransportError as error:
            raise ServerFault("dropped", _described(error), is_away=False) from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise ServerFault("bad_reply", _described(error), is_away=False) from error
        if response.status_code == httpx.codes.OK:
            return read_reply(body)
        wait = retry_after_s(response.headers.get("retry-after"), self._clock.wall())
        return read_refused(response.status_code, body, wait, droppable)

    def _generation(self, prompt: Prompt, reply: Reply) -> Generation:
        self._models |= {reply.model} - {""}
        self._fingerprints |= {reply.fingerprint} - {""}
        counted = reply.prompt_tokens is not None and reply.completion_tokens is not None
        return Generation(
            prompt.key,
            reply.text,
            reply.finish_reason,
            reply.prompt_tokens or 0,
            reply.completion_tokens or 0,
            counted,
            reply.logprobs,
        )

    def _without_key(self, text: str) -> str:
        key = self._server.api_key
        return text.replace(key, "[key]") if key else text


class _Round:
    """The questions of one call of `generate`, under way on one event loop."""

    def __init__(self, engine: OpenAIEngine, prompts: Sequence[Prompt], sampling: Sampling) -> None:
        self._engine = engine
        self._waiting = deque(prompts)
        self._sampling = sampling
        self._finished: list[Generation] = []
        self._news = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to ask."""
        self._client = self._engine.client()
        self._patience = self._engine.patience()
        count = min(len(self._waiting), self._engine.fingerprint.batch_size)
        self._workers = [asyncio.create_task(self._work()) for _ in range(count)]

    async def _work(self) -> None:
        try:
            while self._waiting:
                prompt = self._waiting.popleft()
                one = await self._engine.answer(
                    self._client, self._patience, prompt, self._sampling
                )
                self._finished.append(one)
                self._news.set()
        finally:
            self._news.set()

    async def collect(self) -> list[Generation]:
        """What was finished meanwhile, perhaps nothing; raises what ended a worker after that."""
        try:
            await asyncio.wait_for(self._news.wait(), POLL_S)
        except TimeoutError:
            return []
        self._news.clear()
        finished, self._finished = self._finished, []
        if not finished:
            for worker in self._workers:
                if worker.done():
                    worker.result()
            if all(worker.done() for worker in self._workers):
                raise JobError("missing_answers", "the engine lost an answer")
        elif any(worker.done() for worker in self._workers):
            self._news.set()
        return finished

    async def close(self) -> None:
        """Give up what is under way."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > LONGEST_REPLY_BYTES:
            message = f"the reply is longer than {LONGEST_REPLY_BYTES >> 20} MiB"
            raise ServerFault("bad_reply", message, is_away=False)
        parts.append(part)
    return b"".join(parts)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def is_loopback(url: str) -> bool:
    """Whether an address means this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
