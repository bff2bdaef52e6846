"""The policy's texts with values put into them, as a person would say them.

It refuses to put in what is not known: a text with such a {slot} shows three dots there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from string import Formatter

from fireside.assistant.dialogue.config import DialogueConfig, SlotConfig
from fireside.assistant.dialogue.placing import DONT_CARE


def shown(slot: SlotConfig | None, value: str) -> str:
    """A normal form in words: `2026-12-01` is "Tuesday, 1 December 2026"."""
    if value == DONT_CARE:
        return "no preference"
    if slot is not None and slot.type == "date":
        try:
            day = date.fromisoformat(value)
        except ValueError:  # edited by hand
            return value
        return f"{day:%A}, {day.day} {day:%B %Y}"
    if slot is not None and slot.type == "choice":
        return value.replace("_", " ")
    return value


def filled(config: DialogueConfig, text: str, values: Mapping[str, str]) -> str:
    """`text` with each {slot} as `shown`.  Only plain names are looked up: no attributes."""
    pieces = []
    for before, name, _, _ in Formatter().parse(text):
        pieces.append(before)
        if name is not None:
            known = values.get(name)
            pieces.append("…" if known is None else shown(config.slots.get(name), known))
    return "".join(pieces)


def named(text: str, **values: str) -> str:
    """The assistant's own sentences: {options}, {about}, {to}, {value}."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text[:1].upper() + text[1:]


def listed(options: Sequence[str]) -> str:
    """ "a, b or c"."""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"
