"""Sentences of a document: whole, in their places, and not cut where a line was."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.language.sentences import sentence_spans

PAGE = """Opening hours
Monday to Friday 9:00 to 18:00
Saturday 10:00 to 14:00
Sunday closed

The library of St. Mary was founded in 1902 by Dr. Miller and was then moved
to a new house at the river. It has 3.5 million books; they can be
borrowed for 4 weeks (see below). "Late books cost 0.20 euros." You pay at
the desk.
Name: Ann; Room: 12
Name: Bob; Room: 13
- first item
- second item
公园开放。它的面积约为0.304平方公里。"""


def cut(text: str) -> list[str]:
    return [" ".join(text[begin:end].split()) for begin, end in sentence_spans(text)]


def test_a_page() -> None:
    assert cut(PAGE) == [
        "Opening hours",
        "Monday to Friday 9:00 to 18:00",
        "Saturday 10:00 to 14:00",
        "Sunday closed",
        "The library of St. Mary was founded in 1902 by Dr. Miller and was then moved to a new "
        "house at the river.",
        "It has 3.5 million books; they can be borrowed for 4 weeks (see below).",
        '"Late books cost 0.20 euros."',
        "You pay at the desk.",
        "Name: Ann; Room: 12",
        "Name: Bob; Room: 13",
        "- first item",
        "- second item",
        "公园开放。",
        "它的面积约为0.304平方公里。",
    ]


@given(st.text(alphabet="ab .!?\n\"')A1:;-。！", max_size=200))
def test_places_are_in_order_and_leave_only_space_out(text: str) -> None:
    spans = sentence_spans(text)
    at = 0
    for begin, end in spans:
        assert at <= begin < end <= len(text)
        assert not text[at:begin].strip()
        assert text[begin:end] == text[begin:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    "unit", ["a", ". ", "\n", "a\n", "a b c d e f g h " * 4 + "\n", "Dr. ", "。", '"']
)
def test_time_grows_with_the_text_alone(unit: str) -> None:
    def seconds(count: int) -> float:
        """The least of three: a collection of garbage may fall into one of them."""
        text, least = unit * count, float("inf")
        for _ in range(3):
            begun = time.process_time()
            sentence_spans(text)
            least = min(least, time.process_time() - begun)
        return least

    assert seconds(20_000) < 40 * max(0.01, seconds(2_000))
