"""The experiments that come with the lab."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from synthlab.errors import NotFoundError
from synthlab.experiment.table_reader import nearest


@dataclass(frozen=True)
class Recipe:
    """A built-in experiment file."""

    name: str
    description: str
    """What the experiment asks: its first comment, up to `Needs:`."""
    needs: str
    """What it needs, of its `Needs:` line."""
    takes: str
    """How long it takes, of its `Takes:` line."""
    path: Path


def recipe_folder() -> Path:
    """Where the recipes lie, in a checkout as well as in an installed wheel."""
    return Path(str(files("assets"))) / "recipes"


def list_recipes() -> tuple[Recipe, ...]:
    """All built-in experiments, by name."""
    return tuple(
        Recipe(path.stem, *_first_comment(path), path)
        for path in sorted(recipe_folder().glob("*.toml"))
    )


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; raises NotFoundError that names the nearest one."""
    recipes = list_recipes()
    for recipe in recipes:
        if recipe.name == name:
            return recipe
    raise NotFoundError(
        f"no recipe is called {name!r}{nearest(name, [r.name for r in recipes])}",
        "`synthlab recipes` lists them; for a file of your own give a path",
    )


def _first_comment(path: Path) -> tuple[str, str, str]:
    """What a recipe asks, what it needs and how long it takes; parts that it does not say are empty."""
    parts: dict[str, list[str]] = {"": [], "Needs:": [], "Takes:": []}
    current = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        said = line.removeprefix("#").strip()
        if not line.startswith("#") or not said:
            break
        mark = next((mark for mark in ("Needs:", "Takes:") if said.startswith(mark)), None)
        current = current if mark is None else mark
        parts[current].append(said.removeprefix(mark or "").strip())
    asks, needs, takes = (" ".join(parts[mark]) for mark in parts)
    return asks, needs, takes
