"""The shared reading of the texts: words, sentences, numbering, budgets."""

import numpy as np
import pytest

from synthlab.metrics.tokenize import (
    WORDS_V1_CASED,
    intern,
    join,
    seeded_order,
    sentences,
    tokenize,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t stop—it's 3 o'clock!", ["don't", "stop", "—", "it's", "3", "o'clock", "!"]),
        ("snake_case", ["snake", "_", "case"]),
        ("हिन्दी भाषा है।", ["हिन्दी", "भाषा", "है", "।"]),
        ("日本語 ok", ["日", "本", "語", "ok"]),
        ("👩‍👧 ❤️", ["👩", "👧", "❤"]),
        ("e\u0301te\u0301", ["été"]),
        ("مرحبًا بالعالم", ["مرحبًا", "بالعالم"]),
        ("", []),
        (" \t\n\u200d", []),
        ("\ud800a", ["\ud800", "a"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_composing_in_pieces_changes_no_word() -> None:
    text = "e\u0301te\u0301 cafe\u0301 " * 700
    assert words(text) == ["été", "café"] * 700


def test_words_read_ascii_and_unicode_text_alike() -> None:
    plain = "It's a test, isn't it? (Yes: 42 of 'em.) a_b #x"
    assert words(plain + " é")[:-1] == words(plain)


def test_case_is_part_of_the_tokenizers_name() -> None:
    cased = tokenize(["The THE the"], lower=False)
    assert cased.tokenizer == WORDS_V1_CASED
    assert len(cased.vocabulary) == 3
    assert len(tokenize(["The THE the"]).vocabulary) == 1


def test_sentences_drop_markup_list_markers_and_fragments() -> None:
    text = (
        "# Title of the thing\n1. First item is here. Second one goes there too!\n"
        "- *bold* words in a list\nShort one.\n这是一个句子。那是另一个句子。"
    )
    assert sentences(text) == [
        "Title of the thing",
        "First item is here.",
        "Second one goes there too!",
        "bold words in a list",
        "这是一个句子。",
        "那是另一个句子。",
    ]


def test_select_head_and_tokens_keep_documents_apart() -> None:
    corpus = tokenize(["a b c", "", "d e", "f"])
    chosen = corpus.select([3, 0, 1])
    assert [chosen.tokens(i) for i in range(3)] == [["f"], ["a", "b", "c"], []]
    assert [corpus.head(4).tokens(i) for i in range(3)] == [["a", "b", "c"], [], ["d"]]
    assert len(corpus.head(0)) == 0
    assert corpus.head(99).ids.size == 6
    with pytest.raises(IndexError, match="document 4 of 4"):
        corpus.tokens(4)


def test_joined_corpora_share_numbers() -> None:
    both = join(tokenize(["a b", "c"]), tokenize(["c d a"]))
    assert [both.tokens(i) for i in range(3)] == [["a", "b"], ["c"], ["c", "d", "a"]]
    assert both.vocabulary == ("a", "b", "c", "d")
    assert len(join(intern([], "s"), intern([["x"]], "s"))) == 1


def test_the_order_rule_never_changes() -> None:
    assert seeded_order(8, 0).tolist() == [3, 2, 1, 6, 0, 7, 4, 5]
    assert sorted(seeded_order(100, 5).tolist()) == list(range(100))
    assert not np.array_equal(seeded_order(100, 5), seeded_order(100, 6))
    assert seeded_order(0, 1).size == 0
