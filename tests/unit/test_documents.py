"""Documents that are written from code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from synthlab.cli.grammar import VERBS
from synthlab.errors import ExitCode
from tests.tools.describe_spec import TARGET, describe

ROOT = Path(__file__).parents[2]


def test_the_description_of_the_file_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == describe(), (
        "run `python -m tests.tools.describe_spec`"
    )


def test_the_readme_names_every_exit_code() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for code in ExitCode:
        assert f"{int(code)} " in readme.split("Exit codes:")[1][:200]


def test_every_verb_named_in_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`synthlab ([a-z]+)", readme)) | set(
        re.findall(r"\$ synthlab ([a-z]+)", readme)
    )
    assert named
    assert named <= {verb.name for verb in VERBS}
