"""A server of chat completions over real HTTP that answers from the question alone and misbehaves on demand.

`python -m tests.jobs.served PORT [PAUSE_S]` runs it as a process of its own, for tests that kill it.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

WORDS = "river lamp stone cloud bread letter window garden shadow silver engine harbor".split()
MODEL = "micro"
KEY = "sk-canary-0123456789"
SLOW_S = 3.0

Fault: TypeAlias = str
"""What a reply is instead of an answer; see `Handler.misbehave`."""


def answer_to(request: dict[str, Any]) -> str:
    """The text for a request: a function of messages, seed and temperature, as sampling would be."""
    decided = {name: request.get(name) for name in ("messages", "seed", "temperature", "top_p")}
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).digest()
    length = 4 + digest[0] % 12
    return " ".join(WORDS[byte % len(WORDS)] for byte in digest[1 : 1 + length]).capitalize() + "."


@dataclass
class Behaviour:
    """How the server answers, and what it saw."""

    fault: Callable[[str, int], Fault | None] = lambda _question, _attempt: None
    """By question and by how often it was asked before."""
    pause_s: float = 0.0
    key: str = ""
    models: tuple[str, ...] = (MODEL,)
    requests: list[dict[str, Any]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        """The list of models, and health."""
        self.send_json(200, {"data": [{"id": name} for name in self.behaviour.models]})

    def do_POST(self) -> None:
        """A chat completion."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.behaviour
        question = request["messages"][-1]["content"]
        with state.lock:
            attempt = state.asked[question]
            state.asked[question] += 1
            state.requests.append({**request, "path": self.path})
            state.under_way += 1
            state.most_under_way = max(state.most_under_way, state.under_way)
        try:
            time.sleep(state.pause_s)
            if state.key and self.headers.get("Authorization") != f"Bearer {state.key}":
                given = self.headers.get("Authorization")
                self.send_json(401, {"error": {"message": f"wrong key: {given}"}})
            elif (
                not self.path.endswith("/v1/chat/completions")
                or request["model"] not in state.models
            ):
                self.send_json(404, {"error": {"message": "no such model"}})
            else:
                fault = state.fault(question, attempt)
                if fault is None or not self.misbehave(fault, request):
                    self.send_json(200, self.completion(request))
        finally:
            with state.lock:
                state.under_way -= 1

    def misbehave(self, fault: Fault, request: dict[str, Any]) -> bool:
        """Reply badly in the way asked for; False if the answer is to follow after all."""
        kind, _, detail = fault.partition(":")
        whole = json.dumps(self.completion(request)).encode()
        if kind == "slow":
            time.sleep(SLOW_S)
            return False
        if kind == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif kind == "half-json":
            self.send_bytes(200, whole[: len(whole) // 2])
        elif kind == "half-reply":
            self.send_response(200)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole[: len(whole) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif kind == "filter":
            self.send_json(200, self.completion(request, "content_filter", "half a sen"))
        elif kind == "refusal":
            body = self.completion(request)
            body["choices"][0]["message"] |= {
                "content": None,
                "refusal": "I cannot help with that.",
            }
            self.send_json(200, body)
        elif kind == "error-200":
            self.send_json(200, {"error": {"message": "upstream failed", "code": 502}})
        elif kind == "status":
            code, _, after = detail.partition(":")
            after = formatdate(time.time() + 1, usegmt=True) if after == "date" else after
            headers = {"Retry-After": after} if after else {}
            self.send_json(int(code), {"error": {"message": f"asked for {code}"}}, headers)
        elif kind == "unknown":
            if detail not in request:
                return False
            message = (
                f"Unsupported parameter: '{detail}' is not supported; max_completion_tokens is"
            )
            self.send_json(400, {"error": {"message": message, "param": detail}})
        elif kind == "body":
            self.send_bytes(int(detail.partition(":")[0]), detail.partition(":")[2].encode())
        else:
            raise AssertionError(fault)
        return True

    def completion(
        self, request: dict[str, Any], finish: str = "stop", text: str | None = None
    ) -> dict[str, Any]:
        """A whole reply."""
        text = answer_to(request) if text is None else text
        words = text.split()
        choice = {"index": 0, "finish_reason": finish,
                  "message": {"role": "assistant", "content": text}}  # fmt: skip
        if request.get("logprobs"):
            content = [{"token": word, "logprob": -len(word) / 10} for word in words]
            choice["logprobs"] = {"content": content}
        asked = sum(len(turn["content"].split()) for turn in request["messages"])
        usage = {"prompt_tokens": asked, "completion_tokens": len(words)}
        return {"id": "x", "object": "chat.completion", "model": f"{MODEL}-0001",
                "system_fingerprint": "fp_1", "choices": [choice], "usage": usage}  # fmt: skip

    def send_json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """A reply that is whole."""
        self.send_bytes(status, json.dumps(value).encode(), headers)

    def send_bytes(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A reply of these bytes."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    """A client that hangs up is part of the tests, not an error to print."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


def make_server(port: int, behaviour: Behaviour) -> QuietServer:
    """A server on the loopback interface; port 0 takes a free one."""
    handler = type("BoundHandler", (Handler,), {"behaviour": behaviour})
    return QuietServer(("127.0.0.1", port), handler)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """The base URL of a server in a thread of this process."""
    server = make_server(0, behaviour)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    pause_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    make_server(int(sys.argv[1]), Behaviour(pause_s=pause_s)).serve_forever()
