"""Rewards: the rules, their notation, and texts that try to cheat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.training.rewards import RULES, Reward


@pytest.mark.parametrize(
    ("rule", "text", "answer", "worth"),
    [
        ("number", "6 * 7 = 42", "42", 1.0),
        ("number", "So she has 1,250 left.\n#### 1250", "First 3, then\n#### 1,250", 1.0),
        ("number", "It costs $18.", "18", 1.0),
        ("number", "18.0", "18", 1.0),
        ("number", "42 or maybe 41", "42", 0.0),
        ("number", "-5", "5", 0.0),
        ("number", "forty-two", "42", 0.0),
        ("number", "", "42", 0.0),
        ("number", "42", "none", 0.0),
        ("exact", " yes\n", "yes", 1.0),
        ("exact", "Yes", "yes", 0.0),
        ("choice:A,B,C,D", "A good guess is (B).", "B", 1.0),
        ("choice:A,B,C,D", "B", "A", 0.0),
        ("choice:A,B,C,D", "b", "B", 0.0),
        ("choice:positive,negative", "Positive!", "positive", 1.0),
        ("choice:positive,negative", "not positive but negative", "positive", 0.0),
        ("choice:positive,negative", "positively", "positive", 0.0),
        ("regex:^[a-z]+$", "word", "", 1.0),
        ("regex:a + b", "a  b", "", 1.0),
        ("regex:a + b", "two words", "", 0.0),
        ("length:2", "one two", "", 1.0),
        ("length:2", "one two three four", "", 0.5),
        ("length:4-8", "one two", "", 0.5),
        ("length:4-8", "", "", 0.0),
        ("number + 0.2 * length:2", "it is 4", "4", 1 + 0.2 * 2 / 3),
        ("0.5*number + regex:4 + 4", "4444  4", "4", 1.5),
    ],
)
def test_what_a_text_is_worth(rule: str, text: str, answer: str, worth: float) -> None:
    assert Reward.of(rule)(text, answer) == pytest.approx(worth)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "there are number, exact, choice, regex, length"),
        ("good", "'good' is no rule"),
        ("number + ", "is no rule"),
        ("number:3", "takes nothing"),
        ("choice:A", "needs its labels"),
        ("regex:(", "regex:("),
        ("length:none", "needs words"),
        ("length:9-3", "needs words"),
        ("-1 * number", "is no rule"),
    ],
)
def test_what_is_no_reward(rule: str, said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Reward.of(rule)
    assert said in str(refused.value)


@given(text=st.text(max_size=60), answer=st.text(max_size=20))
def test_any_text_is_worth_something_between_nothing_and_one(text: str, answer: str) -> None:
    for name, argument in (("choice", ":yes,no,A"), ("regex", r":\d"), ("length", ":3-7")):
        assert 0 <= Reward.of(name + argument)(text, answer) <= 1
    for name in ("number", "exact"):
        assert 0 <= Reward.of(name)(text, answer) <= 1
    assert set(RULES) == {"number", "exact", "choice", "regex", "length"}


@given(st.text(max_size=40))
def test_any_notation_is_read_or_refused(text: str) -> None:
    try:
        Reward.of(text)
    except BadRequest:
        return
