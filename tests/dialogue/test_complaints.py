"""Requests for a person and complaints, by rule, over phrasings of many habits."""

from __future__ import annotations

from pathlib import Path

import pytest

from fireside.dialogue.complaints import asks_for_a_person, complains

ROWS = [
    line.split("\t")
    for line in (Path(__file__).parent / "people.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def leads_to_a_person(text: str) -> bool:
    return asks_for_a_person(text) or complains(text)


def test_most_are_seen_and_few_others_are() -> None:
    for kind, least in (("person", 0.95), ("complaint", 0.95)):
        texts = [text for each, text in ROWS if each == kind]
        missed = [text for text in texts if not leads_to_a_person(text)]
        assert len(missed) <= (1 - least) * len(texts), missed
    others = [text for kind, text in ROWS if kind == "other"]
    false = [text for text in others if leads_to_a_person(text)]
    assert len(false) <= 0.03 * len(others), false


@pytest.mark.parametrize("change", [str.upper, str.title, lambda text: text.rstrip(".!?") + " !!"])
def test_case_and_signs_change_nothing(change: object) -> None:
    assert callable(change)
    texts = [text for kind, text in ROWS if kind != "other"]
    changed = [text for text in texts if leads_to_a_person(text) != leads_to_a_person(change(text))]
    assert len(changed) <= 0.02 * len(texts), changed


@pytest.mark.parametrize(
    "text",
    [
        "can you find my damn invoice",
        "I don't want to talk to anyone",
        "no complaints, thank you",
        "",
    ],
)
def test_what_is_none(text: str) -> None:
    assert not leads_to_a_person(text)
