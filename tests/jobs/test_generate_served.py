"""Generation through a server as a job: what is recorded, what it cost, and what a retry continues."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.durable import read_records
from storage.rundir import RunDir
from synthlab.errors import JobError, JobInterrupted
from synthlab.execution.ending import Ending, describe_ending
from synthlab.jobs import generate
from synthlab.jobs.outcome import JobExit
from tests.jobs.conftest import Lab
from tests.jobs.processes import start, wait_until
from tests.jobs.served import KEY, MODEL, Behaviour, serving

VARIABLE = "CANARY_API_KEY"


def queued(lab: Lab, run_id: str, url: str, *, count: int = 6, **changes: Any) -> RunDir:
    """A queued run of a served source, as the plan makes it."""
    if not (lab.root / "prompts1").exists():
        lab.prompts(count=count)
    way = {
        "api_key_env": None,
        "concurrency": 4,
        "timeout_s": 20.0,
        "patience_s": 1.0,
        "price": None,
    }
    given = {name: changes.pop(name) for name in list(changes) if name in way}
    params = {
        "model": {"id": MODEL, "revision": None, "digest": None},
        "engine": "openai",
        "prompts": "test",
        "sampling": {"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 40, "samples": 2},
        "system": "Be brief.",
        "seed": 7,
        **changes,
    }
    directory = lab.add(run_id, "generate", params, {"prompts": "prompts1"}, {"server": url})
    directory.relocate({"server": url}, {"server": {**way, **given}})
    return directory


def published(directory: RunDir) -> list[dict[str, Any]]:
    assert directory.read_manifest() is not None
    return read_records(directory.out / "responses.jsonl")


def info(directory: RunDir) -> dict[str, Any]:
    manifest = directory.read_manifest()
    assert manifest is not None
    return dict(manifest.info)


def test_records_say_that_the_model_was_served(lab: Lab, run_job: Any) -> None:
    with serving(Behaviour()) as url:
        plain, dated = (
            queued(lab, "gen1", url),
            queued(
                lab,
                "gen2",
                url,
                model={"id": MODEL, "revision": "2026-01-31-preview", "digest": None},
            ),
        )
        run_job(generate, plain)
        run_job(generate, dated)
    records = published(plain)
    assert len(records) == 12
    assert {r["generator"].split("~")[0] for r in records} == {f"{MODEL}@served"}
    assert {r["generator"].split("~")[0] for r in published(dated)} == {
        f"{MODEL}@served-2026-01-31-p"
    }
    assert all(r["finish_reason"] == "stop" and r["text"] for r in records)
    facts = info(plain)
    assert (facts["engine"], facts["device"], facts["batch_size"]) == ("openai", "server", 4)
    assert facts["server"] == {
        "served_models": f"{MODEL}-0001", "system_fingerprints": "fp_1", "left_out": "",
    }  # fmt: skip
    assert "cost" not in facts


def test_the_price_table_gives_the_cost_of_what_was_read_and_written(
    lab: Lab, run_job: Any
) -> None:
    price = {"prompt_per_million": 1000.0, "completion_per_million": 3000.0}
    with serving(Behaviour()) as url:
        directory = queued(lab, "gen1", url, price=price)
        run_job(generate, directory)
    records = published(directory)
    read, written = (sum(r[f"{k}_tokens"] for r in records) for k in ("prompt", "completion"))
    assert read > 0
    assert written > 0
    assert info(directory)["cost"] == pytest.approx(read / 1000 + written * 3 / 1000)


def test_log_probabilities_are_a_file_of_their_own(lab: Lab, run_job: Any) -> None:
    with serving(Behaviour()) as url:
        plain, directory = queued(lab, "gen1", url), queued(lab, "gen2", url, logprobs=True)
        run_job(generate, plain)
        run_job(generate, directory)
    assert published(directory) == published(plain)
    rows = read_records(directory.out / "logprobs.jsonl")
    assert [row["id"] for row in rows] == [r["id"] for r in published(directory)]
    assert all(
        " ".join(row["tokens"]) == r["text"] for row, r in zip(rows, published(plain), strict=True)
    )
    assert all(len(row["tokens"]) == len(row["logprobs"]) for row in rows)
    assert not (plain.out / "logprobs.jsonl").exists()


def test_what_is_refused_is_recorded_and_counted_as_no_answer(lab: Lab, run_job: Any) -> None:
    behaviour = Behaviour(lambda question, _: "filter" if "river" in question else None)
    with serving(behaviour) as url:
        directory = queued(lab, "gen1", url)
        run_job(generate, directory)
    refused = [r for r in published(directory) if r["finish_reason"] != "stop"]
    assert {(r["finish_reason"], r["text"]) for r in refused} == {("error:content_filter", "")}
    assert info(directory)["errors"] == len(refused) == 2
    assert all(r["prompt_tokens"] > 0 for r in refused)


def test_a_server_that_dies_interrupts_and_a_retry_asks_only_what_is_missing(
    lab: Lab, run_job: Any
) -> None:
    with serving(Behaviour()) as url:
        unbroken = queued(lab, "gen1", url, count=60)
        run_job(generate, unbroken)
    port = free_port()
    broken = queued(lab, "gen2", f"http://127.0.0.1:{port}/v1")
    server = serve(port, pause_s=0.1)
    job = start(broken)
    log = broken.work / generate.LOG
    try:
        wait_until(lambda: log.exists() and len(read_records(log)) >= 8, job)
    finally:
        server.kill()
        server.wait()
    assert job.wait(60) == JobExit.INTERRUPTED
    ended = describe_ending(broken, Ending(JobExit.INTERRUPTED, False, 0, ()), 0.0)
    assert (ended.state, ended.reason) == ("interrupted", "server_gone")
    assert f"127.0.0.1:{port} gave no answer" in ended.message
    assert "retry" in ended.hint
    kept = {r["id"] for r in read_records(log) if not generate.is_error(r)}
    assert 8 <= len(kept) < 120
    behaviour = Behaviour()
    with serving(behaviour) as url:
        broken.relocate({"server": url}, broken.read_spec().observing)
        run_job(generate, broken)
    assert len(behaviour.requests) == 120 - len(kept)
    assert published(broken) == published(unbroken)


def test_a_stop_is_seen_while_the_server_is_silent(lab: Lab) -> None:
    with serving(Behaviour(pause_s=15.0)) as url:
        directory = queued(lab, "gen1", url)
        job = start(directory)
        wait_until(lambda: bool(lab.events("gen1", "progress")), job)
        begun = time.monotonic()
        job.send_signal(signal.SIGTERM)
        assert job.wait(60) == JobExit.STOPPED
        assert time.monotonic() - begun < 15.0
    assert directory.read_manifest() is None


def test_the_key_is_sent_and_written_nowhere(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    with serving(Behaviour(key=KEY)) as url:
        directory = queued(lab, "gen1", url, api_key_env=VARIABLE)
        run_job(generate, directory)
        assert len(published(directory)) == 12
    with serving(Behaviour(key="sk-another")) as url:
        refused = queued(lab, "gen2", url, api_key_env=VARIABLE)
        job = start(refused)
        assert job.wait(60) == JobExit.FAILED
    assert "[key]" in durable.read_json(refused.root / "failure.json")["message"]
    written = [
        path for path in lab.root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert written == []


def test_a_key_that_is_not_set_is_named(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(JobError, match=VARIABLE):
        run_job(generate, queued(lab, "gen1", "http://127.0.0.1:9/v1", api_key_env=VARIABLE))


def test_no_proxy_captures_what_stays_on_this_machine(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(Behaviour()) as url:
        run_job(generate, queued(lab, "gen1", url))


def test_a_server_that_never_was_there_interrupts(lab: Lab, run_job: Any) -> None:
    with pytest.raises(JobInterrupted) as caught:
        run_job(generate, queued(lab, "gen1", f"http://127.0.0.1:{free_port()}/v1"))
    assert caught.value.code == "server_gone"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def serve(port: int, pause_s: float = 0.0) -> subprocess.Popen[bytes]:
    """The server as a process of its own, once it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.served", str(port), str(pause_s)],
        cwd=Path(__file__).parents[2],
    )
    wait_until(lambda: answers(port), process)
    return process


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
