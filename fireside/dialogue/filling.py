"""Values of a turn into the state's slots: new, corrected, or competing.

A value that contradicts a known one replaces it only where the turn corrects, or answers the
question for it; else the policy asks.  It refuses to keep a value without the message that it came
from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fireside.dialogue import spans
from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.placing import Unplaced
from fireside.dialogue.reading import Reading
from fireside.dialogue.state import DialogueState, How, Question, SlotValue
from fireside.dialogue.wording import listed, named, shown
from fireside.language.mentions import Mention


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """changed: slots with a new value.  question: what has to be asked first."""

    state: DialogueState
    changed: tuple[str, ...] = ()
    question: Question | None = None


def fill(
    config: DialogueConfig, state: DialogueState, reading: Reading, *, message_id: str
) -> Filled:
    corrects = reading.acts.has("correct")
    asked = state.question
    changed: list[str] = []
    question: Question | None = None
    for name, found in reading.placed.values.items():
        known = state.slots.get(name)
        values = _meant(reading.text, found) if len(found) > 1 else list(found)
        if len(values) > 1:
            pending = _kept(values[0], message_id, "said")
            question = question or _which(config, name, [v.value for v in values], pending)
            continue
        new = values[0]
        corrects_it = corrects or (known is not None and _taken_back(reading.text, known.said))
        if known is not None and known.value == new.value:
            if asked is not None and asked.slot == name:
                changed.append(name)
            continue
        expected = asked is not None and (asked.slot == name or asked.kind == "confirm")
        if known is not None and not (corrects_it or expected):
            pending = _kept(new, message_id, "corrected")
            question = question or _which(config, name, [known.value, new.value], pending)
            continue
        how: How = "said" if known is None else "corrected"
        state = _set(config, state, name, _kept(new, message_id, how))
        changed.append(name)
    for loose in reading.placed.unplaced:
        state, placed, ask = _place(config, state, loose, corrects, message_id)
        changed += placed
        question = question or ask
    return Filled(state=state, changed=tuple(changed), question=question)


def amend(
    config: DialogueConfig, state: DialogueState, reading: Reading, *, message_id: str
) -> Filled:
    """The answer to "what should I change?" where no parser found a value in it.

    The name of a slot takes its value away, so that it is asked for anew.  Free words are the value
    of the only slot of free words, or it is asked which one they are.
    """
    ours = [name for name in config.slots_of(state.goal) if name in state.slots]
    said = set(re.findall(r"\w+", reading.text.lower()))
    named_ = [name for name in ours if said & (set(name.split("_")) - {"the"})]
    if len(named_) == 1 and len(said) <= 4:
        return Filled(
            state=_unconfirmed(config, state.with_slot(named_[0], None)), changed=(named_[0],)
        )
    free = [name for name in ours if config.slots[name].type in ("name", "text")]
    words = spans.answer(reading.text)
    if words is None or not free or reading.acts.main not in ("inform", "correct", "other"):
        return Filled(state=state)
    value = _kept(words, message_id, "corrected")
    if len(free) == 1:
        return Filled(state=_set(config, state, free[0], value), changed=(free[0],))
    labels = [f"the {name.replace('_', ' ')}" for name in free]
    text = named(config.which_slot, value=words.value, options=listed(labels))
    ask = Question(kind="choose_slot", text=text, options=tuple(free), pending=value)
    return Filled(state=state, question=ask)


def _place(
    config: DialogueConfig, state: DialogueState, loose: Unplaced, corrects: bool, message_id: str
) -> tuple[DialogueState, list[str], Question | None]:
    """A value that several slots could take: the one that was filled last, if the turn corrects;
    else it is asked for."""
    filled = [name for name in loose.slots if name in state.slots]
    if corrects and filled:
        latest = list(state.slots)
        newest = max(filled, key=latest.index)
        source = state.slots[newest].message_id
        together = [name for name in filled if state.slots[name].message_id == source]
        if len(together) == 1:
            value = _kept(loose.found, message_id, "corrected")
            return _set(config, state, newest, value), [newest], None
        options = together
    else:
        options = [name for name in loose.slots if name not in state.slots] or list(loose.slots)
    pending = _kept(loose.found, message_id, "corrected" if corrects else "said")
    labels = [f"the {name.replace('_', ' ')}" for name in options]
    value_words = shown(config.slots[options[0]], loose.found.value)
    text = named(config.which_slot, value=value_words, options=listed(labels))
    ask = Question(kind="choose_slot", text=text, options=tuple(options), pending=pending)
    return state, [], ask


def _meant(text: str, found: Sequence[Mention]) -> list[Mention]:
    """Without those that the text itself takes back: "not Monday but Tuesday", "Tuesday, no,
    Wednesday", "Wednesday instead of Tuesday"."""
    kept = []
    for place, each in enumerate(found):
        before = text[max(0, each.start - 24) : each.start].lower()
        follows = text[each.end : each.end + 16].lower()
        gone = re.search(
            r"\b(?:not|isn'?t|instead of|rather than)\s+(?:on |for |the |at )*$", before
        )
        taken_back = place + 1 < len(found) and re.match(
            r"[\s,.;…-]*(?:no\b|sorry|i mean|wait|actually|or rather)", follows
        )
        if not gone and not taken_back:
            kept.append(each)
    return kept or list(found)


def _taken_back(text: str, said: str) -> bool:
    """ "No, not AB-12345": the value that is known is named as the wrong one."""
    return bool(said) and bool(
        re.search(rf"\b(?:not|isn'?t|instead of)\s+(?:\w+\s+)?{re.escape(said)}", text, re.I)
    )


def _which(
    config: DialogueConfig, name: str, values: Sequence[str], pending: SlotValue
) -> Question:
    words = listed([shown(config.slots.get(name), value) for value in values])
    text = named(config.which_value, options=words)
    return Question(
        kind="choose_value", text=text, slot=name, options=tuple(values), pending=pending
    )


def _kept(found: Mention, message_id: str, how: How) -> SlotValue:
    return SlotValue(value=found.value, said=found.words, message_id=message_id, how=how)


def _set(
    config: DialogueConfig, state: DialogueState, name: str, value: SlotValue
) -> DialogueState:
    """What was confirmed before a correction has to be confirmed again."""
    corrected = name in state.slots
    state = state.with_slot(name, value)
    return _unconfirmed(config, state) if corrected else state


def _unconfirmed(config: DialogueConfig, state: DialogueState) -> DialogueState:
    if state.goal is None:
        return state
    steps = config.flows[state.goal].steps
    return replace(state, done=tuple(n for n in state.done if steps[n].confirm is None))
