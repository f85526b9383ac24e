"""A plan tells what is cached, shared, resumed or run, and never trusts content that has changed."""

from __future__ import annotations

import shutil

import pytest

from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.execution.resolve import Action, previous_params, resolve
from synthlab.experiment.steps import Cell
from tests.unit.execution.labs import Lab, step

DATA = step("data", rows=10, assign="", seed=0)
MIX = step("mix", DATA, seed=0, assign="random")


@pytest.fixture
def lab(home: LabHome) -> Lab:
    return Lab.at(home)


def actions(lab: Lab) -> tuple[str, str]:
    found = lab.resolve(DATA, MIX)
    return found["data"].action.value, found["mix"].action.value


def test_from_new_to_cached(lab: Lab) -> None:
    assert actions(lab) == ("run", "run")
    runs = lab.submit(DATA, MIX)["runs"]
    assert actions(lab) == ("wait", "wait")
    lab.finish(runs["data"])
    assert actions(lab) == ("cached", "wait")
    lab.finish(runs["mix"])
    assert actions(lab) == ("cached", "cached")
    again = lab.submit(DATA, MIX)
    assert again["runs"] == runs
    assert again["actions"] == {"cached": 2}


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted"])
def test_what_ended_badly_is_resumed_in_its_own_directory(lab: Lab, state: str) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    lab.finish(runs["data"])
    (lab.directory(runs["mix"]).work / "done.jsonl").write_text("saved")
    lab.finish(runs["mix"], state)
    assert actions(lab) == ("cached", "resume")
    assert lab.submit(DATA, MIX)["runs"] == runs
    directory = lab.directory(runs["mix"])
    assert lab.state(runs["mix"]) == "queued"
    assert (directory.work / "done.jsonl").read_text() == "saved"
    assert directory.attempts_ended == 1


def test_an_input_that_was_made_again_is_not_trusted(lab: Lab) -> None:
    first = lab.submit(DATA, MIX)["runs"]
    lab.finish(first["data"], content="one")
    lab.finish(first["mix"])
    shutil.rmtree(lab.home.run(first["data"]) / "out")
    (lab.home.run(first["data"]) / "MANIFEST.json").unlink()
    status = lab.resolve(DATA, MIX)
    assert (status["data"].action, status["mix"].action) == (Action.RUN, Action.RUN)
    second = lab.submit(DATA, MIX)["runs"]
    assert second["data"] != first["data"]
    lab.finish(second["data"], content="another")
    assert lab.resolve(DATA, MIX)["mix"].run_id == second["mix"]
    assert second["mix"] != first["mix"]


def test_an_equal_step_of_another_experiment_is_shared(lab: Lab) -> None:
    first = lab.submit(DATA, MIX, name="one")["runs"]
    other = step("renamed", DATA, seed=0, assign="random")
    second = lab.submit(DATA, other, name="two")["runs"]
    assert second == {"data": first["data"], "renamed": first["mix"]}


def test_an_edit_runs_only_what_it_touches_and_says_what_changed(lab: Lab) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    lab.finish(runs["data"])
    lab.finish(runs["mix"])
    edited = step("mix", DATA, seed=7, assign="random")
    earlier = previous_params(lab.catalog, "exp")
    found = resolve(lab.catalog, lab.home, (DATA, edited), earlier)
    assert found["data"].action is Action.CACHED
    assert (found["mix"].action, found["mix"].reason) == (Action.RUN, "seed 0 -> 7")


def test_revisions_follow_the_text_of_the_file(lab: Lab) -> None:
    assert lab.submit(DATA, text="a")["experiment"] == "exp.1"
    assert lab.submit(DATA, text="b")["experiment"] == "exp.2"
    assert lab.submit(DATA, text="a")["experiment"] == "exp.1"


def test_a_submission_that_died_before_the_catalog_is_found_again(lab: Lab) -> None:
    runs = lab.submit(DATA, MIX, text="a")["runs"]
    lab.catalog.execute("DELETE FROM experiment_steps")
    lab.catalog.execute("DELETE FROM run_inputs")
    lab.catalog.execute("DELETE FROM runs")
    lab.index(*runs.values())
    assert lab.submit(DATA, MIX, text="a")["runs"] == runs


def test_cells_are_kept_with_the_experiment(lab: Lab) -> None:
    measured = step("mix", DATA, seed=0, assign="random", cell=Cell("multi", 3, "collapse"))
    lab.submit(DATA, measured)
    row = lab.catalog.execute("SELECT * FROM experiment_steps WHERE label = 'mix'").fetchone()
    assert (row["condition"], row["seed"], row["axis"]) == ("multi", 3, "collapse")
    assert isinstance(lab.directory(row["run_id"]), RunDir)
