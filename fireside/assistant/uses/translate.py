"""A translation, piece by piece in order, that keeps a list of terms.

Where a source text holds a term and the translation lacks its counterpart, the piece is translated
once more under a token mask that demands it: so the list is kept by every model, however small.
A term that is missing all the same (a piece too long for the window) is in the receipt.  Lines
stay lines.  It refuses to judge how good a translation is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fireside.assistant.uses.asking import Ask, Written
from fireside.assistant.uses.made import Made
from fireside.assistant.uses.packing import packed, sentences_within
from fireside.engine.params import Constraint

WISH = "Translate into {target}. Write only the translation.{terms}\n\n{text}"
ROOM = 160  # tokens of one piece: what a small model translates without losing some of it
GROWTH = 3  # tokens of the translation for one of the source: other scripts take more


def translate(ask: Ask, text: str, target: str, terms: Mapping[str, str]) -> Made:
    """
    Raises: as `Ask`.
    """
    notes: dict[str, list[str]] = {"terms_forced": [], "terms_missing": []}
    cut = pieces = 0
    lines = []
    for line in text.splitlines():
        room = max(16, min(ROOM, ask.window // (2 * GROWTH)))
        made = []
        for piece in packed(sentences_within(ask, line, room), room, ask.tokens):
            needed = needed_terms(piece, terms)
            written = _translated(ask, piece, target, needed, notes)
            pieces += 1
            cut += not written.whole
            made.append(written.text)
        lines.append(" ".join(made))
    told = {"pieces": pieces, "cut_off": cut, **notes}
    return Made(text="\n".join(lines).strip(), notes=told)


def needed_terms(piece: str, terms: Mapping[str, str]) -> dict[str, str]:
    """Those that the piece holds, by where they first occur; of terms within each other, all."""
    places: dict[str, int] = {}
    for term in terms:
        edges = [
            r"\b" if re.match(r"\w", end) and end.isascii() else "" for end in (term[:1], term[-1:])
        ]
        found = re.search(edges[0] + re.escape(term) + edges[1], piece, re.IGNORECASE)
        if term and found:
            places[term] = found.start()
    return {term: terms[term] for term in sorted(places, key=lambda each: places[each])}


def _translated(
    ask: Ask, piece: str, target: str, needed: Mapping[str, str], notes: dict[str, list[str]]
) -> Written:
    listed = "".join(f'\n"{term}" is "{wanted}".' for term, wanted in needed.items())
    wish = WISH.format(target=target, text=piece, terms=listed)
    most = min(GROWTH * ask.tokens(piece) + 24, ask.window // 2)
    written = ask(wish, max_tokens=most)
    wanted = [*dict.fromkeys(needed.values())]
    missing = _missing(wanted, written)
    if not missing:
        return written
    between = len(piece) // (len(wanted) + 1) + 8
    # No token is less than a third of a letter, so the mask is at its end before the tokens are.
    letters = sum(map(len, wanted)) + between * (len(wanted) + 1)
    again = ask(
        wish, max_tokens=min(3 * letters, ask.window // 2), constraint=holding(wanted, between)
    )
    if left := _missing(wanted, again):
        notes["terms_missing"] += left
        return written
    notes["terms_forced"] += missing
    return again


def _missing(wanted: Sequence[str], written: Written) -> list[str]:
    return [each for each in wanted if each.lower() not in written.text.lower()]


def holding(wanted: Sequence[str], between: int) -> Constraint:
    """Text on one line that holds each of these, in this order, and at most so many letters before,
    between and after them."""
    gap = rf"[^\n]{{0,{between}}}"
    parts = [f"{gap}{re.escape(each)}" for each in wanted]
    return Constraint(kind="regex", value="".join(parts) + gap, tame=True)
