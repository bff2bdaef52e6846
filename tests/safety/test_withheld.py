"""What is shown is a beginning of what may be said, however it was cut into pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fireside.safety.withheld import LONGEST, Withheld

BAD = "bad"
parts = st.sampled_from(
    ["a", " ", ".", "!", "?", "\n", "bad", "b", "ad", "。", "…", '"', ")", "3.5", "Dr. ", "🙂", "é"]
)
texts = st.lists(parts, max_size=60).map("".join)


def shown(text: str, cuts: list[int]) -> tuple[str, Withheld]:
    filter_ = Withheld(lambda said: BAD in said)
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    out = [filter_.feed(text[a:b]) for a, b in pairwise(places)]
    return "".join(out) + filter_.finish(), filter_


@given(texts, st.lists(st.integers(0, 200), max_size=8))
def test_the_cuts_change_nothing(text: str, cuts: list[int]) -> None:
    out, filter_ = shown(text, cuts)
    whole, _ = shown(text, [])
    letters, _ = shown(text, list(range(len(text))))
    assert out == whole == letters
    assert text.startswith(out)
    assert BAD not in out
    assert filter_.over == (BAD in text)
    if BAD not in text:
        assert out == text
    assert out + filter_.withheld == text or filter_.over


@given(texts, st.lists(st.integers(0, 200), max_size=8))
def test_nothing_is_taken_back(text: str, cuts: list[int]) -> None:
    filter_ = Withheld(lambda said: BAD in said)
    out, refused = "", False
    for letter in text:
        more = filter_.feed(letter)
        assert not (refused and more)
        out += more
        refused = filter_.over
    assert filter_.finish() == "" or not refused


def test_only_the_sentence_under_way_is_held_back() -> None:
    filter_ = Withheld(lambda said: BAD in said)
    assert filter_.feed("One. Two") == "One. "
    assert filter_.feed(". ") == "Two. "
    assert filter_.feed("Three is bad. Four. ") == ""
    assert filter_.over
    assert filter_.withheld == "Three is bad. Four. "
    assert filter_.feed("Five. ") == ""
    assert filter_.finish() == ""


def test_a_sentence_without_an_end_does_not_wait_for_ever() -> None:
    filter_ = Withheld(lambda said: BAD in said)
    assert len(filter_.feed("a" * (LONGEST + 5))) == LONGEST
    assert filter_.finish() == "aaaaa"


def test_rounds() -> None:
    """`finish` ends a round before a tool runs; the next one goes on."""
    filter_ = Withheld(lambda said: BAD in said)
    assert filter_.feed("Let me look") == ""
    assert filter_.finish() == "Let me look"
    assert filter_.feed(". Found it. ") == ". Found it. "


def test_a_thing_said_across_two_sentences() -> None:
    filter_ = Withheld(lambda said: "one. two" in said)
    assert filter_.feed("one. ") == "one. "
    assert filter_.feed("two. ") == ""
    assert filter_.over


def test_a_megabyte() -> None:
    filter_ = Withheld(lambda said: False)
    text = "word " * 200_000
    assert filter_.feed(text) + filter_.finish() == text
