"""Time the metrics against their references, both sides in one run on the same texts.

    python -m tests.bench.metrics_bench [--texts 15000] [--fast-bleu-texts 1000 | --full]

Each measurement runs in a process of its own, so that its peak memory is its own (it includes the
texts). Timings start from lists of words for every side of Self-BLEU, so numbering the words is
part of ours, and from a float matrix for Vendi. References that are not installed are left out and
named. `fast-bleu` builds from PyPI; with --full it takes minutes.
"""

import argparse
import importlib
import importlib.util
import math
import multiprocessing
import platform
import random
import resource
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from synthlab.metrics.diversity import mattr, mtld, ngram_diversity, self_repetition
from synthlab.metrics.embedding import embeddings, vendi
from synthlab.metrics.heaps import heaps, heaps_grid
from synthlab.metrics.mauve import mauve
from synthlab.metrics.self_bleu import self_bleu
from synthlab.metrics.self_bleu_subsets import SelfBleuSubsets
from synthlab.metrics.tokenize import intern

ORDER = 4
DIMENSIONS = 384
Texts = list[list[str]]


@dataclass(frozen=True)
class Sides:
    """Sizes of one bench run."""

    texts: int
    tokens: int
    fast_bleu_texts: int
    vendi_reference_texts: int


@dataclass(frozen=True)
class Measured:
    """One timed computation."""

    label: str
    texts: int
    seconds: float
    peak_mib: float
    value: float


def make_texts(n: int, tokens: int, seed: int) -> Texts:
    """Texts of Zipf-distributed words, a third of them inside phrases that are used again."""
    rng = random.Random(seed)
    ranks = list(range(1, 30_001))
    cumulative = list(np.cumsum([rank**-1.05 for rank in ranks]))
    words = [f"word{rank}" for rank in ranks]

    def draw(k: int) -> list[str]:
        return rng.choices(words, cum_weights=cumulative, k=k)

    phrases = [draw(rng.randint(3, 8)) for _ in range(3000)]
    weights = list(np.cumsum([1 / rank for rank in range(1, 3001)]))
    texts = []
    for _ in range(n):
        text: list[str] = []
        while len(text) < tokens:
            if rng.random() < 0.1:
                text += rng.choices(phrases, cum_weights=weights)[0]
            else:
                text += draw(1)
        texts.append(text[:tokens])
    return texts


