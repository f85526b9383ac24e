"""Sources behind an address: what their key holds, what it does not, and what a file may say of them."""

from __future__ import annotations

from typing import Any

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.estimates import Facts, estimate
from synthlab.experiment.shapes import GpuShape
from synthlab.experiment.steps import Step
from tests.unit.experiment.examples import EGGS, eggs, plan_of

OLD = 'model = "llama"\ns'
HERE = "http://127.0.0.1:8000/v1"


def served(more: str = "", url: str = HERE, model: str = "gpt") -> tuple[str, str]:
    """The change that puts the source `llama` behind an address."""
    assert OLD in EGGS
    lines = f'model = "{model}"\nengine = "openai"\nbase_url = "{url}"\n{more}\ns'
    return OLD, lines


def step(more: str = "", **changes: Any) -> Step:
    return plan_of(served(more, **changes)).step("generate/llama")


def test_the_key_holds_what_is_said_of_the_model_and_how_it_is_asked() -> None:
    found = step('revision = "2026-01"')
    assert found.params["model"] == {"id": "gpt", "revision": "2026-01", "digest": None}
    assert found.params["engine"] == "openai"
    assert "dtype" not in found.params
    assert not found.needs_model
    assert [given.role for given in found.inputs] == ["prompts"]
    key = step().key
    assert key != found.key
    assert key != step(model="other").key
    assert key != step("logprobs = true").key


@pytest.mark.parametrize(
    "more",
    [
        'api_key_env = "SOME_API_KEY"',
        "concurrency = 3",
        "timeout_s = 9",
        "patience_s = 9.5",
        "price = { prompt_per_million = 1, completion_per_million = 2 }",
    ],
)
def test_the_way_to_the_server_is_not_in_the_key(more: str) -> None:
    changed = step(more)
    assert changed.key == step().key
    assert changed.observing["server"] != step().observing["server"]
    assert step(url="https://api.example.org/v1").key == step().key
    assert step(url="https://api.example.org/v1").locate["server"] == "https://api.example.org/v1"


def test_the_dtype_of_the_base_does_not_matter_to_a_server() -> None:
    other = plan_of(served(), ('"float32"', '"bfloat16"')).step("generate/llama")
    assert other.key == step().key


def test_the_plan_says_that_a_served_model_cannot_be_checked() -> None:
    warning = str(step().observing["warning"])
    assert "source llama" in warning
    assert HERE in warning
    assert "revision" in warning
    assert "revision" not in str(step('revision = "x"').observing["warning"])


def test_vllm_computes_the_model_of_the_file_in_its_own_key() -> None:
    plain = plan_of().step("generate/llama")
    fast = plan_of((OLD, 'model = "llama"\nengine = "vllm"\nconcurrency = 32\ns')).step(
        "generate/llama"
    )
    assert fast.params["model"] == plain.params["model"]
    assert fast.key != plain.key
    assert fast.needs_model
    assert fast.observing["server"]["concurrency"] == 32
    assert "warning" not in fast.observing
    assert plain.observing == {}


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('engine = "openai"', r"base_url: goes together"),
        ('engine = "openai"\nbase_url = "ftp://x/v1"', "must be an address"),
        ('engine = "openai"\nbase_url = "http://"', "must be an address"),
        ('engine = "openai"\nbase_url = "http://x:99999/v1"', "is no address"),
        ('engine = "openai"\nbase_url = "http://[x/v1"', "is no address"),
        ('engine = "openai"\nbase_url = "https://me:pass@x/v1"', "must hold no password"),
        ('engine = "openai"\nbase_url = "https://x/v1?key=abc"', "must hold no password"),
        ('base_url = "http://x/v1"', "goes together with engine"),
        ("concurrency = 4", 'goes together with engine = "openai" or "vllm"'),
        ("logprobs = true", 'goes together with engine = "openai" or "vllm"'),
        ('engine = "vllm"\nprice = { prompt_per_million = 1 }', 'engine = "openai"'),
        ('engine = "openai"\nbase_url = "http://x/v1"\napi_key_env = "sk-abc"', "ends in _API_KEY"),
        ('engine = "openai"\nbase_url = "http://x/v1"\nadapter = "human"', "is not for a server"),
        ('engine = "openai"\nbase_url = "http://x/v1"\nprice = { prompt = 1 }', "unknown key"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(lines: str, problem: str) -> None:
    with pytest.raises(SpecError, match=rf"eggs\.toml:\d+: .*{problem}"):
        eggs((OLD, f'model = "gpt"\n{lines}\ns'))


def test_a_server_needs_a_name_to_ask_for() -> None:
    with pytest.raises(SpecError, match="the name under which the server knows"):
        eggs((OLD, f'engine = "openai"\nbase_url = "{HERE}"\ns'))


def test_people_have_no_server() -> None:
    with pytest.raises(SpecError, match="people have none"):
        eggs(('kind = "human"', 'kind = "human"\nconcurrency = 2'))


def test_one_name_at_two_addresses_needs_two_revisions() -> None:
    def two(revision: str) -> tuple[str, str]:
        second = f'model = "gpt"\nengine = "openai"\nbase_url = "http://other/v1"{revision}\ns'
        return 'adapter = "human"\ns', second

    with pytest.raises(SpecError, match='asks for "gpt" as source llama does'):
        eggs(served(), two(""))
    keys = {s.key for s in plan_of(served(), two('\nrevision = "b"')).steps}
    assert len(keys) > 5


def test_the_plan_reckons_what_a_hosted_model_charges() -> None:
    price = "price = { prompt_per_million = 1000, completion_per_million = 3000 }"
    gpu = GpuShape("x", 80, 1000, 3000)
    facts = Facts({}, {}, gpu, False)
    paid = estimate(plan_of(served(price)).steps, facts)
    free = estimate(plan_of(served()).steps, facts)
    (step_,) = [one for one in paid.steps if one.label == "generate/llama"]
    # 100 rows of at most 64 tokens at 3 for a thousand, and their prompts at 1.
    assert 3 < step_.cost < 100 * 64 * 3 / 1000 + 100 * 100 / 1000
    assert step_.gpu_hours == 0
    assert paid.cost - free.cost == pytest.approx(step_.cost)
