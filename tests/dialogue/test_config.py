"""A policy's mistakes are told with the file's line and the nearest name."""

from __future__ import annotations

import re

import pytest

from fireside.assistant.persona import DEFAULT, Personas, parse
from fireside.dialogue.config import DialogueConfig
from fireside.errors import BadRequest

GOOD = """name = "desk"
[dialogue.slots.order]
type = "pattern"
pattern = "[A-Z]+"
question = "Which one?"
[dialogue.slots.note]
[dialogue.intents.refund]
flow = "refund"
examples = ["my money back"]
[dialogue.flows.refund]
steps = [
    { ask = "order" },
    { confirm = "{order}?" },
]
"""


def test_the_default_does_nothing() -> None:
    assert not DEFAULT.dialogue.active
    assert DialogueConfig().handover.asked


def test_a_good_one_is_read() -> None:
    policy = parse(GOOD, origin="desk.toml").dialogue
    assert policy.active
    assert list(policy.slots_of("refund")) == ["order"]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "says"),
    [
        ('ask = "order"', 'ask = "ordr"', 11, "did you mean 'order'"),
        ('flow = "refund"', 'flow = "refunds"', 8, "did you mean 'refund'"),
        ('ask = "order"', 'asks = "order"', 11, ".ask'"),
        ("[dialogue.slots.note]", "[dialogue.slot.note]", 6, "did you mean 'dialogue.slots'"),
        ("pattern =", "patern =", 4, ".pattern'?"),
        ('"{order}?"', '"{odrer}?"', 11, "did you mean 'order'"),
        ('"{order}?"', '"{order?"', 11, "brace"),
        ('type = "pattern"', 'type = "patern"', 3, "'pattern'"),
        ('"[A-Z]+"', '"[A-Z"', 2, "no regular expression"),
        ('ask = "order"', 'ask = "note"', 6, "give it a question"),
        ('{ ask = "order" }', '{ ask = "order", say = "x" }', 11, "make two steps"),
        ('examples = ["my money back"]', 'exampels = ["x"]', 9, ".examples'?"),
    ],
)
def test_a_mistake_has_its_line_and_the_near_name(
    right: str, wrong: str, line: int, says: str
) -> None:
    assert right in GOOD
    with pytest.raises(BadRequest, match=re.escape(says)) as told:
        parse(GOOD.replace(right, wrong), origin="desk.toml")
    assert f"desk.toml, line {line}:" in str(told.value)
    assert "\n" not in str(told.value)


def test_the_shipped_desk_is_read() -> None:
    policy = Personas().get("support").dialogue
    assert policy.active
    assert policy.handover.to == "our support team"
    for intent in policy.intents.values():
        assert len(intent.examples) >= 4
