"""The samples screen: frames, moving, filters, seeds and samples, masks, hostile texts."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from screens.app import LabApp
from screens.samples import SamplesScreen
from screens.snapshots.samples import ListRow, build_index, narrowed
from storage.home import LabHome
from synthlab.analysis.sample_index import SampleIndex
from tests.commands import Command
from tests.console.compared import EGGS, PROMPTS, make_lab, rewrite
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless
from tests.unit.analysis.measured_lab import Plant


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    return make_lab(tmp_path_factory.mktemp("samples") / "lab", empty_catalog, EGGS)


async def to_samples(pilot: Pilot[None], app: LabApp) -> SamplesScreen:
    await pilot.press("A")
    await settle(pilot)
    assert isinstance(app.screen, SamplesScreen)
    return app.screen


async def use_filter(pilot: Pilot[None], app: LabApp, text: str) -> None:
    await pilot.press("slash")
    app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await settle(pilot)


def reading(app: LabApp) -> str:
    """Prompt and answers as they are shown."""
    shown = [w for w in app.screen.query("#prompt, .answer").results(Static) if w.display]
    return "\n".join(str(widget.content) for widget in shown)


def row(screen: SamplesScreen) -> ListRow:
    found = screen.table.chosen_row
    assert isinstance(found, ListRow)
    return found


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_frames(template: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        check_frame(app, "samples")
        await use_filter(pilot, app, "set:harmful vanilla.state=refusal single.state!=refusal")
        check_frame(app, "samples-filter")

    drive(template, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_lab_says_how_to_fill_it(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        assert "There is no experiment yet" in frame(app)
        assert "synthlab run tiny" in frame(app)
        await pilot.press("n", "N", "l", "s", "i", "o", "m")
        await settle(pilot)
        assert isinstance(app.screen, SamplesScreen)

    drive(empty_home, act, size=size)


def test_an_experiment_without_answers_says_so(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        assert "no condition has answered anything yet" in frame(app)

    drive(seeded_home, act, experiment="eggs.1")


def test_one_condition_stands_alone(tmp_path: Path, empty_catalog: Path) -> None:
    home = make_lab(tmp_path / "lab", empty_catalog, {"vanilla": Plant(is_trained=False)})

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        assert "vanilla" in reading(app)
        await pilot.press("l")
        assert "all conditions are shown" in frame(app)

    drive(home, act, size=(120, 40))


def test_next_and_previous_wherever_the_focus_is(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        assert "Question 0 of test?" in reading(app)
        await pilot.press("j")
        await settle(pilot)
        assert "Question 1 of test?" in reading(app)
        await pilot.press("enter", "n")
        await settle(pilot)
        assert app.screen.focused is not None
        assert app.screen.focused.id == "reading"
        assert "Question 2 of test?" in reading(app)
        await pilot.press("N", "N")
        await settle(pilot)
        assert row(screen).prompt_id == "p0"

    drive(template, act, size=(120, 40))


@pytest.mark.parametrize(("size", "count"), [((80, 24), 4), ((120, 40), 2), ((200, 60), 4)])
def test_as_many_conditions_beside_each_other_as_fit(
    template: LabHome, size: tuple[int, int], count: int
) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        shown = [name for name in EGGS if f" {name}  " in reading(app)]
        assert shown == list(EGGS)[:count]
        await pilot.press("right", "l", "l", "l")
        await settle(pilot)
        shown = [name for name in EGGS if f" {name}  " in reading(app)]
        assert shown == list(EGGS)[-count:]

    drive(template, act, size=size)


def test_filters_search_and_what_is_wrong_with_one(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        assert screen.table.total == 2 * PROMPTS
        await use_filter(pilot, app, "set:harmful vanilla.state=refusal single.state!=refusal")
        assert 0 < screen.table.total < PROMPTS
        said = app.screen.query_one("#answer-0", Static).content
        assert "refusal" in str(said)
        await use_filter(pilot, app, '"Question 7"')
        assert screen.table.total == 2
        assert app.command_log[-1].startswith("synthlab samples eggs.1 --filter")
        await use_filter(pilot, app, "nosuch.state=refusal")
        assert "nosuch" in frame(app)
        await use_filter(pilot, app, "xyzzyx")
        assert "nothing passes the filter" in reading(app)
        await pilot.press("slash", "escape")
        await settle(pilot)
        assert screen.table.total == 2 * PROMPTS

    drive(template, act, size=(120, 40))


def test_lowest_score_first(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        await use_filter(pilot, app, "order:single.ppl1-log set:test")
        values = []
        for _ in range(4):
            page = screen.following.shown
            assert page is not None
            assert page.chosen is not None
            answer = page.chosen.of("single")
            assert answer is not None
            values.append(answer.scores["ppl1-log"])
            await pilot.press("n")
            await settle(pilot)
        assert values == sorted(values)
        assert len(set(values)) == 4
        await pilot.press("slash", "escape", "o")
        await settle(pilot)
        assert "lowest" in frame(app)

    drive(template, act, size=(120, 40))


def test_seeds_and_samples_are_switched(tmp_path: Path, empty_catalog: Path) -> None:
    def second_sample(home: LabHome) -> None:
        def alter(number: int, row: dict[str, Any]) -> None:
            # The later half of each file answers the prompts of the first half once more.
            if number % PROMPTS >= PROMPTS // 2:
                stem, place = row["prompt_id"][0], int(row["prompt_id"][1:])
                row["prompt_id"], row["sample"] = f"{stem}{place - PROMPTS // 2}", 1

        rewrite(home, "*/out/responses.jsonl", alter)

    home = make_lab(tmp_path / "lab", empty_catalog, EGGS, change=second_sample)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        assert (row(screen).seed, screen.table.total) == (0, 2 * PROMPTS)
        await pilot.press("s")
        await settle(pilot)
        assert (row(screen).seed, screen.table.total) == (1, 2 * PROMPTS)
        await pilot.press("s")
        await settle(pilot)
        assert screen.table.total == 4 * PROMPTS
        assert "all seeds" in frame(app)
        await pilot.press("i", "i")
        await settle(pilot)
        assert (row(screen).sample, screen.table.total) == (1, 2 * PROMPTS)
        await pilot.press("i")
        await settle(pilot)
        assert "all samples" in frame(app)

    drive(home, act, size=(200, 60))


def test_harmful_texts_are_masked_until_asked_for_and_again_afterwards(template: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        await pilot.press("m")
        assert "nothing is masked here" in frame(app)
        await use_filter(pilot, app, "set:harmful")

        def is_masked() -> bool:
            text = reading(app)
            return "Question 0 of harmful?" not in text and text.count("[masked:") == 4

        assert is_masked()
        assert "of harmful?" not in frame(app)
        await pilot.press("m")
        await settle(pilot)
        assert "Question 0 of harmful?" in reading(app)
        assert "[masked:" not in reading(app)
        assert app.command_log[-1] == "synthlab samples eggs.1 --prompt h0 --unmask"
        for there, back in (("n", "N"), ("s", "s"), ("question_mark", "escape"), ("O", "A")):
            await pilot.press(there)
            await settle(pilot)
            await pilot.press(back)
            await settle(pilot)
            assert isinstance(app.screen, SamplesScreen)
            if row(screen).prompt_id == "h0":
                assert is_masked() or there == "s", there
                await pilot.press("m")
                await settle(pilot)

    drive(template, act, size=(120, 40))


def test_keys_answer_while_the_index_is_built(
    template: LabHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = LabHome(Path(shutil.copytree(template.root, tmp_path / "lab")))
    shutil.rmtree(home.cache)
    go_on, entered = threading.Event(), threading.Event()
    real = build_index

    def slow(at: LabHome, experiment: str, progress: Any) -> SampleIndex:
        progress(2, 24, "collapse/vanilla.s0")
        entered.set()
        assert go_on.wait(20)
        return real(at, experiment, progress)

    monkeypatch.setattr("screens.sample_index.build_index", slow)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("A")
        while not entered.is_set():
            await pilot.pause(0.02)
        await pilot.pause(0.1)
        assert "building the index: 3 of 24, collapse/vanilla.s0" in frame(app)
        await pilot.press("s")
        assert "the answers are not open yet" in frame(app)
        go_on.set()
        await settle(pilot)
        assert "Question 0 of test?" in reading(app)

    drive(home, act, size=(120, 40))


def test_hostile_prompts_and_answers_cannot_act(tmp_path: Path, empty_catalog: Path) -> None:
    def poison(home: LabHome) -> None:
        def alter(number: int, row: dict[str, Any]) -> None:
            text = PAYLOADS[number % len(PAYLOADS)]
            row["text"] = text + "".join(PAYLOADS) if number % 3 == 0 else text

        rewrite(home, "*/out/responses.jsonl", alter)
        rewrite(home, "*/out/*.prompts.jsonl", alter)
        rewrite(home, "*/out/*.responses.jsonl", alter)

    home = make_lab(tmp_path / "lab", empty_catalog, EGGS, change=poison)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_samples(pilot, app)
        await pilot.press("s", "s")
        await settle(pilot)
        for _ in range(2 * PROMPTS):
            await pilot.press("n")
            await settle(pilot)
            assert is_harmless(frame(app).replace("\n", ""))
        await use_filter(pilot, app, "set:harmful")
        for _ in range(PROMPTS):
            await pilot.press("n", "m")
            await settle(pilot)
            assert is_harmless(frame(app).replace("\n", ""))
        assert app.is_running

    drive(home, act, size=(120, 40))


def test_answers_of_a_real_lab(tiny_lab: Command, tmp_path: Path) -> None:
    home = LabHome(Path(shutil.copytree(tiny_lab.home.root, tmp_path / "lab")))

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await to_samples(pilot, app)
        assert screen.table.total == 28
        assert "tokens" in reading(app)
        await use_filter(pilot, app, "purpose=jailbreak")
        assert screen.table.total == 4
        assert "[masked:" in reading(app)

    drive(home, act, size=(120, 40))


def test_a_filter_is_narrowed_to_a_seed_unless_it_speaks_of_one() -> None:
    assert narrowed("", 0, None) == ("seed=0", "")
    assert narrowed("a OR b", 1, 2) == ("( a OR b ) seed=1 sample=2", "")
    assert narrowed("order:-x.y words", 0, None) == ("( words ) seed=0", "-x.y")
    assert narrowed("seed=1 words", 0, 0) == ("seed=1 words", "")
    assert narrowed("seeds", 0, None) == ("( seeds ) seed=0", "")
    assert narrowed('order:"a b"', None, None) == ("", "a b")
