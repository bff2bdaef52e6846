"""Stop strings: a stream shows what the definition on the whole text shows, never more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.engine.stops import StopScanner

LETTERS = st.text("aab", max_size=20)
STOPS = st.lists(st.text("ab", min_size=1, max_size=5), max_size=3)


def whole(text: str, stops: list[str]) -> str:
    """The definition, literally."""
    for end in range(len(text) + 1):
        begins = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if begins:
            return text[: min(begins)]
    return text


@given(pieces=st.lists(LETTERS, max_size=8), stops=STOPS)
def test_streamed_equals_whole(pieces: list[str], stops: list[str]) -> None:
    text = "".join(pieces)
    scanner = StopScanner(stops)
    shown = ""
    for piece in pieces:
        shown += scanner.push(piece)
        assert whole(text, stops).startswith(shown), "shown too early"
    shown += scanner.finish()
    assert shown == whole(text, stops)
    assert scanner.stopped == (whole(text, stops) != text)


@given(pieces=st.lists(LETTERS, max_size=8), stops=STOPS)
def test_no_more_is_held_back_than_must_be(pieces: list[str], stops: list[str]) -> None:
    scanner = StopScanner(stops)
    shown = text = ""
    for piece in pieces:
        text += piece
        shown += scanner.push(piece)
        held = text[len(shown) :]
        if not scanner.stopped and held:
            assert any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize(
    ("stops", "pieces", "shown"),
    [
        ([], ["a", "b"], ["a", "b"]),
        (["\n\nUser:"], ["Hi", ".\n", "\nUs", "er: me"], ["Hi", ".", "", ""]),
        (["END"], ["the EN", "D of"], ["the ", ""]),
        (["END"], ["the EN", "Z"], ["the ", "ENZ"]),
        (["abcd", "bc"], ["abcd"], ["a"]),
        (["bc", "abc"], ["xabc"], ["x"]),
    ],
)
def test_examples(stops: list[str], pieces: list[str], shown: list[str]) -> None:
    scanner = StopScanner(stops)
    assert [scanner.push(piece) for piece in pieces] == shown
