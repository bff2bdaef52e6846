"""An embedding model of words, and a small desk whose policy every behaviour is tested with."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
import torch

from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.policy import Decision, decide
from fireside.dialogue.reading import Reader
from fireside.dialogue.state import DialogueState

TODAY = date(2026, 11, 22)  # a Sunday
WIDTH = 512

DESK = r"""
[slots.order]
type = "pattern"
pattern = '\b[A-Z]{2}-\d{4,6}\b'
question = "Which order?"
again = "An order is like AB-1234. Which one?"
[slots.reason]
type = "choice"
question = "What is wrong?"
choices = { damaged = ["broken"], late = [], changed_mind = ["changed my mind"] }
[slots.opened]
type = "yes_no"
question = "Was it opened?"
[slots.pickup]
type = "date"
question = "When?"
[slots.city]
type = "name"
question = "Which city?"
cues = ["moved to"]
model = "never"
[slots.street]
type = "text"
question = "Which street?"
[slots.arrival]
type = "date"
question = "When do you come?"
[slots.departure]
type = "date"
question = "When do you leave?"
cues = ["until"]
[slots.guests]
type = "number"
question = "How many?"
cues = ["people"]
min = 1
max = 9

[intents.refund]
about = "get money back"
flow = "refund"
examples = ["give me my money back"]
[intents.address]
about = "change the address"
flow = "address"
examples = ["my address is another one now"]
[intents.room]
about = "book a room"
flow = "room"
examples = ["book a room please"]
[intents.hours]
reply = "From 9 to 17."
examples = ["opening hours"]
[intents.story]
answer = "Tell a short story."
examples = ["tell me a story"]
[intents.complain]
handover = "the boss"
examples = ["complain about everything"]

[flows.refund]
about = "your refund"
steps = [
    { ask = "order" },
    { ask = "reason" },
    { ask = "opened", when = { reason = "changed_mind" } },
    { ask = "pickup" },
    { confirm = "{order}, {reason}, {pickup}: right?" },
    { say = "Noted: {order}." },
]
[flows.address]
steps = [{ ask = "city" }, { ask = "street" }, { confirm = "{street}, {city}?" }, { say = "Done." }]
[flows.room]
about = "your room"
steps = [{ ask = "arrival" }, { ask = "departure" }, { ask = "guests" }, { say = "Booked." }]

[handover]
to = "Ann"
misunderstood = 2
mood = -0.5
"""


class Words:
    """A vector of the words of a text: texts without a common word are not near."""

    window = 256
    unknown_id = 1
    embedded = 0

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return [
            [1 if ord(word[0]) > 0x2FF else 2 for word in re.findall(r"\w+|[^\w\s]", text)]
            for text in texts
        ]

    def embed(self, texts: Sequence[str]) -> tuple[torch.Tensor, list[int]]:
        rows = torch.zeros(len(texts), WIDTH)
        for row, text in zip(rows, texts, strict=True):
            assert len(self.tokens([text])[0]) <= self.window
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.sha256(word.encode()).digest()
                row[int.from_bytes(digest[:4]) % WIDTH] += 1
        self.embedded += len(texts)
        lengths = rows.norm(dim=1, keepdim=True).clamp(min=1e-9)
        return rows / lengths, [len(each) for each in self.tokens(texts)]


class Talk:
    """A conversation with a policy: `say` gives what is said to it."""

    def __init__(self, config: DialogueConfig, vectors: Any = None) -> None:
        self.config = config
        self.reader = Reader(config, vectors or Words())
        self.state = DialogueState()
        self.said: list[str] = []
        self.last: Decision | None = None

    def say(self, text: str) -> str | None:
        self.said.append(text)
        reading = self.reader.read(text, self.state, today=TODAY)
        name = f"m{len(self.said)}"
        self.last = decide(self.config, self.state, reading, message_id=name, said=self.said)
        self.state = self.last.state
        assert DialogueState.from_json(self.state.as_json()) == self.state
        return self.last.move.say

    @property
    def values(self) -> dict[str, str]:
        return self.state.values


@pytest.fixture(scope="session")
def desk() -> DialogueConfig:
    return DialogueConfig.model_validate(tomllib.loads(DESK))


@pytest.fixture
def talk(desk: DialogueConfig) -> Talk:
    return Talk(desk)


@pytest.fixture
def talks() -> Callable[[str], Talk]:
    return lambda text: Talk(DialogueConfig.model_validate(tomllib.loads(text)))
