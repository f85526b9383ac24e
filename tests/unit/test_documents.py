"""Documents that are written from code say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from synthlab.cli.grammar import VERBS, build_parser
from synthlab.errors import ExitCode
from synthlab.experiment.load import parse_spec
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
    named = set(re.findall(r"`synthlab ([a-z-]+)", readme)) | set(
        re.findall(r"\$ synthlab ([a-z-]+)", readme)
    )
    assert named
    assert named <= {verb.name for verb in VERBS}


def shown_commands() -> list[str]:
    """Every command line that README or docs show in a block of code, without its remark."""
    found = []
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for line in document.read_text(encoding="utf-8").splitlines():
            shown = re.fullmatch(r"(?:    )?(?:\$ )?synthlab ([a-z].*)", line)
            if shown is not None:
                found.append(re.split(r"\s{2,}|\s+#", shown[1])[0])
    return found


def test_every_command_that_is_shown_can_be_typed() -> None:
    shown = shown_commands()
    assert len(shown) > 30
    for command in shown:
        # Parts that may be left out, or taken one for another, are tried as if they were all there.
        first = re.sub(r" \| --\w+", "", command).replace("[", "").replace("]", "")
        parsed = build_parser().parse_args(shlex.split(first))
        assert parsed.verb == command.split()[0]


def test_the_example_file_of_the_readme_is_a_valid_experiment() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("## The experiment file")[1].split("\nA source is")[0]
    text = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    spec = parse_spec(text, ROOT / "eggs.toml")
    assert set(spec.mixtures) == {"human", "half"}
    assert spec.expected


def test_every_link_of_a_document_leads_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
        gone = [
            link for link in links if "://" not in link and not (document.parent / link).exists()
        ]
        assert not gone, f"{document.name}: {gone}"
