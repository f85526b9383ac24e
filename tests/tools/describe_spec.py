"""Writes docs/experiment-file.md from the attribute docstrings of the types that read the file.

`python -m tests.tools.describe_spec` after a change of the grammar; a test compares the two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPECS = [ROOT / "synthlab" / "experiment" / f"{name}.py" for name in ("spec", "expectations")]
TARGET = ROOT / "docs" / "experiment-file.md"

SECTIONS = {
    "ExperimentSpec": "top level",
    "BaseModel": "[base]",
    "FurtherBase": "[bases.NAME]",
    "PromptSet": "[prompts.NAME]",
    "Columns": "columns = { … } of a prompt set",
    "Holdout": "holdout = { … } of a prompt set",
    "Compose": "compose = { … } of a jailbreak prompt set",
    "Source": "[sources.NAME]",
    "Price": "price = { … } of a source",
    "Sampling": "sampling = { … } of a source, or of [evaluate]",
    "Mixture": "[mixtures.NAME]",
    "Filters": "filters = { … } of a mixture",
    "Finetune": "[finetune]",
    "Lora": "lora = { … } of [finetune]",
    "Probe": "probe = { … } of [finetune]",
    "Expected": "[[expected]]",
    "Evaluate": "[evaluate]",
    "Judging": "judging = { … } of [evaluate.robustness]",
    "RobustnessRubrics": "rubrics = { … } of [evaluate.robustness]",
}
INTERNAL = {
    "name",
    "origin",
    "untouched",
    "expected",
    "prompts",
    "sources",
    "mixtures",
    "base",
    "finetune",
}
HEAD = """# The experiment file

TOML. `schema = 1` and `name` come first. An unknown key, a wrong type or a value that is not
allowed is an error that names file, line and key. A key without a default must be given, or is
taken from elsewhere as its text says.

Written by `python -m tests.tools.describe_spec` from the types that read the file.
"""


def statements() -> list[ast.stmt]:
    """Everything at the top of the modules that hold the types."""
    return [node for path in SPECS for node in ast.parse(path.read_text(encoding="utf-8")).body]


def classes() -> dict[str, ast.ClassDef]:
    """Every class of the spec module by name."""
    return {node.name: node for node in statements() if isinstance(node, ast.ClassDef)}


def choices() -> dict[str, str]:
    """What each named `Literal` of the spec module allows."""
    found = {}
    for node in statements():
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.value, ast.Subscript)
            and isinstance(node.value.slice, ast.Tuple)
        ):
            values = [ast.unparse(one).replace("'", '"') for one in node.value.slice.elts]
            found[node.target.id] = " or ".join(values)
    return found


def axis_sections(known: dict[str, ast.ClassDef]) -> dict[str, str]:
    """`[evaluate.AXIS]` for each options class that there is."""
    ends = [name for name in known if name.endswith("Options")]
    return {name: f"[evaluate.{name.removesuffix('Options').lower()}]" for name in ends}


def fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and docstring of each field."""
    for at, statement in enumerate(node.body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = ""
        if at + 1 < len(node.body):
            following = node.body[at + 1]
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                text = " ".join(str(following.value.value).split())
        default = ast.unparse(statement.value) if statement.value else ""
        if default.startswith("field("):
            default = "see below"
        elif default.startswith("get_args("):
            default = "all of them"
        yield statement.target.id, ast.unparse(statement.annotation), default, text


def describe() -> str:
    """The whole document."""
    known, allowed = classes(), choices()
    parts = [HEAD]
    for name, title in {**SECTIONS, **axis_sections(known)}.items():
        node = known[name]
        chooses = name in ("Source", "Evaluate", "Probe") or name.endswith("Options")
        skipped = INTERNAL - ({"prompts", "sources"} if chooses else set())
        rows = [row for row in fields(node) if row[0] not in skipped]
        parts.append(f"## {title}\n\n{ast.get_docstring(node)}\n")
        parts.append("| key | type | default | what it does |\n| --- | --- | --- | --- |")
        for key, kind, default, text in rows:
            shown = allowed.get(kind, kind).replace("|", "\\|")
            parts.append(f"| `{key}` | {shown} | {f'`{default}`' if default else ''} | {text} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(describe(), encoding="utf-8")
