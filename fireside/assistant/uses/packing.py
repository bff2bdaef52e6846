"""A long text in pieces that fit: whole sentences, in order, none lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fireside.assistant.uses.asking import Ask
from fireside.language.sentences import sentences


def sentences_within(ask: Ask, text: str, tokens: int) -> list[str]:
    """Its sentences; one that is longer than so many tokens is cut at white space."""
    found: list[str] = []
    for sentence in sentences(text):
        found += [sentence] if ask.tokens(sentence) <= tokens else ask.cut(sentence, tokens)
    return [each.strip() for each in found if each.strip()]


def packed(parts: Iterable[str], tokens: int, count: Callable[[str], int]) -> list[str]:
    """Neighbours put together, as many as fit; each part alone fits."""
    packs: list[str] = []
    sizes: list[int] = []
    for part in parts:
        size = count(part) + 1
        if packs and sizes[-1] + size <= tokens:
            packs[-1] += f" {part}"
            sizes[-1] += size
        else:
            packs.append(part)
            sizes.append(size)
    return packs
