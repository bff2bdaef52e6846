"""Standard errors, calibration and paired tests against closed forms and references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.evaluation.classification import (
    calibration,
    calibration_error,
    expected_calibration_error,
)
from fireside.evaluation.compare import compare, mcnemar, paired_bootstrap
from fireside.evaluation.scores import bootstrap_error, exponential, mean_score
from fireside.evaluation.translation import chrf_score

floats = st.floats(-1e3, 1e3)


@given(st.lists(floats, min_size=2, max_size=50))
def test_equal_weights_are_the_textbooks_error(items: list[float]) -> None:
    score = mean_score("t", "m", items)
    assert score.value == pytest.approx(np.mean(items), abs=1e-9)
    assert score.stderr == pytest.approx(np.std(items, ddof=1) / math.sqrt(len(items)), abs=1e-9)


@given(st.lists(st.tuples(floats, st.floats(0.1, 10)), min_size=2, max_size=30), st.floats(0.1, 9))
def test_the_scale_of_the_weights_does_not_matter(
    items: list[tuple[float, float]], scale: float
) -> None:
    x, w = [one for one, _ in items], [one for _, one in items]
    first = mean_score("t", "m", x, w)
    second = mean_score("t", "m", x, [scale * one for one in w])
    assert first.value == pytest.approx(second.value, abs=1e-6)
    assert first.stderr == pytest.approx(second.stderr, abs=1e-6)


def test_the_ratio_error_is_what_repeating_shows() -> None:
    dice = np.random.default_rng(1)
    values, errors = [], []
    for _ in range(400):
        w = dice.uniform(1, 10, 80)
        score = mean_score("t", "m", (dice.normal(2, 1, 80) + w / 5).tolist(), w.tolist())
        values.append(score.value)
        errors.append(score.stderr or 0)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_one_item_has_no_error_and_none_is_refused() -> None:
    assert mean_score("t", "m", [1.0]).stderr is None
    assert bootstrap_error(1, lambda drawn: 0.0) is None
    with pytest.raises(BadRequest, match="no items"):
        mean_score("t", "m", [])


def test_a_perplexity_from_nats() -> None:
    found = exponential(mean_score("t", "nats", [1.0, 3.0]), "perplexity")
    assert found.value == pytest.approx(math.exp(2))
    assert found.stderr == pytest.approx(math.exp(2) * 1.0)


def test_the_bootstrap_agrees_with_the_formula() -> None:
    x = np.random.default_rng(0).normal(size=200)
    found = bootstrap_error(200, lambda drawn: float(x[drawn].mean()))
    assert found == pytest.approx(x.std(ddof=1) / math.sqrt(200), rel=0.15)


# -- calibration ----------------------------------------------------------------------------


def slow_ece(confidence: list[float], right: list[float], bins: int) -> float:
    """Guo et al. 2017, equation 3, as it is written."""
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            (c, r)
            for c, r in zip(confidence, right, strict=True)
            if low < c <= high or (c == 0 and number == 0)
        ]
        if inside:
            accuracy = sum(r for _, r in inside) / len(inside)
            total += (
                len(inside) / len(right) * abs(accuracy - sum(c for c, _ in inside) / len(inside))
            )
    return total


def test_known_calibrations() -> None:
    sure = np.ones(10)
    assert expected_calibration_error(sure, np.ones(10)) == 0
    assert expected_calibration_error(sure, np.zeros(10)) == 1
    half = np.array([1.0, 0.0] * 5)
    assert expected_calibration_error(np.full(10, 0.5), half) == pytest.approx(0)
    assert expected_calibration_error(np.full(10, 0.8), half) == pytest.approx(0.3)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([8, 16]),
)
def test_the_ece_is_the_papers(answers: list[tuple[int, bool]], bins: int) -> None:
    # Powers of two, so that the bounds are exact numbers.
    confidence = [one / 1024 for one, _ in answers]
    right = [float(one) for _, one in answers]
    found = expected_calibration_error(np.array(confidence), np.array(right), bins)
    assert found == pytest.approx(slow_ece(confidence, right, bins), abs=1e-12)
    kept = calibration(np.array(confidence), np.array(right), bins)
    assert sum(one.n for one in kept) == len(answers)
    assert found == pytest.approx(
        sum(one.n * abs(one.accuracy - one.confidence) for one in kept) / len(answers)
    )


def test_the_calibration_error_has_an_error() -> None:
    dice = np.random.default_rng(0)
    confidence = dice.uniform(0.5, 1, 300)
    right = (dice.uniform(size=300) < confidence).astype(float)
    score = calibration_error("t", confidence, right)
    assert score.stderr is not None
    assert 0 < score.stderr < 0.1
    assert score.value < 0.15


# -- two models -----------------------------------------------------------------------------


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 5), (10, 2), (3, 17), (40, 61)])
def test_mcnemar_is_the_binomial_test(better: int, worse: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    if better + worse:
        expected = stats.binomtest(better, better + worse, 0.5).pvalue
        assert mcnemar(better, worse) == pytest.approx(expected, abs=1e-12)
    else:
        assert mcnemar(0, 0) == 1.0


def test_mcnemar_of_many_items_does_not_overflow() -> None:
    assert 0 <= mcnemar(3000, 2400) < 1e-10


def test_the_bootstrap_is_near_the_t_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    for shift in (0.0, 0.15, 0.4):
        x = np.random.default_rng(3).normal(shift, 1, 150)
        found = paired_bootstrap(x, np.ones(150), resamples=4000)
        assert found == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.03)


def test_compared_pairwise() -> None:
    first = mean_score("t", "accuracy", [1, 0, 0, 1, 0, 0, 0, 0], percent=True)
    second = mean_score("t", "accuracy", [1, 1, 1, 0, 1, 1, 1, 1], percent=True)
    found = compare(first, second)
    assert (found.better, found.worse, found.test) == (6, 1, "McNemar, exact")
    assert found.p_value == pytest.approx(0.125)
    assert found.difference == pytest.approx(5 / 8)
    assert found.verdict == "no clear difference"
    back = compare(second, first)
    assert back.p_value == found.p_value
    assert back.difference == -found.difference
    assert compare(first, first).p_value == 1


def test_less_may_be_better() -> None:
    items = np.random.default_rng(0).normal(size=50)
    score = [
        mean_score("t", "bits", (items + shift).tolist(), [2.0] * 50, higher_is_better=False)
        for shift in (0, 0.5)
    ]
    found = compare(*score)
    assert (found.verdict, found.test) == ("first", "paired bootstrap")


def test_other_items_are_not_compared() -> None:
    first = mean_score("t", "m", [1.0, 2.0], [1.0, 2.0])
    for other in (
        mean_score("t", "m", [1.0, 2.0]),
        mean_score("t", "m", [1.0]),
        mean_score("u", "m", [1.0, 2.0], [1.0, 2.0]),
    ):
        with pytest.raises(BadRequest, match="same items"):
            compare(first, other)


# -- translation ----------------------------------------------------------------------------


def test_chrf_is_sacrebleus() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    got, want = ["这些蛋糕", "hello there", ""], ["这些蛋糕中我最喜欢这个。", "hello world", "x"]
    score = chrf_score("t", got, want)
    assert score.value == pytest.approx(sacrebleu.corpus_chrf(got, [want]).score)
    assert score.stderr is not None
    assert chrf_score("t", want, want).value == pytest.approx(100)
    assert len(score.items) == 3
