"""What is never remembered by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fireside.assistant.memory.memories import Memories
from fireside.assistant.memory.private import Finding, PersonalData, private_in
from fireside.safety.privacy.kinds import Kind
from fireside.storage import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


@dataclass
class One:
    kind: Kind


@dataclass
class Finds:
    kinds: list[Kind]

    def find(self, text: str) -> Sequence[Finding]:
        return [One(kind) for kind in self.kinds]


PRIVATE = [
    "My password is hunter2.",
    "The wifi code is aB3$xY9zQ",
    "the door code is 1234",
    "My mother's maiden name is Smith",
    "The PIN code is 4711.",
    "My phone number is +44 20 7946 0958.",
    "My card is 4111 1111 1111 1111.",
    "My IBAN is DE89 3704 0044 0532 0130 00.",
    "Write to ana@example.org.",
    "My API key is in the drawer.",
    "The token is ghp_16C7e42F292c6912E7710c838347Ae178B4a.",
    "I live at 12 Baker Street.",
    "Ich wohne in der Hauptstraße 5.",
    "My server is 192.168.1.10.",
    "我的密码是 abc。",
    "My name is [NAME_1].",
]
PLAIN = [
    "I live in Lisbon.",
    "My name is Anna Smith.",
    "I was born on 1984-05-03.",
    "My birthday is on the 3rd of May.",
    "Our budget is 2000 euros a month.",
    "I work as a translator for the city council.",
    "I have type 1 diabetes.",
    "我住在成都。",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_private_needs_the_persons_word(text: str, store: Store) -> None:
    memories = Memories(store.objects)
    with pytest.raises(PersonalData, match=r"holds .*\(personal: true") as refused:
        memories.add("", text)
    assert not any(word in refused.value.message for word in ("hunter2", "4711", "Baker"))
    kept = memories.add("", text, personal=True).memory  # the person insists
    assert memories.get("", kept.id).text == text
    with pytest.raises(PersonalData):
        memories.edit("", kept.id, text=text + " Yes.")
    assert memories.edit("", kept.id, text=text + " Yes.", personal=True).text.endswith("Yes.")


@pytest.mark.parametrize("text", PLAIN)
def test_names_places_and_dates_pass(text: str) -> None:
    assert private_in(text) == ()


def test_what_the_privacy_room_finds_is_not_remembered() -> None:
    def finding(*kinds: Kind) -> tuple[str, ...]:
        found = Finds(list(kinds))
        return private_in("I like jazz.", lambda: found)

    assert finding() == finding("NAME") == ()
    assert finding("PHONE", "NAME", "PHONE") == ("a telephone number",)


@pytest.mark.parametrize("text", [*PRIVATE, "My social security number is 536-90-4399."])
def test_private_facts_are_named(text: str) -> None:
    assert private_in(text)
