"""How widely texts spread in an embedding space: mean cosine distance and the Vendi score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.result import MetricValue, defined, undefined

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Unit vectors of texts with the name of the embedder, which is part of every metric's name.

    Built by `embeddings`.
    """

    unit: Matrix
    """(usable, d) rows of length 1."""
    rows: npt.NDArray[np.int64]
    """(usable,) number of the text of each row."""
    offered: int
    """Texts that were embedded, usable or not."""
    embedder: str
    """Id of the embedder."""

    def __len__(self) -> int:
        return len(self.unit)

    def select(self, positions: npt.NDArray[np.int64] | Mask) -> "Embeddings":
        """The rows at these positions of `unit`, or where a mask over them is true."""
        index = np.arange(len(self))[positions]
        return Embeddings(self.unit[index], self.rows[index], index.size, self.embedder)


def embeddings(vectors: npt.ArrayLike, embedder: str) -> Embeddings:
    """Scale vectors to unit length and set aside those that have no direction.

    vectors: (texts, d). Rows that are zero or not finite are left out and show up in "scored M of
    N". Raises ValueError for anything but a matrix.
    """
    matrix = np.asarray(vectors, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"embeddings are a matrix (texts, dimensions), got shape {matrix.shape}")
    finite: Mask = np.asarray(np.isfinite(matrix).all(axis=1))
    # Scaled by the largest entry first: the square of a very large or small one leaves the range.
    largest = np.abs(np.where(finite[:, None], matrix, 0.0)).max(axis=1, initial=0.0)
    rows = np.flatnonzero(largest > 0)
    scaled = matrix[rows] / largest[rows, None]
    unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return Embeddings(unit, rows, len(matrix), embedder)


def mean_cosine_distance(texts: Embeddings) -> MetricValue:
    """Mean of 1 - cosine over all pairs of different texts, in time linear in the texts.

    Higher = more diverse, in [0, 2]. Needs two texts. For unit rows with sum s the sum over ordered
    pairs of cosines is s.s minus the n self-pairs, so no pair is formed.
    """
    n = len(texts)
    if n < 2:
        reason = f"a pair needs two texts with an embedding, there are {n}"
        return undefined(
            "cosine-distance", reason, offered=texts.offered, instrument=texts.embedder
        )
    total = texts.unit.sum(axis=0)
    distance = 1.0 - (float(total @ total) - n) / (n * (n - 1))
    return defined(
        "cosine-distance",
        min(max(distance, 0.0), 2.0),
        n=n,
        offered=texts.offered,
        instrument=texts.embedder,
    )


@dataclass(frozen=True, eq=False)
class WithinPrompt:
    """A measure of the k answers to each prompt, mean over prompts."""

    score: MetricValue
    prompts: npt.NDArray[np.int64]
    """(prompts,) the prompt numbers, rising."""
    per_prompt: Matrix
    """(prompts,) NaN where a prompt could not be scored."""


def cosine_distance_within(texts: Embeddings, prompt_of: npt.ArrayLike) -> WithinPrompt:
    """Mean cosine distance among the answers to one prompt, mean over prompts.

    prompt_of: (offered,) prompt number of each embedded text. Prompts with fewer than two usable
    answers are left out. Within-prompt and across-prompt spread are different questions; both are
    shown. Raises ValueError when a text has no prompt number.
    """
    prompts, inverse = prompt_numbers(texts, prompt_of)
    inverse = inverse[texts.rows]
    size = np.bincount(inverse, minlength=prompts.size).astype(np.float64)
    sums = np.zeros((prompts.size, texts.unit.shape[1]))
    np.add.at(sums, inverse, texts.unit)
    usable = size >= 2
    per_prompt = np.full(prompts.size, np.nan)
    k = size[usable]
    squared = np.einsum("pd,pd->p", sums[usable], sums[usable])
    per_prompt[usable] = np.clip(1.0 - (squared - k) / (k * (k - 1)), 0.0, 2.0)
    name = "cosine-distance-within"
    if not usable.any():
        reason = f"none of {prompts.size} prompts has two answers with an embedding"
        value = undefined(name, reason, offered=prompts.size, instrument=texts.embedder)
    else:
        mean = float(per_prompt[usable].mean())
        value = defined(
            name, mean, n=int(usable.sum()), offered=prompts.size, instrument=texts.embedder
        )
    return WithinPrompt(value, prompts, per_prompt)


def prompt_numbers(
    texts: Embeddings, prompt_of: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The prompt numbers that occur, and for each offered text the place of its own among them.

    Raises ValueError when a text has no prompt number.
    """
    numbers = np.asarray(prompt_of, dtype=np.int64)
    if numbers.shape != (texts.offered,):
        raise ValueError(
            f"{texts.offered} texts need one prompt number each, got shape {numbers.shape}"
        )
    prompts, inverse = np.unique(numbers, return_inverse=True)
    return prompts, inverse


@dataclass(frozen=True)
class VendiScores:
    """Effective numbers of different texts, at three sensitivities to rare ones."""

    q1: MetricValue
    q_half: MetricValue
    """More weight on rare directions."""
    q_inf: MetricValue
    """Only the heaviest direction counts."""


def vendi(texts: Embeddings) -> VendiScores:
    """Effective number of distinct texts, so that runs of equal size can be compared on breadth.

    Each score lies in [1, min(n, d)]; higher = more diverse. It grows with n: compare at equal n
    and equal embedder only. The eigenvalues of the n x n similarity matrix are those of the d x d
    matrix of second moments, so the cost is O(n d^2). Undefined without a text.
    Source: Friedman and Dieng 2022 (q = 1); Pasarkar and Dieng 2023 (other q).
    """
    n = len(texts)
    if not n:
        reason = "there is no text with an embedding"
        return VendiScores(
            *(
                undefined(f"vendi-{q}", reason, offered=texts.offered, instrument=texts.embedder)
                for q in ("1", "0.5", "inf")
            )
        )
    weights = spectrum(texts.unit)
    scores = (
        ("vendi-1", float(np.exp(-np.sum(weights * np.log(weights))))),
        ("vendi-0.5", float(np.sum(np.sqrt(weights)) ** 2)),
        ("vendi-inf", float(1.0 / weights.max())),
    )
    return VendiScores(
        *(
            defined(name, score, n=n, offered=texts.offered, instrument=texts.embedder)
            for name, score in scores
        )
    )


def spectrum(unit: Matrix) -> Matrix:
    """Positive eigenvalues of the similarity matrix over n, which sum to 1.

    Values that rounding alone can produce are dropped: their square root would weigh at q = 0.5.
    """
    n, d = unit.shape
    gram = unit.T @ unit if d <= n else unit @ unit.T
    values = np.linalg.eigvalsh(gram / n)
    floor = max(n, d) * np.finfo(np.float64).eps * float(values.max())
    kept: Matrix = values[values > floor]
    shares: Matrix = kept / kept.sum()
    return shares
