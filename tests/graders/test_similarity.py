"""Two texts to a number: beside nltk and rouge-score, and by laws."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.graders.similarity import METRICS, common, similarity, words

WORDS = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "mat", "a", "dog"]), min_size=4, max_size=14
)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(METRICS)))
def test_from_nothing_to_one(one: str, other: str, metric: str) -> None:
    assert 0 <= similarity(metric, one, other) <= 1


@given(WORDS, st.sampled_from(sorted(set(METRICS) - {"meteor", "rouge_5"})))
def test_the_same_is_one(said: list[str], metric: str) -> None:
    assert similarity(metric, " ".join(said), " ".join(said)) == pytest.approx(1)


@given(st.text("abc", max_size=30), st.text("abc", max_size=30))
def test_the_longest_common_subsequence(one: str, other: str) -> None:
    row = [0] * (len(other) + 1)
    for letter in one:
        before = row[:]
        for i, theirs in enumerate(other):
            row[i + 1] = before[i] + 1 if letter == theirs else max(before[i + 1], row[i])
    assert common(one, other) == row[-1]
    assert len(difflib.SequenceMatcher(None, one, other).get_matching_blocks()) >= 1


@given(WORDS, WORDS)
def test_rouge_is_that_of_its_authors(said: list[str], wanted: list[str]) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    kinds = {"rouge1": "rouge_1", "rouge2": "rouge_2", "rouge3": "rouge_3", "rougeL": "rouge_l"}
    theirs = RougeScorer(list(kinds)).score(" ".join(wanted), " ".join(said))
    for kind, metric in kinds.items():
        ours = similarity(metric, " ".join(said), " ".join(wanted))
        assert ours == pytest.approx(theirs[kind].fmeasure)


@given(WORDS, WORDS)
def test_gleu_and_bleu_are_nltks(said: list[str], wanted: list[str]) -> None:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    from nltk.translate.gleu_score import sentence_gleu

    ours = similarity("gleu", " ".join(said), " ".join(wanted))
    assert ours == pytest.approx(sentence_gleu([wanted], said))
    ours = similarity("bleu", " ".join(said), " ".join(wanted))
    smooth = SmoothingFunction().method3
    assert ours == pytest.approx(sentence_bleu([wanted], said, smoothing_function=smooth))


def test_meteor() -> None:
    assert similarity("meteor", "the cat sat", "the cat sat") == pytest.approx(1 - 0.5 / 27)
    assert similarity("meteor", "", "the cat") == 0
    straight = similarity("meteor", "the cat sat on it", "the cat sat on a mat")
    shuffled = similarity("meteor", "on sat it cat the", "the cat sat on a mat")
    assert straight > shuffled > 0


def test_words() -> None:
    assert words("The cat's 2nd, ÄRA!") == ["the", "cat", "s", "2nd", "ära"]
