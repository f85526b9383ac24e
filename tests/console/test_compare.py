"""The comparison screen: frames, pinning and marking, what is not comparable, progress, charts, reports."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.chart import ChartScreen
from screens.compare import CompareScreen
from screens.compare_words import CompareRow
from screens.snapshots.compare import Answer, Progress, Question, answer
from screens.why import WhyScreen
from screens.widgets.chart_view import ChartView
from screens.widgets.facts import Facts
from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from synthlab.analysis.charts.descriptions import BarChart, Chart, ScatterWithIntervals
from synthlab.analysis.comparison import MetricComparison
from tests.commands import Command
from tests.console.compared import EGGS, make_lab
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless
from tests.unit.analysis.measured_lab import Plant


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    """Compared once: its cache holds the answers that most tests ask for."""
    return make_lab(tmp_path_factory.mktemp("compared") / "lab", empty_catalog, EGGS)


async def to_compare(pilot: Pilot[None], app: LabApp) -> CompareScreen:
    await pilot.press("P")
    await settle(pilot)
    assert isinstance(app.screen, CompareScreen)
    return app.screen


def facts(app: LabApp) -> str:
    said = app.screen.query_one("#metric", Facts).said
    assert said is not None
    return said.plain


def metric(screen: CompareScreen, name: str) -> MetricComparison:
    row = screen.table.row(f"metric {name}")
    assert isinstance(row, CompareRow)
    assert isinstance(row.about, MetricComparison)
    return row.about


def drawn(screen: CompareScreen) -> Chart | None:
    return screen.query_one("#chart", ChartView).chart


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_frames(template: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        check_frame(app, "compare")
        await pilot.press("l", "l", "v", "x")
        await settle(pilot)
        check_frame(app, "compare-differences")

    drive(template, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_lab_says_how_to_fill_it(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        assert "There is no experiment yet" in frame(app)
        assert "synthlab run tiny" in frame(app)
        await pilot.press("x", "space", "p", "w", "c")
        await settle(pilot)
        assert isinstance(app.screen, CompareScreen)

    drive(empty_home, act, size=size)


def test_an_experiment_without_measurements_says_so(seeded_home: LabHome) -> None:
    connection = open_catalog(seeded_home)
    with write_transaction(connection):
        connection.execute(
            "UPDATE runs SET state = 'queued' WHERE id IN"
            " (SELECT run_id FROM experiment_steps WHERE axis IS NOT NULL)"
        )
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        assert "has not measured anything yet" in frame(app)

    drive(seeded_home, act)


def test_panes_are_shown_one_by_one_where_there_is_no_room(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        assert "PPL-1" not in frame(app)
        await pilot.press("2")
        await settle(pilot)
        assert "PPL-1" in frame(app)
        await pilot.press("1")
        await settle(pilot)
        assert "self-bleu-4" not in frame(app)
        await pilot.press("0")
        await settle(pilot)

    drive(template, act, size=(40, 12))


def test_one_condition_is_no_comparison(tmp_path: Path, empty_catalog: Path) -> None:
    home = make_lab(tmp_path / "lab", empty_catalog, {"vanilla": Plant(is_trained=False)})

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        assert "needs two measured conditions; here is vanilla" in frame(app)

    drive(home, act, size=(120, 40))


def test_pinning_turns_the_differences_round(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        before = metric(screen, "ppl1-log").against("single")
        assert before is not None
        assert before.verdict.outcome == "lower"
        await pilot.press("l", "l", "p")
        await settle(pilot)
        after = metric(screen, "ppl1-log").against("vanilla")
        assert after is not None
        assert after.result.difference == pytest.approx(-before.result.difference)
        assert "▸▲ single = baseline" in frame(app)
        assert app.command_log[-1] == "synthlab compare eggs.1 --axis collapse --baseline single"

    drive(template, act, size=(120, 40))


def test_a_condition_is_left_out_and_taken_in_again(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        await pilot.press("l", "space")
        await settle(pilot)
        assert "○ human" in frame(app)
        assert set(metric(screen, "ppl1-log").values) == {"vanilla", "single", "multi"}
        await pilot.press("l", "space")
        await settle(pilot)
        await pilot.press("l", "space")
        await settle(pilot)
        assert "two conditions must stay" in frame(app)
        await pilot.press("h", "space")
        await settle(pilot)
        assert set(metric(screen, "ppl1-log").values) == {"vanilla", "single", "multi"}

    drive(template, act, size=(120, 40))


def test_the_detail_pane_tells_everything_of_a_number(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        await pilot.press("l", "l")
        await settle(pilot)
        said = facts(app)
        for text in ("12 of 12", "lower by", "Holm", "by seed", "seed SD", "MDE", "minus vanilla"):
            assert text in said, text
        assert said.index("single") < said.index("human")

    drive(template, act, size=(200, 60))


def test_only_inputs_that_differ_or_all_of_them(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        settings = [key for key in screen.table.keys_shown if key.startswith("setting ")]
        assert settings == ["setting mixture"]
        await pilot.press("d")
        await settle(pilot)
        more = [key for key in screen.table.keys_shown if key.startswith("setting ")]
        assert len(more) > len(settings)
        assert "setting training.learning_rate" in more
        await pilot.press("a")
        await settle(pilot)
        assert any(key.startswith("shown ") for key in screen.table.keys_shown)

    drive(template, act, size=(200, 60))


def test_unlike_cells_are_hatched_and_never_subtracted(tmp_path: Path, empty_catalog: Path) -> None:
    home = make_lab(tmp_path / "lab", empty_catalog, EGGS)
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute(
            "UPDATE results SET key = json_set(key, '$.sampling', 'warmer') WHERE run_id IN"
            " (SELECT run_id FROM experiment_steps WHERE condition = 'single')"
        )
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        contrast = metric(screen, "ppl1-log").against("single")
        assert contrast is not None
        assert contrast.result.unlike == ("sampling",)
        assert "unlike ▒" in frame(app)
        await pilot.press("l", "l", "v")
        await settle(pilot)
        assert "unlike, not subtracted" in " ".join(facts(app).split())
        difference = f"{contrast.result.difference:+.4g}"
        assert difference not in frame(app)

    drive(home, act, size=(120, 40))


def test_charts_of_the_metric_the_loss_and_two_metrics(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        assert isinstance(chart := drawn(screen), ScatterWithIntervals)
        assert chart.title == "ppl1-log"
        await pilot.press("v")
        await settle(pilot)
        assert isinstance(chart := drawn(screen), BarChart)
        assert chart.title == "ppl1-log, minus vanilla"
        assert [bar.name for bar in chart.bars] == ["human", "single", "multi"]
        await pilot.press("c")
        await settle(pilot)
        assert "training loss" in frame(app)
        await pilot.press("c", "c")
        await settle(pilot)
        assert isinstance(chart := drawn(screen), ScatterWithIntervals)
        assert "against" in chart.title
        screen.query_one("#chart").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ChartScreen)

    drive(template, act, size=(120, 40))


def test_why_of_a_value_and_of_a_difference(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        await pilot.press("l", "w")
        await settle(pilot)
        assert isinstance(app.screen, WhyScreen)
        assert app.command_log[-1] == "synthlab why eggs.1:human:ppl1-log"
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("v", "w")
        await settle(pilot)
        assert app.command_log[-1] == "synthlab why eggs.1:human,vanilla:ppl1-log"

    drive(template, act, size=(120, 40))


def test_keys_answer_while_a_comparison_is_worked_out(
    template: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, entered = threading.Event(), threading.Event()
    real = answer

    def slow(home: LabHome, question: Question, progress: Progress) -> Answer:
        progress(2, 12, "self-bleu-4")
        entered.set()
        assert go_on.wait(20)
        progress(3, 12, "distinct-2")
        return real(home, question, progress)

    monkeypatch.setattr("screens.comparing.answer", slow)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("P")
        while not entered.is_set():
            await pilot.pause(0.02)
        await pilot.pause(0.1)
        assert "comparing 3 of 12: self-bleu-4" in frame(app)
        await pilot.press("l")
        await pilot.pause(0.05)
        assert "▸● human" in frame(app)
        go_on.set()
        await settle(pilot)
        assert "tested" in frame(app)
        entered.clear()
        go_on.clear()
        # Another question while the first is under way: the first is given up.
        await pilot.press("p")
        while not entered.is_set():
            await pilot.pause(0.02)
        await pilot.press("x")
        go_on.set()
        await settle(pilot)
        assert "robustness (2 of 2 axes)" in frame(app)
        assert "13 tested" not in frame(app)
        assert "human = baseline" in frame(app)

    drive(template, act, size=(120, 40))


def test_a_report_is_written_where_the_user_says(
    tiny_lab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = LabHome(Path(shutil.copytree(tiny_lab.home.root, tmp_path / "lab")))
    monkeypatch.chdir(tmp_path)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        await pilot.press("r")
        await settle(pilot)
        assert app.screen.query_one(Input).value == str(tmp_path / "tiny.1-report")
        app.screen.query_one(Input).value = str(tmp_path / "lab" / "catalog.db")
        await pilot.press("enter")
        await settle(pilot)
        assert "is a file; name a folder" in frame(app)
        app.screen.query_one(Input).value = str(tmp_path / "mine")
        await pilot.press("enter")
        await settle(pilot, 120)
        assert (tmp_path / "mine" / "report.html").exists(), frame(app)
        assert "report.html" in frame(app)

    drive(home, act, size=(120, 40))


def test_hostile_names_cannot_act(tmp_path: Path, empty_catalog: Path) -> None:
    plants = {"vanilla": EGGS["vanilla"], "[@click=app.quit]x[/] \x1b[2J": EGGS["single"]}
    home = make_lab(tmp_path / "lab", empty_catalog, plants)
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute("UPDATE results SET unit = ?", ("".join(PAYLOADS),))
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_compare(pilot, app)
        for key in ("l", "v", "d", "a", "end", "c", "c", "c", "x"):
            await pilot.press(key)
            await settle(pilot)
            assert is_harmless(frame(app).replace("\n", "")), key

    drive(home, act, size=(120, 40))


def test_judges_of_a_real_lab_are_compared_seed_by_seed(tiny_lab: Command, tmp_path: Path) -> None:
    home = LabHome(Path(shutil.copytree(tiny_lab.home.root, tmp_path / "lab")))

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_compare(pilot, app)
        await pilot.press("x", "x", "l")
        await settle(pilot)
        assert "bias (3 of 3 axes)" in frame(app)
        contrasts = metric(screen, "bias-net").contrasts
        assert {one.seed for one in contrasts} == {0, 1}
        assert screen.table.choose("metric bias-net")
        await settle(pilot)
        assert "seed 1" in facts(app)

    drive(home, act, size=(120, 40))
