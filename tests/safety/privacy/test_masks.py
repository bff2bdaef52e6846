"""Answers masked as they are written, and given back to their owner: whatever the chunks are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.safety.privacy.finder import Found, load_finder
from fireside.safety.privacy.kinds import KINDS, PLACEHOLDER
from fireside.safety.privacy.masks import LONGEST, AnswerMask, redacted
from fireside.safety.privacy.pseudonyms import Pseudonym, Pseudonyms, Showing

PIECES = [
    "Write to ana.lee@example.com. ", "Call 415-555-2671 now! ", "Mr. Smith said so.\n",
    "He lives at 742 Evergreen Terrace\nSpringfield, IL 62704. ", "card 4111 1111 1111 1111, ",
    "plain words ", ". ", "? ", "\n", "[EMAIL_1] ", "[EMAIL_", "[", "]", "a[b]c ", "x" * 50,
    "你好。",
    "-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n-----END PRIVATE KEY-----\n", "J. Q. Public went. ",
    "password: hunter2!x ", "192.168.1.12 ", "e.g. this ", "Dr", ". Jones", "\t", "  ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def chunks(text: str, sizes: list[int]) -> list[str]:
    found, at, place = [], 0, 0
    while at < len(text):
        size = sizes[place % len(sizes)]
        found.append(text[at : at + size])
        at, place = at + size, place + 1
    return found


def masked(parts: list[str]) -> tuple[str, dict[str, int]]:
    mask = AnswerMask(load_finder(), KINDS)
    out = "".join(mask.feed(part) for part in parts) + mask.finish()
    return out, dict(mask.counts)


@settings(max_examples=25)
@given(text=TEXTS, sizes=CUTS)
def test_however_a_stream_is_cut_the_same_text_comes_out(text: str, sizes: list[int]) -> None:
    assert masked(chunks(text, sizes)) == masked([text])


@settings(max_examples=25)
@given(text=TEXTS)
def test_nothing_that_was_fed_comes_out_but_what_it_finds_no_more(text: str) -> None:
    out, _ = masked([text])
    for value in ("ana.lee@example.com", "415-555-2671", "4111 1111 1111 1111", "MIIE"):
        assert value not in out


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Write to ana@example.com today.", "Write to [EMAIL] today."),
        ("I am Ana Lee. You?", "I am [NAME]. You?"),
        (
            "It is 742 Evergreen Terrace\nSpringfield, IL 62704. Bye.",
            "It is [ADDRESS]\n[ADDRESS]. Bye.",
        ),
        ("Dear Mr. Smith, hello.", "Dear Mr. [NAME], hello."),
        (
            "Key:\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADAN\n-----END PRIVATE KEY-----\nDone.",
            "Key:\n[SECRET]\nDone.",
        ),
        ("Nothing here.\n\n  Indented.\n", "Nothing here.\n\n  Indented.\n"),
        ("", ""),
    ],
)
def test_masked(text: str, out: str) -> None:
    assert masked(list(text))[0] == out


def test_at_most_a_sentence_is_held_back() -> None:
    mask = AnswerMask(load_finder(), KINDS)
    assert mask.feed("One sentence. And") == "One sentence. "
    assert mask.feed(" a word" * 200) != ""
    assert len(mask._held) <= LONGEST
    assert mask.feed("x" * 5000).count("x") >= 5000 - LONGEST


def test_after_a_round_it_goes_on() -> None:
    mask = AnswerMask(load_finder(), KINDS)
    assert mask.feed("Ana Lee") + mask.finish() == "[NAME]"
    assert mask.feed("ana@example.com ") + mask.finish() == "[EMAIL] "
    assert mask.counts == {"NAME": 1, "EMAIL": 1}


def test_values_that_are_nobodys_stay() -> None:
    mask = AnswerMask(load_finder(), ["EMAIL"], ["help@example.com"])
    text = "Ask help@example.com or ana@example.com."
    assert mask.feed(text) + mask.finish() == "Ask help@example.com or [EMAIL]."


# Pseudonyms

NAMES = Pseudonyms(
    [
        Pseudonym(kind="EMAIL", number=1, value="ana@example.com"),
        Pseudonym(kind="NAME", number=12, value="Ana <Lee>"),
        Pseudonym(kind="LITERAL", number=1, value="[EMAIL_1]"),
    ]
)
SHOWN = st.lists(
    st.sampled_from(
        ["[EMAIL_1]", "[EMAIL_2]", "[NAME_12]", "[NAME_1", "2]", "[", "]", "[LITERAL_1]", "a ",
         "[EM"]
    ),
    max_size=15,
).map("".join)  # fmt: skip


@given(text=SHOWN, sizes=CUTS)
def test_values_come_back_however_a_stream_is_cut(text: str, sizes: list[int]) -> None:
    showing = Showing(NAMES.shown)
    out = "".join(showing.feed(part) for part in chunks(text, sizes)) + showing.finish()
    assert out == NAMES.shown(text)


WORDS = st.lists(
    st.sampled_from(
        ["ana@example.com", "bo@example.org", "Ana Lee", "[EMAIL_1]", "[LITERAL_1]", "[NAME_99]",
         " and ", "[EMAIL_01]", "call 415-555-2671 ", "[[EMAIL_1]]", "\n", "你好"]
    ),
    max_size=10,
).map(" ".join)  # fmt: skip


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_what_was_hidden_comes_back_letter_for_letter(texts: list[str]) -> None:
    names = Pseudonyms()
    finder = load_finder()
    for text in texts:
        before = Pseudonyms(names.all)
        hidden = names.hidden(text, finder.find(text))
        assert names.shown(hidden) == before.shown(text)  # before: what a known word means
        assert "ana@example.com" not in hidden
        again = Pseudonyms(names.all)
        assert again.hidden(hidden, finder.find(hidden)) == hidden
        assert again.new == []


@given(WORDS)
def test_a_first_text_comes_back_whatever_it_holds(text: str) -> None:
    names = Pseudonyms()
    assert names.shown(names.hidden(text, load_finder().find(text))) == text


def test_a_value_keeps_its_placeholder_and_another_gets_its_own() -> None:
    names = Pseudonyms()
    finder = load_finder()
    text = "ana@example.com, bo@example.org, ana@example.com"
    assert names.hidden(text, finder.find(text)) == "[EMAIL_1], [EMAIL_2], [EMAIL_1]"


def test_a_placeholder_that_nobody_made_is_somebodys_own_word() -> None:
    names = Pseudonyms([Pseudonym(kind="EMAIL", number=1, value="ana@example.com")])
    hidden = names.hidden("what is [EMAIL_2], and [EMAIL_1]?", [])
    assert hidden == "what is [LITERAL_1], and [EMAIL_1]?"
    assert names.shown(hidden) == "what is [EMAIL_2], and ana@example.com?"


def test_placeholders_are_no_personal_data_themselves() -> None:
    text = " ".join(f"[{kind}_{n}]" for kind in KINDS for n in (1, 12, 123456))
    assert load_finder().find(text) == []
    assert len(PLACEHOLDER.findall(text)) == 3 * len(KINDS)


def test_redacted() -> None:
    found = [Found(kind="NAME", start=0, end=3, score=1), Found(kind="IP", start=4, end=5, score=1)]
    assert redacted("Ana x y", found) == "[NAME] [IP] y"
    assert redacted("", []) == ""
