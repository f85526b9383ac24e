"""The house stands as planned: imports point down, light verbs stay light, writes have one door."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("storage", "synthlab", "screens")

HEAVY = ("torch", "transformers", "peft", "accelerate", "datasets", "pandas", "numpy", "textual")

LIGHT_COMMANDS = [
    ["--help"],
    ["--version"],
    ["runs"],
    ["prompts", "list"],
    ["sources"],
    ["mixtures"],
    ["checkpoints"],
    ["experiments"],
    ["recipes"],
    ["plan", "tiny"],
    ["runs", "--json", "--filter", "state:failed"],
]


@pytest.mark.parametrize("command", LIGHT_COMMANDS, ids=" ".join)
def test_light_commands_import_nothing_heavy(command: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, json\nfrom synthlab.cli.main import entry\n"
        f"sys.argv = ['synthlab', *{command!r}]\n"
        "try:\n entry()\n"
        "except SystemExit as end:\n status = end.code\n"
        f"found = [n for n in {HEAVY!r} + ('sqlite_utils', 'plotext', 'pyarrow') if n in sys.modules]\n"
        "print('FOUND', json.dumps([int(status or 0), found]), file=sys.stderr)\n"
    )
    environment = {**os.environ, "SYNTHLAB_HOME": str(tmp_path / "lab")}
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    line = next(x for x in ended.stderr.splitlines() if x.startswith("FOUND"))
    assert json.loads(line.removeprefix("FOUND ")) == [0, []], ended.stderr


def test_supervisor_and_runner_import_no_model_stack() -> None:
    code = (
        "import sys, synthlab.execution.supervisor, synthlab.execution.runner\n"
        f"print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["fetch", "import", "compose", "mix", "robustness"])
def test_steps_without_a_model_import_no_model_stack(kind: str) -> None:
    code = (
        "import importlib, sys\nfrom synthlab.jobs.__main__ import JOB_MODULES\n"
        f"importlib.import_module(JOB_MODULES[{kind!r}])\n"
        "print([n for n in ('torch', 'transformers', 'peft', 'datasets') if n in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


WRITE_CALLS = {"write_text", "write_bytes"}
WRITERS_OUTSIDE = {
    # Libraries that write whole folders themselves, always into work/ or a temporary folder that
    # the durable module then publishes, are not seen by this check; nothing of ours may be listed.
    Path("storage/durable.py"),
}


def test_only_the_durable_module_writes_files() -> None:
    found = []
    for path, tree in sources():
        if path in WRITERS_OUTSIDE:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            mode = [a.value for a in node.args if isinstance(a, ast.Constant)]
            mode += [
                k.value.value
                for k in node.keywords
                if k.arg == "mode" and isinstance(k.value, ast.Constant)
            ]
            writes = name == "open" and any(
                isinstance(m, str) and re.fullmatch(r"[rwxab+t]{1,3}", m) and set(m) & set("wxa+")
                for m in mode
            )
            direct = name in WRITE_CALLS and not _calls_durable(node)
            if writes or direct:
                found.append(f"{path}:{node.lineno}")
    assert found == []


def _calls_durable(node: ast.Call) -> bool:
    owner = getattr(node.func, "value", None)
    return isinstance(owner, ast.Name) and owner.id == "durable"


def test_only_the_catalog_connection_begins_a_transaction() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"\s*BEGIN\b", node.value)
        and path != Path("storage/catalog/connection.py")
    ]
    assert found == []


def test_nothing_loads_pickles() -> None:
    banned = {"pickle", "dill", "joblib", "cloudpickle"}
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            if names & banned:
                found.append(f"{path}:{node.lineno}")
    assert found == []


def test_only_output_prints() -> None:
    """Text reaches a terminal through `cli/output.py`, where it is made safe; logs are exempt."""
    allowed = {Path("synthlab/cli/output.py")}
    found = []
    for path, tree in sources():
        if path in allowed or path.parts[:2] in (("synthlab", "jobs"), ("synthlab", "engines")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                found.append(f"{path}:{node.lineno}")
    assert found == []


def test_no_file_has_outgrown_its_room() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in (*PACKAGES, "tests")
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}
