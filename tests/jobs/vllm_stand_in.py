"""Behaves like `python -m vllm.entrypoints.openai.api_server`: same command line, same paths, and a child.

The child stands for an engine process: it renames itself, leaves the process group, and ignores a
polite request to stop, as engines that hold a GPU have been seen to do.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tests.jobs.served import Behaviour, make_server

MODULE = "vllm.entrypoints.openai.api_server"
ROOT = Path(__file__).parents[2]
CHILD_NAME = b"StandIn:Engine"
PR_SET_NAME = 15


def write_interpreter(path: Path) -> Path:
    """An executable that is to the stand-in what a Python with vLLM is to vLLM."""
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.jobs.vllm_stand_in import main\nmain(sys.argv[1:])\n"
    )
    path.chmod(0o755)
    return path


def parse(words: list[str]) -> argparse.Namespace:
    """Exactly the options that the real server is given here; anything else is an error, as there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", dest="module", required=True, choices=[MODULE])
    for name in ("model", "served-model-name", "host", "dtype"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--enable-lora", action="store_true")
    parser.add_argument("--max-lora-rank", type=int)
    parser.add_argument("--lora-modules", nargs="+", default=[])
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--pause-s", type=float, default=0.0)
    parser.add_argument("--die-loading", action="store_true")
    parser.add_argument("--die-after", type=int, default=0)
    parser.add_argument("--child-file")
    return parser.parse_args(words)


def fork_engine(file: str | None) -> None:
    """The engine process."""
    pid = os.fork()
    if pid:
        if file:
            Path(file).write_text(str(pid))
        return
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_NAME, CHILD_NAME, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def die_after(behaviour: Behaviour, count: int) -> None:
    """End like a crash once so many questions were answered; the engine process stays."""
    while len(behaviour.requests) < count:
        time.sleep(0.01)
    print("CUDA error: an illegal memory access was encountered", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def main(words: list[str]) -> None:
    """Load, fork, serve."""
    options = parse(words)
    assert Path(options.model, "config.json").is_file()
    assert not os.environ.get("PYTHONPATH")
    for device in filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")):
        int(device)  # as vLLM does, which stops at an UUID
    print(f"loading {options.model} as {options.dtype}", flush=True)
    fork_engine(options.child_file)
    time.sleep(options.load_s)
    if options.die_loading:
        print("ValueError: no room for the KV cache", flush=True)
        sys.exit(3)
    names = [options.served_model_name]
    for module in options.lora_modules:
        name, _, folder = module.partition("=")
        assert options.enable_lora
        assert Path(folder, "adapter_config.json").is_file()
        names.append(name)
    behaviour = Behaviour(
        key=os.environ["VLLM_API_KEY"], models=tuple(names), pause_s=options.pause_s
    )
    server = make_server(options.port, behaviour)
    if options.die_after:
        threading.Thread(target=die_after, args=(behaviour, options.die_after), daemon=True).start()
    server.serve_forever()
