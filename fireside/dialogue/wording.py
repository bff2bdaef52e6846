"""The policy's texts with values put into them, as a person would say them.

It refuses to put in what is not known: a text with such a {slot} shows three dots there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from string import Formatter

from fireside.dialogue.acts import Acts
from fireside.dialogue.config import DialogueConfig, SlotConfig
from fireside.dialogue.placing import DONT_CARE


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


def courtesy(config: DialogueConfig, acts: Acts) -> str:
    """To a greeting, a thank-you or a goodbye; to all else what there is to be had."""
    options = [each.about for each in config.intents.values() if each.about]
    if config.handover.asked:
        options.append("speak with a person")
    offer = config.offer.replace("{options}", listed(options)) if options else ""
    if "request" in acts.all or "inform" in acts.all:
        return offer
    match acts.main:
        case "greet":
            return f"{config.greets} {offer_of(options)}".strip()
        case "thank":
            return config.thanks
        case "goodbye":
            return config.goodbye
    return offer


def offer_of(options: Sequence[str]) -> str:
    return f"I can help you to {listed(options)}." if options else ""


def listed(options: Sequence[str]) -> str:
    """ "a, b or c"."""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"
