"""What can be launched: recipes, experiment files in a folder, and files of earlier experiments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from screens.launch_words import FileRow
from screens.live import Reading
from synthlab.experiment.recipes import list_recipes

MOST_FILES = 200


@dataclass(frozen=True)
class Choices:
    """The list, recipes first."""

    files: tuple[FileRow, ...]


def read_choices(reading: Reading, folder: Path) -> Choices:
    """Read the list. Files are known by their first lines: they say `schema = 1`."""
    found: dict[str, FileRow] = {}
    # The experiment that shows every kind of step in a minute is what a newcomer wants first.
    for recipe in sorted(list_recipes(), key=lambda one: (one.name != "tiny", one.name != "demo")):
        path = str(recipe.path)
        found[path] = FileRow(path, recipe.name, path, recipe.description, True)
    earlier = reading.catalog.execute(
        "SELECT file FROM experiments WHERE file IS NOT NULL GROUP BY file"
        " ORDER BY max(created_at) DESC LIMIT ?",
        (MOST_FILES,),
    )
    files = [*sorted(folder.glob("*.toml"))[:MOST_FILES], *(Path(row[0]) for row in earlier)]
    for file in files:
        name = str(file)
        if name not in found and _is_experiment(file):
            found[name] = FileRow(name, file.name, name, name, False)
    return Choices(tuple(found.values()))


def _is_experiment(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return any(part.replace(b" ", b"").startswith(b"schema=") for part in head.splitlines())
