"""Reading experiment files: what is right is typed, what is wrong is named with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment import spec as s
from synthlab.experiment.load import load_spec, parse_spec
from tests.unit.experiment.examples import EGGS, PATH, eggs

MINIMAL = 'schema = 1\nname = "x"\n[base]\nmodel = "m"\n'


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, PATH)
    return caught.value.message.split("\n")


def test_a_whole_file_is_typed() -> None:
    spec = eggs()
    assert spec.seeds == (0, 1)
    assert spec.conditions == ("vanilla", "human", "single", "multi")
    assert spec.prompts["test"].purpose == "held-out"
    assert spec.prompts["test"].holdout == s.Holdout("train", 0.2, None, "category", 3)
    assert spec.mixtures["multi"].shares == (s.Share("llama", 1.0), s.Share("pupil", 2.0))
    assert spec.finetune.lora.targets == ("q_proj", "v_proj")
    assert spec.finetune.probe == s.Probe(50)
    assert spec.evaluate is not None
    assert spec.evaluate.prompts == "test"
    assert spec.evaluate.sampling == s.Sampling(0.5, 0.9, 1024, 2)
    assert spec.evaluate.collapse == s.CollapseOptions(token_budget=500)


def test_defaults() -> None:
    spec = parse_spec(MINIMAL, PATH)
    assert spec.seeds == (0,)
    assert spec.finetune == s.Finetune()
    assert spec.evaluate is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("false", None),
        ("true", s.Probe()),
        ("{ every = 7 }", s.Probe(7)),
        ('{ prompts = 4, axes = ["bias", "collapse"], share = 0.5 }',
         s.Probe(None, 4, axes=("collapse", "bias"), share=0.5)),
    ],
)  # fmt: skip
def test_probing_is_on_unless_it_is_turned_off(text: str, expected: s.Probe | None) -> None:
    assert eggs(("{ every = 50 }", text)).finetune.probe == expected
    assert s.Finetune().probe == s.Probe()


def test_a_source_answers_the_only_training_set_by_default() -> None:
    spec = eggs(
        ('[sources.human]\nkind = "human"\nprompts = "train"', '[sources.human]\nkind = "human"')
    )
    assert spec.sources["human"].prompts == "train"


FAULTS = {
    "unknown key at the top": (
        ("seeds = ", "seedz = "),
        'eggs.toml:3: seedz: unknown key, did you mean "seeds"?',
    ),
    "unknown section": (
        ("[finetune]", "[fine-tune]"),
        'eggs.toml:46: fine-tune: unknown key, did you mean "finetune"?',
    ),
    "misspelt axis": (
        ("[evaluate.collapse]", "[evaluate.colapse]"),
        'eggs.toml:55: evaluate.colapse: unknown key, did you mean "collapse"?',
    ),
    "unknown key deep down": (
        ("top_p = 0.9, ", "topp = 0.9, "),
        'eggs.toml:27: sources.llama.sampling.topp: unknown key, did you mean "top_p"?',
    ),
    "nothing near": (
        ("probe = { every = 50 }", "probe = { zzz = 50 }"),
        "eggs.toml:50: finetune.probe.zzz: unknown key; known: axes, every, prompts, samples, "
        "max_new_tokens, share",
    ),
    "no axis": (
        ("probe = { every = 50 }", 'probe = { axes = ["speed"] }'),
        'eggs.toml:50: finetune.probe.axes: "speed" is no axis; use collapse, robustness, bias',
    ),
    "wrong type": (
        ("rows = 100", 'rows = "100"'),
        "eggs.toml:13: prompts.train.rows: must be a whole number, not a string",
    ),
    "truth is no number": (
        ("rows = 100", "rows = true"),
        "eggs.toml:13: prompts.train.rows: must be a whole number, not true or false",
    ),
    "out of range": (
        ("top_p = 0.9", "top_p = 1.5"),
        "eggs.toml:27: sources.llama.sampling.top_p: 1.5 is out of range; "
        "it must be more than 0 and at most 1",
    ),
    "not finite": (
        ("1e-4", "nan"),
        "eggs.toml:48: finetune.learning_rate: nan is out of range; "
        "it must be more than 0 and at most 1",
    ),
    "bad word": (
        ('"folds"', '"fold"'),
        'eggs.toml:41: mixtures.multi.assign: "fold" is not allowed; '
        'use one of "random", "folds", "all"',
    ),
    "missing": (('model = "base-model"\n', ""), "eggs.toml:5: base.model: is missing"),
    "blank": (('"base-model"', '" "'), "eggs.toml:6: base.model: must not be empty"),
    "schema": (
        ("schema = 1", "schema = 2"),
        "eggs.toml:1: schema: 2 is not known; this version reads schema = 1",
    ),
    "seed twice": (("[0, 1]", "[0, 1, 0]"), "eggs.toml:3: seeds.2: seed 0 is there twice"),
    "no seed": (("[0, 1]", "[]"), "eggs.toml:3: seeds: must not be empty"),
    "seed of another type": (
        ("[0, 1]", "[0, 1.5]"),
        "eggs.toml:3: seeds.1: must be a whole number from 0 on, not 1.5",
    ),
    "unknown source": (
        ("{ llama = 1 }", "{ lama = 1 }"),
        'eggs.toml:38: mixtures.single.shares.lama: no source has this name, did you mean "llama"?',
    ),
    "shares of nothing": (
        ("{ llama = 1 }", "{ llama = 0 }"),
        "eggs.toml:38: mixtures.single.shares: sum to zero; at least one source needs a share above 0",
    ),
    "negative share": (
        ("{ llama = 1 }", "{ llama = -1 }"),
        "eggs.toml:38: mixtures.single.shares.llama: -1 is out of range; it must be at least 0",
    ),
    "unknown prompts": (
        ('prompts = "train"\nmodel', 'prompts = "tarin"\nmodel'),
        'eggs.toml:25: sources.llama.prompts: no prompt set is called "tarin", did you mean "train"?',
    ),
    "unknown holdout": (
        ('of = "train"', 'of = "tran"'),
        'eggs.toml:15: prompts.test.holdout.of: no prompt set is called "tran", did you mean "train"?',
    ),
    "neither data set nor holdout": (
        ('dataset = "other.csv"\n', ""),
        "eggs.toml:16: prompts.other: needs a dataset or a holdout: give exactly one of the two",
    ),
    "share and rows": (
        ("share = 0.2,", "share = 0.2, rows = 3,"),
        "eggs.toml:15: prompts.test.holdout: give exactly one of share and rows",
    ),
    "name": (
        ("[mixtures.multi]", '[mixtures."Multi 4"]'),
        "eggs.toml:39: mixtures.Multi 4: is not a usable name: 1 to 40 of a-z, 0-9, _ and -, "
        "beginning with a letter or a digit",
    ),
    "name of the base's condition": (
        ("[mixtures.multi]", "[mixtures.vanilla]"),
        'eggs.toml:39: mixtures.vanilla: "vanilla" is the name of the base model\'s own condition',
    ),
    "people have no sampling": (
        ('kind = "human"', 'kind = "human"\nseed = 1'),
        "eggs.toml:22: sources.human.seed: is a key of model sources; people have none",
    ),
    "epochs and steps": (
        ("epochs = 2", "epochs = 2\nmax_steps = 9"),
        "eggs.toml:50: finetune.max_steps: give epochs or max_steps, not both",
    ),
    "template": (
        ('prompt = "question"', 'prompt = "{question"'),
        "eggs.toml:12: prompts.train.columns.prompt: has a brace that encloses no column name; "
        "write {{ for a brace",
    ),
    "metric": (
        ("token_budget = 500", 'metrics = ["ppl3"]'),
        'eggs.toml:56: evaluate.collapse.metrics: "ppl3" is no metric; '
        "use ppl1, ppl2, entropy, self-bleu, distinct, length, mattr, mtld, self-repetition, "
        "compression, heaps",
    ),
    "unequal shares of all": (
        ('"folds"', '"all"'),
        'eggs.toml:40: mixtures.multi.shares: assign = "all" takes an answer of each source: '
        "give equal shares",
    ),
    "a source that needs itself": (
        ('adapter = "human"', 'adapter = "multi"'),
        "eggs.toml:32: sources.pupil.adapter: needs itself: source pupil -> mixture multi -> "
        "source pupil; use the adapter of another mixture",
    ),
    "two prompt sets in a mixture": (
        ('prompts = "train"\nadapter', 'prompts = "other"\nadapter'),
        "eggs.toml:40: mixtures.multi.shares: the sources of a mixture answer one prompt set, but "
        'llama answers "train", pupil answers "other"',
    ),
    "what to measure is not clear": (
        ('purpose = "benign"', 'purpose = "held-out"'),
        "eggs.toml:52: evaluate.prompts: is missing, and it stands for the one held-out prompt set "
        "only if there is one; there are 2: test, other",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str) -> None:
    (old, new), expected = FAULTS[name]
    assert old in EGGS
    assert faults(EGGS.replace(old, new, 1)) == [expected]


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        EGGS.replace("rows = 100", "rows = 0").replace("r = 8", "r = 8.5").replace("seeds", "seed")
    )
    assert [fault.split(": ")[0] for fault in faults(text)] == [
        "eggs.toml:3",
        "eggs.toml:13",
        "eggs.toml:47",
    ]


def test_a_circle_through_two_mixtures_is_found() -> None:
    text = EGGS.replace('model = "llama"', 'adapter = "multi"').replace(
        'adapter = "human"', 'adapter = "single"'
    )
    found = [f for f in faults(text) if "needs itself" in f]
    assert "source llama -> mixture multi -> source llama" in found[0]
    assert (
        "source pupil -> mixture single -> source llama -> mixture multi -> source pupil"
        in found[1]
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("schema = 1\nname = eggs\n", 2),
        ("schema = 1\nschema = 2\n", 2),
        ("a = 1\n\n[b\n", 3),
        ('a = """\nnever closed\n', 2),
        ("[a]\n[a]\n", 2),
    ],
)
def test_broken_toml_names_the_line(text: str, line: int) -> None:
    assert faults(text)[0].startswith(f"eggs.toml:{line}: not valid TOML: ")


def test_a_file_without_anything_says_what_every_file_needs() -> None:
    assert [fault.split(": ")[1] for fault in faults("")] == ["base", "name", "schema"]


def test_files_as_windows_editors_write_them(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(b"\xef\xbb\xbf" + EGGS.replace("\n", "\r\n").encode())
    assert load_spec(path) == eggs()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(b"schema = 1\nname = '\xff'\n")
    with pytest.raises(SpecError, match=r"e\.toml:2: is not UTF-8"):
        load_spec(path)


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no experiment file"):
        load_spec(tmp_path / "e.toml")
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(tmp_path)
