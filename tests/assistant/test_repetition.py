"""Repetition without end is ended and hardly shown; honest repetition passes letter by letter."""

from __future__ import annotations

import base64
import json
import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.assistant.repetition import RepetitionGuard
from fireside.language.text_units import UnitReader


def passed(text: str) -> tuple[str, RepetitionGuard]:
    guard = RepetitionGuard()
    return guard.feed(text) + guard.finish(), guard


HOUSE = "The old house stood on the hill, and nobody knew who had built it. "
SWALLOWS = "In winter the wind sang in its chimneys; in summer swallows came. "
LINES = "So it went.\nUp the hill.\nDown the hill.\nAnd home again.\n"
ENDLESS = {
    "sentence": ("Your dreams. " * 300, 80),
    "numbered": ("".join(f"{n}. Write down your dreams and goals.\n" for n in range(90)), 250),
    "dated": ("".join(f"2024-05-{n:02} 10:00 The same thing happened.\n" for n in range(90)), 340),
    "counted": ("".join(f"- The cache of {n} is of {n}.\n" for n in range(2024, 2100)), 260),
    "lettered": ("".join(f"{c}: I have seen the house.\n" for c in string.ascii_letters), 220),
    "emoji": ("Hello! " + "😊" * 200, 60),
    "emojis": ("Hi " + "😊🌟🎉 " * 90, 80),
    "wall": ("Hi! " + "".join(chr(0x1F400 + n) for n in range(200)), 40),
    "word": ("Yes, " + "really " * 200, 80),
    "letter": ("A" + "a" * 2000, 60),
    "chinese": ("你好！" + "我很高兴认识你。" * 60, 80),
    "marks": ("我不知道" + "；" * 200, 60),
    "arabic": ("مرحبا " + "والخطرية، " * 90, 100),
    "paragraph": ((HOUSE * 2 + SWALLOWS) * 40, 400),
    "lines": (LINES * 60, 170),
    "stumbling": (("well then I say again. " * 6 + "well then I say agan. ") * 30, 240),
    "blank": ("The end.\n" + "\n" * 2000, 60),
    "long cycle": (" ".join(f"w o r d {n % 190}" for n in range(3000)), 2400),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_repetition_is_ended_and_hardly_shown(name: str) -> None:
    text, most = ENDLESS[name]
    shown, guard = passed(text)
    assert guard.found is not None
    assert text.startswith(shown)
    assert len(shown) <= most
    assert guard.found.withheld > 0
    assert guard.feed("more") == guard.finish() == ""


SONG = "Row, row, row your boat,\nGently down the stream,\nMerrily, merrily, merrily, merrily,\n"
HONEST = {
    "times table": "\n".join(f"{n} × {m} = {n * m}" for n in range(1, 11) for m in range(1, 11)),
    "spoken table": "\n".join(f"Seven times {n} is {7 * n}." for n in range(1, 40)),
    "numbers": "\n".join(map(str, range(1, 500))),
    "zeros": "[" + "0, " * 300 + "0]",
    "grid": "\n".join("0 1 0 0 1 1 0 1" for _ in range(40)),
    "ruler": "Title\n" + "-" * 300 + "\nText\n" + "=" * 300,
    "table": "| name | size |\n|---|---|\n"
    + "\n".join(f"| planet {chr(65 + n)} | {n * 37} km |" for n in range(26)),
    "wide ruler": "|" + "---|" * 60,
    "json": json.dumps([{"id": n, "name": f"n{n * n}", "active": True} for n in range(60)]),
    "csv": "\n".join(f"2024-05-{n % 28 + 1:02},Berlin,{n * 7 % 31},{n % 9}" for n in range(120)),
    "base64": base64.b64encode(random.Random(1).randbytes(2000)).decode(),
    "base64 of nothing": base64.b64encode(bytes(150)).decode(),
    "laughter": "That was good! " + "ha" * 40 + " " + "哈" * 40,
    "refrain": "".join(f"{SONG}Verse {word}.\n" for word in ("one", "two", "three", "four")),
    "chant": "na " * 30 + "hey hey hey goodbye",
    "code": "\n".join(f"def get_{n}(self):\n    return self._items[{n}]\n" for n in "abcdefghij"),
    "html": "\n".join(f"<tr><td>City {c}</td><td>{ord(c)}</td></tr>" for c in "ABCDEFGHIJ"),
    "escapes": json.dumps("Привет, как дела? " + "".join(map(chr, range(0xE01, 0xE3A)))),
    "measured": "\n".join(f"{n % 9 + 1:12}  1000000.{n % 2 * 2 + 2}" for n in range(60)),
    "three times": "hello\n" * 3,
    "boxes": ("┌" + "─" * 60 + "┐\n" + ("│" + " " * 60 + "│\n") * 3 + "└" + "─" * 60 + "┘\n") * 2,
    "bar": "█" * 80 + "░" * 40,
    "squares": "\n".join("🟩🟨⬜⬜🟩" * 2 for _ in range(6)),
    "flags": "One flag each: " + "".join(f"{c} 😊 {c} word, " for c in "abcdefgh"),
    "padded": "| a |" + " " * 400 + "| b |",
    "indent": "x = [\n" + " " * 120 + "1]\n",
    "list": "\n".join(f"{n}. {word}" for n, word in enumerate(["cat", "dog", "cow", "hen"], 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_repetition_passes_whole(name: str) -> None:
    shown, guard = passed(HONEST[name])
    assert guard.found is None
    assert shown == HONEST[name]


def test_what_does_not_repeat_itself_is_not_held_back() -> None:
    guard = RepetitionGuard()
    text = (
        "Once upon a time there was a hen that wanted to see the sea.\nSo she went.\n"
        + ", ".join(map(str, range(150)))
    )
    assert [guard.feed(letter) for letter in text] == [*text]


SYLLABLES = st.sampled_from(["a", "ab ", "😊", "好", "1. ", "\n", "the end ", "- ", ". "])


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.tuples(SYLLABLES, st.integers(1, 90)), max_size=8),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=9),
)
def test_however_it_is_cut_the_same_is_shown_and_nothing_is_changed(
    parts: list[tuple[str, int]], sizes: list[int]
) -> None:
    text = "".join(part * count for part, count in parts)
    whole, guard = passed(text)
    assert text.startswith(whole)
    assert (guard.found is None) == (whole == text) or not text
    other, shown, place, turn = RepetitionGuard(), "", 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        shown += other.feed(text[place : place + size])
        assert text.startswith(shown)
        place, turn = place + size, turn + 1
    assert shown + other.finish() == whole
    assert other.found == guard.found


def test_cut_off_within_a_long_repetition_it_is_ended_as_one() -> None:
    text = "It began well. " + "And then it rained. " * 14
    shown, guard = passed(text)
    assert (shown, guard.found) == (text, None)
    guard = RepetitionGuard()
    shown = guard.feed(text) + guard.finish(is_cut=True)
    assert guard.found is not None
    assert len(shown) < 90


def test_its_cost_grows_with_the_text_alone() -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        passed(text)
        return time.process_time() - began

    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(4000)]
    short, long = " ".join(words[:500]), " ".join(words)
    assert min(seconds(long) for _ in range(3)) < 24 * min(seconds(short) for _ in range(3))


def test_units() -> None:
    reader = UnitReader()
    text = "12. It's 5 o'clock.\nb) 你好😊\ufe0f Ünïcode x ─\n2024-01-02 10:00 End of 7, end of 8."
    units = [unit.text for letter in text for unit in reader.push(letter)]
    assert units == [
        *["it", "s", "5", "o", "clock", "你", "好", "😊", "ünïcode", "x"],
        *["end", "of", "7", "end", "of", "#"],
    ]
