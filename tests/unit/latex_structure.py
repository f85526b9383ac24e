"""A reader of LaTeX that knows just enough to tell a table that compiles from one that does not."""

from __future__ import annotations

import re

_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-z]+)\}")
_TABULAR = re.compile(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", re.DOTALL)
_ESCAPED = re.compile(r"\\[\\{}$&#_%]|\\\(|\\\)")


def faults(text: str) -> list[str]:
    """What would stop pdflatex; empty for a sound file."""
    without = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    return [*_environments(without), *_braces(without), *_columns(without), *_characters(without)]


def _environments(text: str) -> list[str]:
    open_ones: list[str] = []
    found = []
    for way, name in _ENVIRONMENT.findall(text):
        if way == "begin":
            open_ones.append(name)
        elif not open_ones or open_ones.pop() != name:
            found.append(f"{name} ends and has not begun")
    return found + [f"{name} does not end" for name in open_ones]


def _braces(text: str) -> list[str]:
    depth = 0
    for sign in re.sub(r"\\[\\{}]", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return ["a brace closes that was not opened"]
    return ["a brace is left open"] if depth else []


def _columns(text: str) -> list[str]:
    found = []
    for form, body in _TABULAR.findall(text):
        for row in body.split("\\\\\n"):
            cells = len(re.findall(r"(?<!\\)&", row)) + 1
            if cells > 1 and cells != len(form):
                found.append(f"{cells} cells under {len(form)} columns: {row.strip()[:60]}")
    return found


def _characters(text: str) -> list[str]:
    bare = _TABULAR.sub(lambda match: match[2].replace("&", ""), _ESCAPED.sub("", text))
    bare = re.sub(r"\\begin\{tabular\}\{[lr]+\}", "", bare)
    found = [f"{sign!r} is not escaped" for sign in "$&#_%^" if sign in _without_labels(bare)]
    strange = {sign for sign in text if ord(sign) > 0x17F or (ord(sign) < 0x20 and sign != "\n")}
    return found + [f"pdflatex cannot set {sign!r}" for sign in sorted(strange)]


def _without_labels(text: str) -> str:
    return re.sub(r"\\(label|input|usepackage)(\[[^\]]*\])?\{[^}]*\}", "", text)
