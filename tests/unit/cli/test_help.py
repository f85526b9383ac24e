"""What the command says of itself: examples that work, defaults that are named, lines that fit."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stdout

import pytest

from synthlab.cli.grammar import VERBS, build_parser
from synthlab.cli.verbs.parts import Verb
from synthlab.cli.words import many

LINE = 80


def help_of(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(LINE))
    with redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
        build_parser().parse_args([verb.name, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_example_is_a_call_of_its_verb(verb: Verb) -> None:
    for example in verb.examples:
        parsed = build_parser().parse_args(shlex.split(example))
        assert parsed.verb == verb.name


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_help_fits_a_terminal_and_shows_the_examples(
    verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_of(verb, monkeypatch)
    usage = text.partition("\n\n")[0]
    assert all(len(line) <= LINE for line in text.removeprefix(usage).splitlines())
    assert all(f"  synthlab {example}\n" in text for example in verb.examples)


def test_every_argument_says_what_it_is_and_what_it_is_without_it() -> None:
    for verb in VERBS:
        for argument in verb.arguments:
            said = str(argument.options.get("help", ""))
            assert said, f"{verb.name} {argument.names[0]} has no help"
            default = argument.options.get("default")
            if default not in (None, "", []) and argument.names[0].startswith("--"):
                assert f"({default})" in said, f"{verb.name} {argument.names[0]}"


def test_verbs_that_take_something_have_an_example() -> None:
    bare = {verb.name for verb in VERBS if not verb.examples}
    needing = {
        verb.name
        for verb in VERBS
        for argument in verb.arguments
        if not argument.names[0].startswith("-") and "nargs" not in argument.options
    }
    assert not bare & needing


def test_the_overview_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(LINE))
    text = build_parser().format_help()
    assert all(len(line) <= LINE for line in text.splitlines())


def test_one_is_no_plural() -> None:
    assert [many(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


@pytest.mark.parametrize(
    "words",
    [
        ("--home", "/lab", "--json", "runs"),
        ("runs", "--home", "/lab", "--json"),
        ("--json", "runs", "--home=/lab"),
    ],
)
def test_home_and_json_stand_before_or_after_the_verb(words: tuple[str, ...]) -> None:
    parsed = build_parser().parse_args(words)
    assert (parsed.home, parsed.json) == ("/lab", True)
    plain = build_parser().parse_args(["runs"])
    assert (plain.home, plain.json) == (None, False)
