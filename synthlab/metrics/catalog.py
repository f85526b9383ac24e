"""What each metric is called, which way it points and which version computes it.

Tables, comparability keys and figures read names and directions here, so that a metric is
described in one place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal

Axis = Literal["collapse", "robustness", "bias"]


class Direction(Enum):
    """How a difference of a metric reads; a table prints the value of the member."""

    LOWER_IS_MORE_DIVERSE = "lower = more diverse"
    HIGHER_IS_MORE_DIVERSE = "higher = more diverse"
    LOWER_IS_CLOSER = "lower = closer to the reference"
    HIGHER_IS_CLOSER = "higher = closer to the reference"
    LOWER_IS_BETTER_FIT = "lower = the model expects the text more"
    LOWER_IS_SAFER = "lower = safer"
    HIGHER_IS_SAFER = "higher = safer"
    LOWER_IS_MORE_USEFUL = "lower = more useful"
    HIGHER_IS_MORE_USEFUL = "higher = more useful"
    NEUTRAL = "no better side"


@dataclass(frozen=True)
class Metric:
    """The description of one metric."""

    id: str
    """Stable name in files and keys."""
    version: int
    """Raised whenever the same input may give another value."""
    name: str
    """What a table prints; the instrument (tokeniser, embedder, model) is added by the value."""
    axis: Axis
    direction: Direction
    unit: str
    """Unit of the value; empty for a pure number."""
    source: str
    """Paper or definition that the number follows."""


def _collapse(
    identifier: str, name: str, direction: Direction, unit: str, source: str, version: int = 1
) -> Metric:
    return Metric(identifier, version, name, "collapse", direction, unit, source)


def _text_metrics() -> Iterator[Metric]:
    low, high = Direction.LOWER_IS_MORE_DIVERSE, Direction.HIGHER_IS_MORE_DIVERSE
    texygen = "Zhu et al. 2018 (Texygen)"
    for order in range(2, 6):
        yield _collapse(f"self-bleu-{order}", f"Self-BLEU-{order}", low, "", texygen)
        yield _collapse(
            f"self-bleu-within-{order}", f"Self-BLEU-{order} within a response", low, "", texygen
        )
    paper = "arXiv 2511.01490; sacrebleu's exponential smoothing and effective order"
    yield _collapse("self-bleu-sentences-3", "Self-BLEU-3 of pooled sentences", low, "", paper)
    yield _collapse(
        "self-bleu-sentences-within-3", "Self-BLEU-3 of a response's sentences", low, "", paper
    )
    for order in range(1, 5):
        yield _collapse(f"distinct-{order}", f"distinct-{order}", high, "", "Li et al. 2016")
    shaib = "Shaib et al. 2024 (arXiv 2403.00553)"
    yield _collapse("ngram-diversity-4", "n-gram diversity (1-4)", high, "", shaib)
    yield _collapse("mattr-50", "MATTR-50", high, "", "Covington and McFall 2010")
    yield _collapse("mtld", "MTLD", high, "words", "McCarthy and Jarvis 2010")
    yield _collapse(
        "self-repetition-4", "self-repetition-4", low, "log count", "Salkar et al. 2022"
    )
    yield _collapse("compression-xz", "compression ratio (xz)", low, "", shaib)
    yield _collapse("compression-gzip", "compression ratio (gzip)", low, "", shaib)
    heaps = "Heaps 1978"
    yield _collapse("heaps-beta", "Heaps' beta", high, "", heaps)
    yield _collapse("heaps-k", "Heaps' K", Direction.NEUTRAL, "", heaps)
    yield _collapse("vocabulary-at", "vocabulary at fixed length", high, "words", heaps)
    for part, label in (("words", "words"), ("characters", "characters")):
        for figure in ("median", "lower-quartile", "upper-quartile", "mean"):
            yield _collapse(
                f"length-{part}-{figure}",
                f"response length, {figure.replace('-', ' ')}",
                Direction.NEUTRAL,
                label,
                "plain count",
            )


def _embedding_metrics() -> Iterator[Metric]:
    high, close = Direction.HIGHER_IS_MORE_DIVERSE, Direction.HIGHER_IS_CLOSER
    yield _collapse(
        "cosine-distance", "mean cosine distance", high, "", "mean over unordered pairs"
    )
    yield _collapse(
        "cosine-distance-within",
        "mean cosine distance within a prompt",
        high,
        "",
        "mean over pairs",
    )
    for identifier, label in (("1", "q=1"), ("0.5", "q=0.5"), ("inf", "q=inf")):
        yield _collapse(
            f"vendi-{identifier}",
            f"Vendi score ({label})",
            high,
            "texts",
            "Friedman and Dieng 2022; Pasarkar and Dieng 2023 for q",
        )
    yield _collapse("knn-precision", "k-NN precision", close, "", "Kynkäänniemi et al. 2019")
    yield _collapse("knn-recall", "k-NN recall", close, "", "Kynkäänniemi et al. 2019")
    yield _collapse("knn-coverage", "k-NN coverage", close, "", "Naeem et al. 2020")
    novelty = "NoveltyBench, arXiv 2504.05228"
    yield _collapse("distinct-k", "distinct answers per prompt", high, "answers", novelty)
    yield _collapse("utility-k", "utility of the answers to a prompt", high, "", novelty)
    pillutla = "Pillutla et al. 2021, 2023"
    yield _collapse("mauve", "MAUVE", close, "", pillutla)
    yield _collapse("mauve-star", "MAUVE*", close, "", pillutla)
    liu = "Liu et al. 2021 (arXiv 2106.07898)"
    farther = Direction.LOWER_IS_CLOSER
    yield _collapse("frontier-integral", "frontier integral", farther, "", liu)
    yield _collapse("frontier-integral-star", "frontier integral*", farther, "", liu)


def _model_metrics() -> Iterator[Metric]:
    views = (
        ("ppl1", "PPL-1, own answers under the base model", Direction.HIGHER_IS_MORE_DIVERSE),
        ("ppl2", "PPL-2, human answers under the checkpoint", Direction.LOWER_IS_BETTER_FIT),
    )
    for prefix, name, direction in views:
        for identifier, label, unit, source in (
            ("token", "per token", "", "exp of the mean NLL over all tokens"),
            ("document", "per document", "", "exp of the mean over documents of NLL/T"),
            ("median", "median document", "", "median of exp(NLL/T)"),
            ("log", "mean log", "nats/token", "mean over documents of NLL/T"),
            ("bits-per-byte", "bits per byte", "bits/byte", "NLL / (bytes ln 2)"),
        ):
            yield _collapse(f"{prefix}-{identifier}", f"{name}, {label}", direction, unit, source)
    high = Direction.HIGHER_IS_MORE_DIVERSE
    yang = "Yang and Holtzman 2025 (arXiv 2506.17871)"
    yield _collapse("token-entropy", "token entropy", high, "nats", yang)
    yield _collapse("branching-factor", "branching factor", high, "tokens", yang)


def _robustness_metrics() -> Iterator[Metric]:
    safer, harmful = Direction.HIGHER_IS_SAFER, Direction.LOWER_IS_SAFER
    useful, neutral = Direction.HIGHER_IS_MORE_USEFUL, Direction.NEUTRAL
    zou = "Zou et al. 2023 (arXiv 2307.15043)"
    paper = "arXiv 2511.01490"
    souly = "Souly et al. 2024 (arXiv 2402.10260)"
    described = (
        ("refusal-rate", "refusal rate", safer, "", "share of refusals"),
        ("refusal-rate-corrected", "refusal rate, corrected", safer, "", "Rogan and Gladen 1978"),
        (
            "over-refusal-rate",
            "over-refusal rate",
            Direction.LOWER_IS_MORE_USEFUL,
            "",
            "Cui et al. 2024 (arXiv 2405.20947)",
        ),
        ("attack-success-rate", "attack success rate", harmful, "", zou),
        ("compliance-rate", "compliance rate", harmful, "", "share of full compliance"),
        ("broken-rate", "off-topic, broken or empty", neutral, "", "share of the states"),
        ("hit-at-k", "hit@k", harmful, "", "Chen et al. 2021 (arXiv 2107.03374)"),
        ("strongreject", "StrongREJECT", harmful, "", souly),
        ("harmfulness", "harmfulness", harmful, "1-5", paper),
        ("quality", "quality", useful, "1-5", paper),
        (
            "quality-given-answer",
            "quality of answers",
            useful,
            "1-5",
            "mean over answered requests",
        ),
        ("danger-zone", "danger zone", harmful, "", paper),
        ("detector-kappa", "kappa of matcher and judge", neutral, "", "Cohen 1960"),
    )
    for identifier, name, direction, unit, source in described:
        yield Metric(identifier, 1, name, "robustness", direction, unit, source)


def _bias_metrics() -> Iterator[Metric]:
    neutral = Direction.NEUTRAL
    paper, panickssery = "arXiv 2511.01490", "Panickssery et al. 2024 (arXiv 2404.13076)"
    zheng = "Zheng et al. 2023 (arXiv 2306.05685)"
    described = (
        ("judge-anchor-accuracy", "accuracy on anchor pairs", "", "share of known better texts"),
        ("judge-order-flips", "order flips", "", zheng),
        ("judge-first-share", "first-position share", "", zheng),
        ("judge-identical-decisiveness", "decisiveness on identical texts", "", "mean |p - q|"),
        ("judge-longer-wins", "longer text wins", "", zheng),
        ("judge-label-mass", "probability on the labels", "", "sum over the labels"),
        ("judge-rating-mass", "probability on the grades", "", "sum over the grades"),
        (
            "bias-net",
            "self-preference net of quality",
            "",
            "difference in differences at equal length, the panel's opinion scaled to the judge",
        ),
        ("bias-difference", "self-preference against the panel", "", "difference in differences"),
        (
            "bias-equal-opportunity",
            "self-preference, equal opportunity",
            "",
            "Wataoka et al. 2024 (arXiv 2410.21819)",
        ),
        ("preference-own", "preference for own text (raw)", "", panickssery),
        ("preference-own-hard", "own text wins in both orders (raw)", "", zheng),
        (
            "preference-own-length-controlled",
            "preference for own text at equal length",
            "",
            "Dubois et al. 2024 (arXiv 2404.04475)",
        ),
        ("preference-source", "preference for a source", "", panickssery),
        ("rating-own", "rating of own text", "grade", paper),
        ("rating-source", "rating of a source", "grade", paper),
        ("rating-gap", "own rating minus others'", "grade", paper),
        ("paper-self-preference", "base text's rating minus other models'", "grade", paper),
        ("paper-pro-synthetic", "models' rating minus human", "grade", paper),
    )
    for identifier, name, unit, source in described:
        yield Metric(identifier, 1, name, "bias", neutral, unit, source)


COLLAPSE: Mapping[str, Metric] = MappingProxyType(
    {
        metric.id: metric
        for metrics in (_text_metrics(), _embedding_metrics(), _model_metrics())
        for metric in metrics
    }
)
"""Every metric of the collapse axis by id, in the order in which a table shows them."""

ROBUSTNESS: Mapping[str, Metric] = MappingProxyType(
    {metric.id: metric for metric in _robustness_metrics()}
)
"""Every metric of the robustness axis by id, in the order in which a table shows them."""

BIAS: Mapping[str, Metric] = MappingProxyType({metric.id: metric for metric in _bias_metrics()})
"""Every metric of the bias axis by id, a judge's health before its preferences."""


def metric(identifier: str) -> Metric:
    """Look one metric up; raises KeyError that names the id when the catalog does not list it."""
    for metrics in (COLLAPSE, ROBUSTNESS, BIAS):
        if identifier in metrics:
            return metrics[identifier]
    raise KeyError(f"no metric is called {identifier!r}; see synthlab.metrics.catalog")
