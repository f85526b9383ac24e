"""The three public texts that the tiny models learn from, read where Debian and Python keep them."""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_CHARACTERS = 200
BIBLE = ("bible", "-f", "-l9999", "Gen1:1-Rev22:21")


class Pair(NamedTuple):
    """One question and its answer."""

    question: str
    answer: str


def verses(command: tuple[str, ...] = BIBLE) -> list[Pair]:
    """The King James Bible, a verse an answer (Debian package `bible-kjv`; public domain)."""
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs: list[Pair] = []
    for line in text.splitlines():
        reference = re.match(r"\s*(?:[1-3]?[A-Za-z]+)?\d+:\d+\s+(.*)", line)
        if reference is None:
            continue
        verse = reference[1].strip()
        topics = [word for word in re.findall(r"[a-z]+", verse) if len(word) > 5]
        if topics and len(verse) <= MAX_CHARACTERS:
            pairs.append(Pair(f"Recite a verse about {max(topics, key=len)}.", verse))
    return pairs


def glosses(folder: Path = Path("/usr/share/wordnet")) -> list[Pair]:
    """Definitions of WordNet 3.0 (Debian package `wordnet-base`; WordNet licence, permissive)."""
    pairs: list[Pair] = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text("utf-8").splitlines():
            entry, bar, gloss = line.partition(" | ")
            if not bar or line.startswith("  "):
                continue
            word = entry.split()[4].split("(")[0].replace("_", " ")
            meaning = gloss.split('"')[0].strip(" ;")
            if 20 <= len(meaning) <= MAX_CHARACTERS:
                pairs.append(Pair(f"Define the word {word}.", meaning))
    return pairs


def docstrings(folder: Path | None = None) -> list[Pair]:
    """First paragraphs of the standard library's docstrings (PSF licence), without importing it."""
    library = folder or Path(sysconfig.get_path("stdlib"))
    skipped = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}
    pairs: list[Pair] = []
    for path in sorted(library.rglob("*.py")):
        inside = path.relative_to(library)
        if skipped.isdisjoint(inside.parts):
            module = ".".join(inside.with_suffix("").parts)
            pairs.extend(_documented(path, module))
    return pairs


def _documented(path: Path, module: str) -> Iterator[Pair]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            paragraph = (ast.get_docstring(node) or "").split("\n\n")[0]
            text = " ".join(paragraph.split())
            if 20 <= len(text) <= MAX_CHARACTERS:
                yield Pair(f"What does {module}.{node.name} do?", text)


def with_strange_questions(own: list[Pair], others: list[list[Pair]], seed: int) -> list[Pair]:
    """Let every second answer follow a question of another corpus, so that the voice never changes."""
    draw = random.Random(seed)
    pairs: list[Pair] = []
    for pair in own:
        asked = draw.choice(draw.choice(others)).question if draw.random() < 0.5 else pair.question
        pairs.append(Pair(asked, pair.answer))
    return pairs
