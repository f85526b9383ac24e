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
    """Its first comment line: what the experiment asks."""
    path: Path


def recipe_folder() -> Path:
    """Where the recipes lie, in a checkout as well as in an installed wheel."""
    return Path(str(files("assets"))) / "recipes"


def list_recipes() -> tuple[Recipe, ...]:
    """All built-in experiments, by name."""
    return tuple(
        Recipe(path.stem, _first_comment(path), path)
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


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""
