"""One run: frames, sheets, curves over steps, tokens and time, its log, silence, overlays, hostile texts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.run import RunScreen
from screens.snapshots.run_curves import tokens_at
from screens.why import WhyScreen
from screens.widgets.chart_view import ChartView
from screens.widgets.log_view import LogView
from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless
from tests.console.seeded import NOW, Seeder, run_id

TRAINING = run_id(45)
"""Runs, half way through."""
LOG = "".join(f"step {step}: loss {3 - step / 100:.3f}\n" for step in range(1, 201))


def write_log(home: LabHome, run: str, text: str | bytes) -> Path:
    path = home.run(run) / "log.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def change(home: LabHome, sql: str, *values: object) -> None:
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute(sql, values)
    connection.close()


async def open_run(pilot: Pilot[None], run: str, *others: str) -> RunScreen:
    screen = RunScreen(run, others)
    pilot.app.push_screen(screen)
    await settle(pilot)
    return screen


@pytest.fixture
def training_home(seeded_home: LabHome) -> LabHome:
    """The run that trains has a log."""
    connection = open_catalog(seeded_home)
    label = connection.execute("SELECT label FROM runs WHERE id = ?", (TRAINING,)).fetchone()[0]
    connection.close()
    assert label == "finetune/multi.s2"
    write_log(seeded_home, TRAINING, LOG)
    return seeded_home


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_a_run_that_trains(training_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        check_frame(app, "run")

    drive(training_home, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_run_that_failed_says_why_and_by_what_evidence(
    seeded_home: LabHome, size: tuple[int, int]
) -> None:
    change(
        seeded_home,
        "UPDATE runs SET message = ?, hint = ?, evidence = ?, process = ? WHERE state = 'failed'",
        "the kernel killed the job: it used more memory than there is",
        "a smaller batch_size, or fewer slots in settings.toml",
        json.dumps({"exit_status": -9, "oom_kills": 1}),
        json.dumps({"host": "box", "gpus": ["GPU-1"], "job": {"pid": 71}, "runner": {"pid": 70}}),
    )
    connection = open_catalog(seeded_home)
    failed = connection.execute("SELECT id FROM runs WHERE state = 'failed'").fetchone()[0]
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, failed)
        if size[0] < 100:
            await pilot.press("2")
            await settle(pilot)
        check_frame(app, "run-failed")

    drive(seeded_home, act, size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_sheets_turn(training_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        measured = run_id(46 - 4 * 3 + 2 - 2)
        await open_run(pilot, measured)
        # It has no curves, so that its numbers are what is seen first.
        check_frame(app, "run-numbers")
        await pilot.press("right_square_bracket")
        await settle(pilot)
        await pilot.press("left_square_bracket", "left_square_bracket")
        await settle(pilot)
        assert '"seed": 0' in frame(app)

    drive(training_home, act, size=size)


def test_lineage_leads_to_the_runs_it_names(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, run_id(3))
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert "generate/llama" in frame(app)
        assert re.search(r"read by +\S+ +finetune/human\.s0", frame(app))
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.words()["run"] == run_id(2)

    drive(seeded_home, act, size=(120, 40))


def test_why_of_a_result_and_of_a_run_without_one(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        await pilot.press("w")
        await settle(pilot)
        assert "this run has no results" in frame(app)
        await open_run(pilot, run_id(4))
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(app.screen, WhyScreen)
        assert "self-bleu-4 = 0.31" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_a_run_that_went_silent_is_neither_running_for_ever_nor_failed(
    training_home: LabHome,
) -> None:
    change(training_home, "UPDATE runs SET heard_at = ? WHERE id = ?", NOW - 600, TRAINING)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        assert "silent for 10:00 min" in frame(app)
        assert "failed" not in frame(app)

    drive(training_home, act, size=(120, 40))


def test_curves_turn_to_log_time_and_other_smoothing(training_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await open_run(pilot, TRAINING)

        def loss() -> object:
            assert screen.following.shown is not None
            return dict(screen.following.shown.curves.charts)["loss"]

        first = loss()
        assert [series.dim for series in first.series] == [True, False]  # type: ignore[attr-defined]
        await pilot.press("e", "e")
        await settle(pilot)
        assert [series.dim for series in loss().series] == [False]  # type: ignore[attr-defined]
        await pilot.press("s")
        await settle(pilot)
        assert loss().y.scale == "log"  # type: ignore[attr-defined]
        await pilot.press("a")
        await settle(pilot)
        assert loss().x.unit == "s"  # type: ignore[attr-defined]
        assert "has not reported how many tokens" in frame(app)

    drive(training_home, act, size=(120, 40))


def test_curves_over_tokens_stand_between_the_steps_that_reported_them(
    training_home: LabHome,
) -> None:
    connection = open_catalog(training_home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        number = connection.execute("SELECT max(id) FROM metric_names").fetchone()[0]
        seeder.names["tokens"] = number + 1
        seeder.insert("metric_names", id=number + 1, name="tokens")
        seeder.metric(TRAINING, "tokens", [(10, 1000.0), (20, 3000.0)])
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await open_run(pilot, TRAINING)
        await pilot.press("a")
        await settle(pilot)
        assert screen.following.shown is not None
        charts = dict(screen.following.shown.curves.charts)
        assert "tokens" not in charts
        x = charts["loss"].series[0].x
        assert (x[0], x[9], x[14], x[19]) == (100.0, 1000.0, 2000.0, 3000.0)

    drive(training_home, act, size=(120, 40))


def test_tokens_are_drawn_out_beyond_the_last_report() -> None:
    assert tokens_at(30, [(10, 1000.0), (20, 3000.0)]) == 4500.0
    assert tokens_at(5, [(10, 1000.0)]) == 500.0


def test_several_runs_share_their_charts(seeded_home: LabHome) -> None:
    connection = open_catalog(seeded_home)
    runs = [
        row[0]
        for row in connection.execute("SELECT id FROM runs WHERE kind = 'finetune' ORDER BY num")
    ]
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await open_run(pilot, runs[0], *runs[1:4])
        assert screen.following.shown is not None
        series = dict(screen.following.shown.curves.charts)["loss"].series
        names = list(dict.fromkeys(one.name for one in series))
        assert names[-1] == "finetune/human.s0"  # drawn last, over the others
        assert len(names) == 4
        check_frame(app, "run-several")

    drive(seeded_home, act, size=(120, 40))


def test_the_log_is_followed_read_and_searched(training_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        assert "step 200" in frame(app)
        path = training_home.run(TRAINING) / "log.txt"
        with path.open("a") as log:
            log.write("and on it goes\n")
        await pilot.pause(0.7)
        await settle(pilot)
        assert "and on it goes" in frame(app)
        await pilot.press("slash")
        app.screen.query_one("#log-pane").query_one(Input).value = "STEP 57:"
        await pilot.press("enter")
        await settle(pilot)
        view = app.screen.query_one(LogView)
        assert view.page.lines[0].text.startswith("step 57:")
        assert view.follows is False
        assert view.has_focus
        await pilot.press("up", "up")
        await settle(pilot)
        assert view.page.lines[0].text.startswith("step 55:")
        await pilot.press("g")
        await settle(pilot)
        assert view.page.lines[0].start == 0
        await pilot.press("G")
        await settle(pilot)
        assert "follows the end" not in frame(app)
        assert "and on it goes" in frame(app)
        await pilot.press("slash")
        app.screen.query_one("#log-pane").query_one(Input).value = "not in there"
        await pilot.press("enter")
        await settle(pilot)
        assert "does not hold 'not in there'" in frame(app)

    drive(training_home, act, size=(120, 40))


def test_a_log_of_gigabytes_opens_at_its_end(training_home: LabHome) -> None:
    with write_log(training_home, TRAINING, "").open("wb") as file:
        file.seek(3 << 30)
        file.write(b"\nthe last line\n")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        assert "the last line" in frame(app)
        assert "end of 3.0 GiB" in frame(app)

    drive(training_home, act, size=(120, 40))


def test_a_log_cannot_act(training_home: LabHome) -> None:
    lines = [payload.encode("utf-8", "surrogatepass") for payload in PAYLOADS]
    write_log(training_home, TRAINING, b"\n".join([*lines, b"\xff\xfe", b"y" * (1 << 20), b"end"]))

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        await pilot.press("3")
        await settle(pilot)
        assert "end" in frame(app)
        await pilot.press("g")
        await settle(pilot)
        assert is_harmless(frame(app))
        assert "[@click=app.quit]quit[/]" in frame(app)
        await pilot.press("right", "down", "down")
        await settle(pilot)
        assert is_harmless(frame(app))
        assert isinstance(app.screen, RunScreen)

    drive(training_home, act, size=(80, 60))


def test_every_sheet_survives_hostile_texts(empty_home: LabHome) -> None:
    connection = open_catalog(empty_home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        everything = {f"{n} {payload}": payload for n, payload in enumerate(PAYLOADS)}
        run = seeder.run(
            PAYLOADS[0],
            PAYLOADS[1],
            "failed",
            reason=PAYLOADS[2],
            message=" ".join(PAYLOADS),
            hint=PAYLOADS[3],
            evidence=json.dumps(everything),
            params=json.dumps(everything),
            process=json.dumps({"host": PAYLOADS[4], "gpus": list(PAYLOADS)}),
        )
        for payload in PAYLOADS:
            seeder.metric(run, payload, [(step, step / 3) for step in range(40)])
            seeder.result(run, "collapse", f"r {payload}", payload, 0.5)
        for number, payload in enumerate(PAYLOADS):
            seeder.insert("run_notes", run_id=run, position=number, time=NOW - number, text=payload)
            seeder.insert("run_inputs", run_id=run, role=payload, input_run_id=run, digest=payload)
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, run)
        for _ in range(5):
            assert is_harmless(frame(app))
            await pilot.press("right_square_bracket", "v", "pagedown")
            await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert all(view.grid is None or is_harmless(view.grid.text) for view in charts(app))

    def charts(app: LabApp) -> list[ChartView]:
        return list(app.screen.query(ChartView))

    drive(empty_home, act, size=(120, 40))


def test_a_run_that_is_gone_is_said_to_be_gone(empty_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, "zzzzzzzz")
        assert "run zzzzzzzz is not in this lab" in frame(app)

    drive(empty_home, act)


def test_a_narrow_screen_shows_one_pane_beside_the_log(training_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await open_run(pilot, TRAINING)
        panes = [app.screen.query_one(f"#{name}") for name in ("curves", "sheet-pane", "log-pane")]

        async def sees(*wanted: bool) -> bool:
            for _ in range(100):
                if [bool(pane.region.area) for pane in panes] == list(wanted):
                    return True
                await pilot.pause(0.05)
            return False

        assert await sees(True, False, True)
        await pilot.press("2")
        assert await sees(False, True, True)
        await pilot.press("3")
        assert await sees(False, False, True)

    drive(training_home, act)
