"""SQuAD's two figures, against its own script's functions, written out here as they stand there."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.evaluation.squad import exact_match, f1, normalised

WORDS = st.text(alphabet="aAntheT .,-'X1é“ \n", max_size=30)


# evaluate-v1.1.py of SQuAD
def normalize_answer(s: str) -> str:
    def remove_articles(text: str) -> str:
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text: str) -> str:
        return " ".join(text.split())

    def remove_punc(text: str) -> str:
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_score(prediction: str, ground_truth: str) -> float:
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = Counter(prediction_tokens) & Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_as_the_script_has_them(answer: str, expected: list[str]) -> None:
    assert normalised(answer) == normalize_answer(answer)
    best = max(f1_score(answer, one) for one in expected)
    assert f1(answer, expected) == pytest.approx(best)
    same = max(normalize_answer(answer) == normalize_answer(one) for one in expected)
    assert exact_match(answer, expected) == same


def test_by_hand() -> None:
    assert exact_match("The Denver  Broncos!", ["Denver Broncos"]) == 1
    assert f1("the Broncos of Denver", ["Denver Broncos"]) == pytest.approx(0.8)
    assert f1("Panthers", ["Broncos", "Carolina Panthers"]) == pytest.approx(2 / 3)
    assert f1("", ["Broncos"]) == 0
    assert exact_match("", ["the"]) == 1
