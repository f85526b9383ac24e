"""One reading of the texts, as integer tokens, that every text metric shares.

Two metrics that cut words differently cannot be compared, so texts are cut once, here, and the id
of the tokeniser travels with the result.
"""

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

WORDS_V1 = "words-v1"
"""Id of `words` with lower-casing."""
WORDS_V1_CASED = "words-v1-cased"
"""Id of `words` without lower-casing."""

# `\w` leaves out the vowel signs and tone marks of many scripts and would cut inside their words.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8\u06ea-\u06ed"
    "\u0711\u0730-\u074a\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962-\u0963"
    "\u0981-\u0983\u09bc-\u09cd\u09d7\u09e2-\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70-\u0a71"
    "\u0a81-\u0a83\u0abc-\u0acd\u0ae2-\u0ae3\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd"
    "\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d57"
    "\u0d82-\u0d83\u0dca-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ece\u0f71-\u0f84\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# Written without spaces, character by character: a whole sentence would otherwise be one word.
_SINGLE = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_LETTER = rf"(?:[^\W_{_SINGLE}]|[{_MARKS}])"
# Invisible joiners glue emoji and word parts; alone they are no token.
_JOINERS = "\u200b-\u200d\u2060\ufeff"
_TOKEN = re.compile(rf"{_LETTER}+(?:['\u200c\u200d]{_LETTER}+)*|[^\s{_JOINERS}]")
_ASCII_TOKEN = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*|\S")
# Curly apostrophes become straight; the two variation selectors only choose a glyph.
_SAME_SIGN = str.maketrans({"\u2019": "'", "\u02bc": "'", "\ufe0e": None, "\ufe0f": None})

# Composing takes time quadratic in a run of combining marks: 80,000 of them took 22 s in one piece.
_SLICE = re.compile(r"(?s:.){1,1000}(?=\s|\Z)|(?s:.){1,1000}")

_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])")
_MARKUP = re.compile(r"[#*]+")
_LIST_MARKER = re.compile(r"^\s*(?:[-\u2022\u2013+]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+")


def words(text: str, lower: bool = True) -> list[str]:
    """Cut a text into words and single other signs, by the rules of Unicode alone.

    A word is a run of letters, digits and their combining marks, with inner apostrophes; Han and
    kana signs and every other visible sign (punctuation, emoji) are tokens of their own. Text is
    composed (NFC) and curly apostrophes become straight first. Thai, Lao and Khmer, written without
    spaces, stay in runs.
    """
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower() if lower else text)
    shown = text.lower() if lower else text
    composed = "".join(unicodedata.normalize("NFC", piece) for piece in _SLICE.findall(shown))
    return _TOKEN.findall(composed.translate(_SAME_SIGN))


def sentences(text: str, min_words: int = 4) -> list[str]:
    """Cut a response into sentences for the within-response and the pooled-sentence view.

    Heading and emphasis signs (# and *) and list markers are removed; a line break ends a sentence;
    sentences with fewer than `min_words` blank-separated words are dropped (arXiv 2511.01490 uses
    4), except in text without blanks, where each sign counts as a word.
    """
    kept = []
    for line in _MARKUP.sub("", text).splitlines():
        for piece in _SENTENCE_END.split(_LIST_MARKER.sub("", line)):
            sentence = piece.strip()
            if sentence and max(len(sentence.split()), _single_signs(sentence)) >= min_words:
                kept.append(sentence)
    return kept


_SINGLE_SIGN = re.compile(f"[{_SINGLE}]")


def _single_signs(text: str) -> int:
    return 0 if text.isascii() else len(_SINGLE_SIGN.findall(text))