def make_vectors(n: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(np.arange(1, DIMENSIONS + 1))
    return rng.normal(size=(n, DIMENSIONS)) * scale


def plain_python_self_bleu(texts: Sequence[Sequence[str]], max_order: int = ORDER) -> float:
    """The same linear algorithm with dictionaries, as a careful Python programmer would write it."""
    log_sums = [0.0] * len(texts)
    no_unigram = [False] * len(texts)
    for order in range(1, max_order + 1):
        counts = [
            Counter(zip(*(text[start:] for start in range(order)), strict=False)) for text in texts
        ]
        best: dict[tuple[str, ...], tuple[int, int, int]] = {}
        for row, grams in enumerate(counts):
            for gram, count in grams.items():
                first, owner, second = best.get(gram, (0, -1, 0))
                if count > first:
                    best[gram] = (count, row, first)
                elif count > second:
                    best[gram] = (first, owner, count)
        for row, grams in enumerate(counts):
            matches = 0
            for gram, count in grams.items():
                first, owner, second = best[gram]
                matches += min(count, second if owner == row else first)
            if order == 1 and not matches:
                no_unigram[row] = True
            total = max(1, len(texts[row]) - order + 1)
            log_sums[row] += math.log((matches or 0.1) / total)
    lengths = sorted(len(text) for text in texts)
    scores = []
    for row, text in enumerate(texts):
        own = len(text)
        low, high = bisect_left(lengths, own), bisect_right(lengths, own)
        if high - low > 1:
            nearest = own
        else:
            near = lengths[max(low - 1, 0) : low] + lengths[high : high + 1]
            nearest = min(near, key=lambda length: (abs(length - own), length))
        brevity = 1.0 if own > nearest else math.exp(1 - nearest / own)
        scores.append(0.0 if no_unigram[row] else brevity * math.exp(log_sums[row] / max_order))
    return sum(scores) / len(scores)


def _ours(texts: Texts) -> float:
    return self_bleu(intern(texts, "bench"), ORDER).score.value


def _fast_bleu(texts: Texts) -> float:
    reference = importlib.import_module("fast_bleu")
    weights = {"bleu": (1 / ORDER,) * ORDER}
    return float(np.mean(reference.SelfBLEU(texts, weights).get_score()["bleu"]))


def _swaps(texts: Texts) -> float:
    """Seconds per swap; building the table is not part of it."""
    half = len(texts) // 2
    both = SelfBleuSubsets(intern(texts[: 2 * half], "bench"), ORDER)
    masks = np.random.default_rng(0).random((50, half)) < 0.5
    start = time.perf_counter()
    both.means(np.hstack([masks, ~masks]))
    both.means(np.hstack([~masks, masks]))
    return (time.perf_counter() - start) / len(masks)


def _vendi_reference(n: int) -> float:
    from vendi_score import vendi as reference

    unit = embeddings(make_vectors(n, 1), "bench").unit
    return float(reference.score_K(unit @ unit.T))


def _mauve(n: int) -> float:
    human = embeddings(make_vectors(n, 1), "bench")
    return mauve(human, embeddings(make_vectors(n, 2) + 0.02, "bench")).mauve.mean.value


TEXT_SIDES: dict[str, Callable[[Texts], float]] = {
    "ours": _ours,
    "plain Python": plain_python_self_bleu,
    "fast-bleu": _fast_bleu,
    "swap": _swaps,
    "MATTR-50": lambda texts: mattr(intern(texts, "bench")).score.value,
    "MTLD": lambda texts: mtld(intern(texts, "bench")).score.value,
    "n-gram diversity": lambda texts: ngram_diversity(intern(texts, "bench")).value,
    "self-repetition": lambda texts: self_repetition(intern(texts, "bench")).score.value,
    "Heaps, 20 shuffles": lambda texts: (
        heaps(intern(texts, "bench"), heaps_grid(sum(map(len, texts)))).beta.value
    ),
}
VECTOR_SIDES: dict[str, Callable[[int], float]] = {
    "Vendi, ours": lambda n: vendi(embeddings(make_vectors(n, 1), "bench")).q1.value,
    "Vendi, vendi-score n x n": _vendi_reference,
    "MAUVE, 5 seeds": _mauve,
}


def measure(label: str, n: int, tokens: int) -> Measured:
    """Run in a fresh process: make the input, then time one computation."""
    if label in TEXT_SIDES:
        texts = make_texts(n, tokens, seed=1)
        start = time.perf_counter()
        value = TEXT_SIDES[label](texts)
        seconds = time.perf_counter() - start
    else:
        start = time.perf_counter()
        make_vectors(n, 1)
        making = time.perf_counter() - start
        start = time.perf_counter()
        value = VECTOR_SIDES[label](n)
        seconds = time.perf_counter() - start - making * (2 if "MAUVE" in label else 1)
    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Measured(label, n, seconds, peak, value)


def plan(sides: Sides) -> list[tuple[str, int]]:
    """What to measure, references only where they are installed."""
    wanted = [("ours", sides.texts), ("plain Python", sides.texts)]
    if importlib.util.find_spec("fast_bleu"):
        if sides.fast_bleu_texts != sides.texts:
            wanted.append(("ours", sides.fast_bleu_texts))
        wanted.append(("fast-bleu", sides.fast_bleu_texts))
    wanted.append(("swap", 3004))
    wanted += [(label, sides.texts) for label in list(TEXT_SIDES)[4:]]
    wanted.append(("Vendi, ours", sides.texts))
    if importlib.util.find_spec("vendi_score"):
        wanted.append(("Vendi, ours", sides.vendi_reference_texts))
        wanted.append(("Vendi, vendi-score n x n", sides.vendi_reference_texts))
    wanted.append(("MAUVE, 5 seeds", 2000))
    return wanted


def report(rows: Sequence[Measured]) -> None:
    own = {(row.label.startswith("Vendi"), row.texts): row for row in rows if "ours" in row.label}
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{'what':26} {'texts':>7} {'seconds':>9} {'peak MiB':>9} {'x ours':>8}  value")
    for row in rows:
        label = (
            f"Self-BLEU-{ORDER}, {row.label}" if row.label in list(TEXT_SIDES)[:3] else row.label
        )
        ratio = ""
        if row.label in ("plain Python", "fast-bleu", "Vendi, vendi-score n x n"):
            match = own[(row.label.startswith("Vendi"), row.texts)]
            ratio = f"{row.seconds / match.seconds:.1f}"
        seconds, value = row.seconds, f"{row.value:.12g}"
        if row.label == "swap":
            label, seconds, value = "paired swap, 2 x 1,502", row.value, ""
        print(f"{label:26} {row.texts:7,} {seconds:9.3f} {row.peak_mib:9.0f} {ratio:>8}  {value}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the metrics against their references.")
    parser.add_argument("--texts", type=int, default=15_000)
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--fast-bleu-texts", type=int, default=1_000)
    parser.add_argument("--vendi-reference-texts", type=int, default=2_000)
    parser.add_argument("--full", action="store_true", help="fast-bleu on all texts (minutes)")
    chosen = parser.parse_args()
    smaller = chosen.texts if chosen.full else chosen.fast_bleu_texts
    sides = Sides(chosen.texts, chosen.tokens, smaller, chosen.vendi_reference_texts)
    rows = []
    context = multiprocessing.get_context("spawn")
    for label, n in plan(sides):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            rows.append(pool.submit(measure, label, n, sides.tokens).result())
    report(rows)
    for name in ("fast_bleu", "vendi_score"):
        if not importlib.util.find_spec(name):
            print(f"{name} is not installed and was left out", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
