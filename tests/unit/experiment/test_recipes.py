"""The built-in experiments, and what planning them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from synthlab.errors import NotFoundError
from synthlab.experiment.load import load_spec
from synthlab.experiment.plan import build_plan
from synthlab.experiment.recipes import find_recipe, list_recipes
from tests.unit.experiment.examples import EverythingIsThere


def test_each_recipe_is_valid_and_says_what_it_asks() -> None:
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    named = {"demo", "tiny", "paper", "paper-8b", "open-small", "human-share", "sources-1-2-4"}
    assert recipes.keys() >= named
    for recipe in recipes.values():
        assert recipe.description.endswith((".", "?")), recipe
        assert recipe.needs and recipe.takes, recipe
        spec = load_spec(recipe.path)
        assert spec.name == recipe.name
        plan = build_plan(spec, EverythingIsThere())
        axes = {cell.cell.axis for cell in plan.cells}
        assert {"collapse"} <= axes <= {"collapse", "robustness", "bias"}


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_small_recipes_compare_four_conditions_with_two_seeds(name: str) -> None:
    spec = load_spec(find_recipe(name).path)
    assert spec.conditions == ("vanilla", "human", "single", "multi")
    assert spec.seeds == (0, 1)
    cells = [one.cell for one in build_plan(spec, EverythingIsThere()).cells]
    axes = {cell.axis for cell in cells}
    assert len(set(cells)) == len(cells) == 8 * len(axes)


def test_the_sources_of_the_demo_truly_differ() -> None:
    sources = load_spec(find_recipe("demo").path).sources.values()
    asked = {(s.model, s.adapter, s.system, s.sampling) for s in sources if s.kind == "model"}
    assert len(asked) == 3
    assert len({s.seed for s in sources if s.kind == "model"}) == 3


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(NotFoundError, match='did you mean "demo"'):
        find_recipe("demmo")


def test_planning_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import synthlab.experiment.load, synthlab.experiment.plan, synthlab.experiment.recipes\n"
        "from synthlab.experiment.resolver import LocalResolver\n"
        "heavy = {'torch', 'numpy', 'pandas', 'datasets', 'transformers', 'httpx', 'pyarrow', 'textual'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
