"""Summaries, translations, articles, labels: what holds whatever the model writes."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.uses.classify import classify, in_order, labelled, softmax
from fireside.assistant.uses.extract import extract
from fireside.assistant.uses.packing import packed, sentences_within
from fireside.assistant.uses.summarise import length, summarise
from fireside.assistant.uses.translate import needed_terms, translate
from fireside.assistant.uses.write import write
from fireside.language.sentences import sentences

from .scripted import Scripted

STORY = " ".join(f"The fisherman of bay {n} caught {n} herrings before noon." for n in range(300))
texts = st.text(st.sampled_from("ab .!?\nÄ字9"), max_size=400)


# Summaries


@given(texts, st.text(st.sampled_from("ab .!?\nÄ9"), max_size=200), st.integers(5, 40))
def test_the_length_is_kept_whatever_the_model_says(text: str, said: str, words: int) -> None:
    made = summarise(Scripted(lambda asked, constraint: said, window=60), text, words)
    assert length(made.text) <= words or made.text == text.strip()


def test_a_long_text_is_summed_up_in_rounds_and_every_piece_is_read() -> None:
    ask = Scripted(lambda asked, constraint: sentences(asked.partition("Text:\n")[2])[0])
    made = summarise(ask, STORY, 30)
    assert made.notes["pieces"] > 3
    assert made.notes["rounds"] >= 2
    for sentence in sentences(STORY):
        assert any(sentence in asked for asked in ask.asked)
    assert 15 <= length(made.text) <= 30


def test_what_the_text_does_not_say_is_left_out() -> None:
    ask = Scripted(lambda asked, constraint: "The fishermen caught 9999 herrings in Atlantis.")
    made = summarise(ask, STORY[:600], 30)
    assert "Atlantis" not in made.text
    assert made.notes["unsupported"] == 1
    assert made.notes["from_the_text"] >= 1
    assert made.text.endswith(".")


@pytest.mark.parametrize(
    "said",
    [
        "Profit fell by 12 percent in 2024.",
        "Profit did not rise by 12 percent in 2024.",
        "Profit rose by 21 percent in 2024.",
    ],
)
def test_no_direction_negation_or_number_changes(said: str) -> None:
    text = "Profit rose by 12 percent in 2024. It sells bells. It has a yard in Faro. Ana runs it."
    made = summarise(Scripted(lambda asked, constraint: said), text, 12)
    assert said not in made.text
    assert made.notes["unsupported"] == 1


@given(texts, st.integers(5, 40))
def test_an_extract_is_of_the_text(text: str, words: int) -> None:
    made = extract(text, words)
    assert length(made.text) <= words or made.text == text.strip()
    if made.text != text.strip() and not made.text.endswith("…"):
        kept = iter(sentences(text))
        assert all(any(each == known for known in kept) for each in sentences(made.text))


def test_an_extract_takes_what_tells_most() -> None:
    text = (
        "The weather was fine. Profit of the bakery rose by 12 percent. Somebody laughed. "
        "The bakery sold more bread, so profit rose. Profit of the bakery rose by 12 percent. Tea."
    )
    assert extract(text, 8).text == "Profit of the bakery rose by 12 percent."


def test_a_short_text_is_its_own_summary() -> None:
    ask = Scripted(lambda asked, constraint: "no")
    assert summarise(ask, "One line.", 30).text == "One line."
    assert ask.asked == []


def test_headings_are_no_sentences() -> None:
    ask = Scripted(lambda asked, constraint: "")
    assert "#" not in summarise(ask, f"# Bays\n\n| a | b |\n\n{STORY[:900]}", 30).text


# Pieces


@given(texts, st.integers(1, 20))
def test_packing_loses_nothing(text: str, room: int) -> None:
    ask = Scripted(lambda asked, constraint: "")
    packs = packed(sentences_within(ask, text, room), room, ask.tokens)
    assert "".join("".join(packs).split()) == "".join(text.split())


# Translations


def german(asked: str) -> str:
    return asked.rpartition("\n\n")[2].replace("harbour", "Hafen")


def test_terms_are_kept_by_force_where_they_must() -> None:
    def says(asked: str, constraint: object) -> str:
        return "Bonjour le Fireside et le Hafen." if constraint else "Bonjour."

    made = translate(
        Scripted(says), "The Fireside at the harbour.", "French",
        {"harbour": "Hafen", "Fireside": "Fireside", "ship": "Schiff"},
    )  # fmt: skip
    assert made.text == "Bonjour le Fireside et le Hafen."
    assert made.notes["terms_forced"] == ["Fireside", "Hafen"]


def test_a_term_that_is_missing_all_the_same_is_told() -> None:
    made = translate(Scripted(lambda asked, constraint: "Oui."), "harbour", "French",
                     {"harbour": "port"})  # fmt: skip
    assert (made.text, made.notes["terms_missing"]) == ("Oui.", ["port"])


def test_lines_stay_lines() -> None:
    made = translate(Scripted(lambda asked, _: german(asked)), "A harbour.\n\nB. C.", "German", {})
    assert made.text == "A Hafen.\n\nB. C."


@pytest.mark.parametrize(
    ("piece", "found"),
    [
        ("The ports of art", ["art"]),
        ("Art and PORT", ["art", "port"]),
        ("学习中文", ["中文"]),
        ("C++ is hard", ["C++"]),
        ("", []),
    ],
)
def test_terms_are_words(piece: str, found: list[str]) -> None:
    terms = {"port": "p", "art": "a", "中文": "Chinese", "C++": "C++", "": "no"}
    assert list(needed_terms(piece, terms)) == found


# Articles


def author(asked: str, constraint: object) -> str:
    if constraint:
        return json.dumps({"title": "Bees", "sections": ["1. Food", "Honey", "Honey"]})
    if asked.startswith("Improve"):
        return "I made the text better. " + asked.rpartition("\n\n")[2]
    heading = re.search(r'section "(.+?)"', asked)
    assert heading is not None
    return f"# {heading[1]}\nBees like {heading[1]}. Bees work hard. An unfinished"


def test_an_article() -> None:
    made = write(Scripted(author), "Bees", 60, 3)
    assert made.text.startswith("# Bees\n\n## Food\n\nBees like Food. Bees work hard.")
    assert made.text.count("Bees work hard.") == 1
    assert made.text.count("## Honey") == 1
    assert "I made the text better" not in made.text
    assert made.notes["outline"] == ["Food", "Honey"]


def test_an_outline_that_is_cut_off_is_no_end() -> None:
    def says(asked: str, constraint: object) -> str:
        return '{"title": "Be' if constraint else "Bees fly."

    assert write(Scripted(says), "Bees and\nme", 60, 3).text.startswith("# Bees and\n\n## ")


# Labels


@given(st.lists(st.floats(-50, 0), min_size=2, max_size=6))
def test_chances_add_up(values: list[float]) -> None:
    chances = softmax(values)
    assert sum(chances) == pytest.approx(1)
    assert max(chances) == pytest.approx(chances[values.index(max(values))])


def test_a_label_is_not_chosen_for_being_a_common_word() -> None:
    def score(question: str, labels: object) -> list[float]:
        return [-1.0, -5.0] if "N/A" in question else [-1.1, -2.0]

    chances = classify(score, "My parcel is lost", ["the", "parcel"])
    assert chances["parcel"] > 0.9


def test_below_the_border_no_label_is_given() -> None:
    chances = {"order": 0.3, "refund": 0.45}
    made = labelled(chances, least=0.5, none="other")
    assert made.text == made.fields["label"] == "other"
    assert made.fields["probability"] == 0.25
    assert made.notes["probabilities"] == {"order": 0.3, "refund": 0.45, "other": 0.25}
    assert labelled(chances, least=0.4, none="other").fields == {
        "label": "refund",
        "probability": 0.45,
    }


def test_probabilities_as_a_line() -> None:
    assert in_order({"order": 0.3, "refund": 0.45, "other": 0.25}) == (
        "refund 45 %, order 30 %, other 25 %"
    )
    assert in_order({f"l{n}": 1 / 8 for n in range(8)}).endswith(", and 3 more")
