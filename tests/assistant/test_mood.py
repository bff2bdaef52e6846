"""The trend of a conversation's mood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.mood import MoodConfig, trend
from fireside.assistant.persona import parse
from fireside.assistant.safety_sections import ModerationConfig
from fireside.errors import BadRequest
from fireside.safety.rules import CATEGORIES, load_rules

CONFIG = MoodConfig(watch=True)
scores = st.lists(st.floats(-1, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("scores", "falling", "first"),
    [
        ([-0.9], False, False),  # one bad turn is no trend
        ([-0.9, -0.8], True, True),
        ([0.5, 0.2, -0.6, -0.9], True, True),
        ([0.5, 0.2, -0.6, -0.9, -0.9], True, False),  # known already
        ([0.5, -0.9, -0.9, 0.9, 0.9, -0.9, -0.9], True, False),  # it apologises once
        ([0.9, 0.8, 0.1, 0.0], False, False),  # lower, but not bad
        ([0.9, 0.9, 0.9], False, False),
    ],
)
def test_trend(scores: list[float], falling: bool, first: bool) -> None:
    found = trend(scores, CONFIG)
    assert (found.falling, found.first) == (falling, first)


@given(scores)
def test_it_is_first_at_most_once(scores: list[float]) -> None:
    moments = [trend(scores[:end], CONFIG).first for end in range(1, len(scores) + 1)]
    assert sum(moments) <= 1
    falling = [trend(scores[:end], CONFIG).falling for end in range(1, len(scores) + 1)]
    assert any(moments) == any(falling)


@given(scores)
def test_a_better_last_turn_never_makes_it_fall(scores: list[float]) -> None:
    if not trend(scores, CONFIG).falling:
        assert not trend([*scores[:-1], 1.0], CONFIG).falling


def test_the_defaults_are_off() -> None:
    persona = parse("", origin="a.toml")
    assert not persona.mood.watch
    assert persona.safety.moderation.input == persona.safety.moderation.output == "off"
    assert persona.safety.injection.detect == "off"


def test_the_categories_are_the_moderators() -> None:
    absent = load_rules().absent
    every = {name: 1.0 if name in absent else 0.5 for name in CATEGORIES}
    assert ModerationConfig.model_validate({"thresholds": every}).thresholds == every


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[mood]\nwach = true", "line 2: there is no key 'mood.wach': did you mean 'mood.watch'"),
        ("[mood]\nwindow = 0", "line 2: mood.window"),
        ('[safety.moderation]\ninput = "block"', "line 2: safety.moderation.input"),
        ("[safety.moderation.thresholds]\nhat = 0.5", "line 2"),
        ("[safety.moderation.thresholds]\nhate = 1.5", "line 2"),
        ("[safety.injection]\ndetct = 1", "did you mean 'safety.injection.detect'"),
    ],
)
def test_a_typo_has_its_line(text: str, says: str) -> None:
    with pytest.raises(BadRequest, match=r"a\.toml") as error:
        parse(text, origin="a.toml")
    assert says in error.value.message
