"""The answer to "which one do you mean": which intent, which value, which slot.

By a word of the option, by its number ("the second one"), by yes where the first alone makes sense,
or by the nearest intent.  It refuses to take the likelier one: no clear answer is no answer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.intents import PERSON
from fireside.dialogue.reading import Reading
from fireside.dialogue.state import DialogueState, Question
from fireside.dialogue.wording import shown

_PLACES: Final = (
    r"\b(?:first|former|1st|1|one)\b|第一", r"\b(?:second|2nd|2|two)\b|第二",
    r"\b(?:third|3rd|3|three)\b|第三",
)  # fmt: skip
_LAST: Final = re.compile(r"\b(?:last|latter)\b", re.I)
_COMMON: Final = frozenset(
    [
        "the",
        "a",
        "an",
        "to",
        "of",
        "my",
        "your",
        "you",
        "want",
        "and",
        "or",
        "for",
        "it",
        "i",
        "with",
        "about",
    ]
)


def about(config: DialogueConfig, name: str) -> str:
    """An intent in words that a user understands."""
    if name == PERSON:
        return "speak with a person"
    return config.intents[name].about or name.replace("_", " ")


def choose(
    config: DialogueConfig, state: DialogueState, reading: Reading
) -> tuple[DialogueState, str | None] | None:
    """The state with the choice in it, and the intent that was chosen, if it was one.

    None where nothing was asked, or nothing was clearly chosen.
    """
    question = state.question
    if question is None or not question.kind.startswith("choose"):
        return None
    rest = replace(state, questions=state.questions[:-1])
    option = _chosen(config, question, reading)
    if option is None:
        # The question is let go: what the turn says is read as if it had not been asked.
        return None
    if question.kind == "choose_intent":
        return rest, option
    if question.kind == "choose_slot":
        assert question.pending is not None
        return rest.with_slot(option, question.pending), None
    assert question.slot is not None
    known = state.slots.get(question.slot)
    pending = question.pending
    value = known if known is not None and known.value == option else None
    if value is None and pending is not None:
        same = pending.value == option
        value = pending if same else replace(pending, value=option, said=option)
    if value is None:
        return None
    return rest.with_slot(question.slot, replace(value, how="confirmed")), None


def _chosen(config: DialogueConfig, question: Question, reading: Reading) -> str | None:
    options, text = question.options, reading.text.lower()
    if question.kind == "choose_intent":
        near = [name for name in reading.intents.names if name in options]
        hit = _by_words([about(config, o) for o in options], text)
        if hit is not None:
            return options[hit]
        if len(near) == 1:
            return near[0]
    elif question.kind == "choose_slot":
        labels = [
            f"{o.replace('_', ' ')} {config.slots[o].about} {' '.join(config.slots[o].cues)}"
            for o in options
        ]
        hit = _by_words(labels, text)
        if hit is not None:
            return options[hit]
    else:
        found = reading.placed.values.get(question.slot or "", ())
        said = [each.value for each in found if each.value in options]
        if len(said) == 1:
            return said[0]
        slot = config.slots.get(question.slot or "")
        hit = _by_words([f"{o} {shown(slot, o)}" for o in options], text)
        if hit is not None:
            return options[hit]
    return _by_place(options, text)


def _by_words(labels: list[str], text: str) -> int | None:
    """The option that alone has the most of the text's words."""
    said = set(re.findall(r"\w+", text.lower())) - _COMMON
    hits = [len(said & (set(re.findall(r"\w+", label.lower())) - _COMMON)) for label in labels]
    best = max(hits)
    return hits.index(best) if best and hits.count(best) == 1 else None


def _by_place(options: tuple[str, ...], text: str) -> str | None:
    hits = [
        option
        for option, pattern in zip(options, _PLACES, strict=False)
        if re.search(pattern, text, re.I)
    ]
    if not hits and _LAST.search(text):
        return options[-1]
    # "the second one" has "one" in it.
    if len(hits) > 1 and "one" in text:
        hits = hits[1:]
    return hits[0] if len(hits) == 1 else None