@dataclass(frozen=True, eq=False)
class TokenizedCorpus:
    """Documents as integers, so that counting is array work and every metric sees the same tokens."""

    ids: IntArray
    """(tokens,) token ids of all documents, one after the other."""
    offsets: Offsets
    """(documents + 1,) where each document starts; document i is ids[offsets[i]:offsets[i + 1]]."""
    vocabulary: tuple[str, ...] = field(repr=False)
    """The word of each id."""
    tokenizer: str
    """Id of the tokeniser, part of every comparability key."""

    def __post_init__(self) -> None:
        offsets = self.offsets
        if (
            offsets.ndim != 1
            or offsets.size == 0
            or offsets[0] != 0
            or offsets[-1] != self.ids.size
        ):
            raise ValueError("offsets must run from 0 to the number of token ids")
        if np.any(offsets[1:] < offsets[:-1]):
            raise ValueError("offsets must not decrease")
        if self.ids.size and not 0 <= self.ids.min() <= self.ids.max() < len(self.vocabulary):
            raise ValueError("a token id lies outside the vocabulary")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Offsets:
        """(documents,) tokens in each document."""
        return np.diff(self.offsets)

    @property
    def documents(self) -> npt.NDArray[np.int64]:
        """(tokens,) number of the document of each token."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def tokens(self, document: int) -> list[str]:
        """The words of one document; raises IndexError outside 0 .. len - 1."""
        if not 0 <= document < len(self):
            raise IndexError(f"document {document} of {len(self)}")
        span = self.ids[self.offsets[document] : self.offsets[document + 1]]
        return [self.vocabulary[token] for token in span]

    def select(self, rows: npt.ArrayLike) -> "TokenizedCorpus":
        """The documents with these numbers, in this order; the vocabulary stays."""
        chosen = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[chosen]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        source = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return TokenizedCorpus(self.ids[source], offsets, self.vocabulary, self.tokenizer)

    def head(self, tokens: int) -> "TokenizedCorpus":
        """The first `tokens` tokens, the last document cut, for metrics that need a fixed budget."""
        kept = min(max(tokens, 0), int(self.offsets[-1]))
        documents = int(np.searchsorted(self.offsets[:-1], kept, side="left"))
        offsets = np.append(self.offsets[:documents], kept) if documents else np.zeros(1, np.int64)
        return TokenizedCorpus(self.ids[:kept], offsets, self.vocabulary, self.tokenizer)


def intern(documents: Iterable[Sequence[str]], tokenizer: str) -> TokenizedCorpus:
    """Number the words of documents that are already cut, in order of first appearance."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    ids = array("i")
    ends = [0]
    for document in documents:
        ids.extend(map(numbers.__getitem__, document))
        ends.append(len(ids))
    return TokenizedCorpus(
        np.array(ids, dtype=np.int32), np.asarray(ends, np.int64), tuple(numbers), tokenizer
    )


def tokenize(texts: Iterable[str], lower: bool = True) -> TokenizedCorpus:
    """Cut and number texts with `words`, the house tokeniser."""
    name = WORDS_V1 if lower else WORDS_V1_CASED
    return intern((words(text, lower) for text in texts), name)


def join(first: TokenizedCorpus, second: TokenizedCorpus) -> TokenizedCorpus:
    """Put two corpora behind one another over one vocabulary, so that their n-grams can be matched.

    Raises ValueError when they were cut by different tokenisers.
    """
    if first.tokenizer != second.tokenizer:
        raise ValueError(
            f"corpora cut by {first.tokenizer} and {second.tokenizer} cannot be joined; "
            "cut both texts with one tokeniser"
        )
    numbers = {word: number for number, word in enumerate(first.vocabulary)}
    moved = [numbers.setdefault(word, len(numbers)) for word in second.vocabulary]
    renamed = np.asarray(moved, dtype=np.int32)[second.ids] if moved else second.ids
    return TokenizedCorpus(
        np.concatenate([first.ids, renamed]),
        np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]]),
        tuple(numbers),
        first.tokenizer,
    )


def seeded_order(documents: int, seed: int) -> npt.NDArray[np.int64]:
    """The order rule of every metric that depends on document order: a permutation fixed by n and seed.

    PCG64 with argsort of raw 64-bit draws: numpy keeps that stream stable, not the one of
    `permutation`.
    """
    draws = np.random.PCG64(seed).random_raw(documents)
    return np.argsort(np.asarray(draws), kind="stable")
