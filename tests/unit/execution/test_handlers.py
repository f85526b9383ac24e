"""Stop, retry and remove change what they should and refuse what they must."""

from __future__ import annotations

from typing import Any

import pytest

from storage.catalog.requests import Request
from storage.home import LabHome
from storage.rundir import RunExit
from synthlab.errors import ConflictError, NotFoundError, UsageError
from synthlab.execution.handlers import Handled, handle
from synthlab.execution.queue import read_queue
from tests.unit.execution.labs import Lab, step

DATA = step("data", rows=10, seed=0, assign="")
MIX = step("mix", DATA, seed=0, assign="random")
OTHER = step("other", DATA, seed=1, assign="random")


@pytest.fixture
def lab(home: LabHome) -> Lab:
    return Lab.at(home)


def ask(lab: Lab, kind: str, **arguments: Any) -> Handled:
    handled = handle(lab.catalog, lab.home, Request(1, kind, arguments, "ada"), lab.now)
    lab.index(*handled.changed)
    return handled


def test_stopping_a_queued_run_ends_it_with_the_name_of_who_asked(lab: Lab) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    ask(lab, "stop", runs=[runs["mix"]])
    ended = lab.directory(runs["mix"]).read_exit()
    assert ended is not None
    assert (ended.state, ended.reason) == ("cancelled", "user:ada")
    assert lab.state(runs["data"]) == "queued"


def test_retry_takes_failed_inputs_and_cancelled_readers_along(lab: Lab) -> None:
    runs = lab.submit(DATA, MIX, OTHER)["runs"]
    lab.finish(runs["data"], "failed")
    for label in ("mix", "other"):
        lab.directory(runs[label]).write_exit(RunExit("cancelled", "input_failed", "", "", 1.0))
        lab.index(runs[label])
    handled = ask(lab, "retry", runs=[runs["mix"]])
    assert set(handled.changed) == {runs["data"], runs["mix"]}
    lab.finish(runs["data"], "failed")
    handled = ask(lab, "retry", runs=[runs["data"]])
    assert set(handled.changed) == {runs["data"], runs["other"]}


def test_retry_of_a_living_or_finished_run_is_refused(lab: Lab) -> None:
    runs = lab.submit(DATA)["runs"]
    with pytest.raises(ConflictError, match="queued"):
        ask(lab, "retry", runs=[runs["data"]])
    lab.finish(runs["data"])
    with pytest.raises(ConflictError, match="succeeded"):
        ask(lab, "retry", runs=[runs["data"]])


def test_removing_an_experiment_keeps_what_others_use(lab: Lab) -> None:
    first = lab.submit(DATA, MIX, name="one")["runs"]
    second = lab.submit(DATA, OTHER, name="two")["runs"]
    for run_id in dict.fromkeys([*first.values(), *second.values()]):
        lab.finish(run_id)
    handled = ask(lab, "remove", runs=[], experiment="one.1")
    assert handled.outcome["removed"] == [first["mix"]]
    assert not lab.home.run(first["mix"]).exists()
    assert lab.home.run(first["data"]).exists()
    assert not lab.home.experiment("one.1").exists()
    assert lab.submit(DATA, OTHER, name="two")["actions"] == {"cached": 2}


def test_removing_what_is_alive_or_in_use_is_refused(lab: Lab) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    with pytest.raises(ConflictError, match="stop"):
        ask(lab, "remove", runs=[], experiment="exp.1")
    for run_id in runs.values():
        lab.finish(run_id)
    with pytest.raises(ConflictError, match=r"belongs to experiment exp\.1"):
        ask(lab, "remove", runs=[runs["data"]])


def test_unknown_runs_and_requests(lab: Lab) -> None:
    with pytest.raises(NotFoundError):
        ask(lab, "stop", runs=["nowhere0"])
    with pytest.raises(UsageError):
        ask(lab, "dance")


def test_a_higher_priority_goes_first_and_survives_a_rebuild_of_the_row(lab: Lab) -> None:
    runs = lab.submit(DATA, step("later", rows=11, seed=1, assign=""))["runs"]
    ask(lab, "prioritise", runs=[runs["later"]], priority=3)
    assert [run.label for run in read_queue(lab.catalog).ready] == ["later", "data"]
    lab.catalog.execute("UPDATE runs SET priority = 0")
    lab.index(runs["later"])
    row = lab.catalog.execute("SELECT priority FROM runs WHERE id = ?", (runs["later"],)).fetchone()
    assert row["priority"] == 3


def test_only_queued_runs_have_a_priority_and_it_is_bounded(lab: Lab) -> None:
    runs = lab.submit(DATA)["runs"]
    with pytest.raises(UsageError, match="1000"):
        ask(lab, "prioritise", runs=[runs["data"]], priority=1001)
    lab.finish(runs["data"])
    with pytest.raises(ConflictError, match="succeeded"):
        ask(lab, "prioritise", runs=[runs["data"]], priority=1)
