"""A corpus of a few words and rules, for tests and for the recipe `tiny`: small, clean, always the same."""

from __future__ import annotations

from collections.abc import Iterator

from synthlab.jobs.apportion import rank
from synthlab.jobs.readers.table import RawRow, RawTable

NAME = "tiny-grammar"
LICENCE = "Apache-2.0 (made by a grammar of this project)"

ADJECTIVES = ("old", "small", "grey", "quick", "quiet")
ANIMALS = ("fox", "owl", "goat", "hen", "mouse", "dog", "horse", "crow")
PLACES = (
    "under the bridge",
    "behind the mill",
    "near the well",
    "in the barn",
    "on the hill",
    "by the river",
)
FOODS = ("bread", "corn", "grass", "apples", "cheese", "seeds")
FRIENDS = ("the farmer", "the baker", "a child", "the miller", "a stranger")
NUMBERS = ("two", "three", "four", "five", "seven")

# category: (wordings of the question, the answer, what is asked for)
RULES: dict[str, tuple[tuple[str, str], str, tuple[str, ...]]] = {
    "where": (
        ("Where does the {} sleep?", "Tell me where the {} sleeps."),
        "The {} sleeps {} when the night is cold.",
        PLACES,
    ),
    "what": (
        ("What does the {} eat?", "Tell me what the {} eats."),
        "The {} eats {} in the morning and again at night.",
        FOODS,
    ),
    "who": (
        ("Who feeds the {}?", "Tell me who feeds the {}."),
        "The {} is fed by {} before the sun goes down.",
        FRIENDS,
    ),
    "count": (
        ("How many young has the {}?", "Tell me how many young the {} has."),
        "The {} has {} young ones, and all of them are hungry.",
        NUMBERS,
    ),
}


def make_tiny_grammar(seed: int) -> RawTable:
    """All 160 rows of the grammar; the seed chooses between two wordings of each question."""
    rows = tuple(RawRow(f"row {i}", row) for i, row in enumerate(_rows(seed), 1))
    return RawTable(NAME, ("id", "prompt", "response", "category"), rows, LICENCE)


def _rows(seed: int) -> Iterator[dict[str, str]]:
    for category, (questions, answer, values) in RULES.items():
        for adjective in ADJECTIVES:
            for animal in ANIMALS:
                subject = f"{adjective} {animal}"
                asked = rank(seed, NAME, category, subject) % len(questions)
                value = values[rank(0, NAME, category, subject) % len(values)]
                yield {
                    "id": f"{category}-{adjective}-{animal}",
                    "prompt": questions[asked].format(subject),
                    "response": answer.format(subject, value),
                    "category": category,
                }
