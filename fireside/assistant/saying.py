"""An answer's text on its way out: through the filters, with its citations and its tokens.

What leaves `say` is shown; what a filter holds back is not, until the filter lets it go.  Where a
tool or a call stands between two texts they are two paragraphs of one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fireside.assistant.pieces import Cited, Piece, Said
from fireside.assistant.sources import cited

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, StreamFilter
    from fireside.assistant.repetition import Repetition, RepetitionGuard
    from fireside.engine.text import TokenInfo


class Saying:
    """Of one exchange, whose `answer` and `tokens` it writes.

    guard: against endless repetition; None where every letter is wanted.
    unsaid: tokens that came since the last text that was let go.
    """

    def __init__(self, exchange: Exchange, guard: RepetitionGuard | None = None) -> None:
        self._exchange = exchange
        self._guard = guard
        self._filters = list(exchange.filters)
        self._shown = exchange.shown  # the list itself: whoever stores all that is shown clears it
        self._unsaid: list[TokenInfo] = []
        self._part = exchange.answer  # the text since the last break
        self._cited = len(self._part)  # characters of it that were looked through for citations

    @property
    def over(self) -> bool:
        """Nothing more is let through."""
        return self.repetition is not None or any(each.over for each in self._filters)

    @property
    def repetition(self) -> Repetition | None:
        """What ended the text, if it repeated itself."""
        return None if self._guard is None else self._guard.found

    def heard(self, tokens: Sequence[TokenInfo]) -> None:
        self._unsaid.extend(tokens)

    def say(self, text: str) -> list[Piece]:
        kept = _fed(self._filters, text if self._guard is None else self._guard.feed(text))
        return self._told(kept, _fed(self._shown, kept))

    def flush(self, *, is_cut: bool = False) -> list[Piece]:
        """What is still held back, at the end of a round.  is_cut: its limit ended it."""
        held = "" if self._guard is None else self._guard.finish(is_cut=is_cut)
        kept = _fed(self._filters, held) if held else ""
        kept += _finished(self._filters)
        shown = _fed(self._shown, kept) + _finished(self._shown)
        return self._told(kept, shown)

    def broken(self) -> None:
        """Something that is no text comes next."""
        self._part, self._cited = "", 0
        self._unsaid.clear()

    def _told(self, kept: str, shown: str) -> list[Piece]:
        if not kept and not shown:
            return []
        tokens: tuple[TokenInfo, ...] = ()
        gap = ""
        if kept:
            tokens, self._unsaid = tuple(self._unsaid), []
            gap = "\n\n" if not self._part and self._exchange.answer else ""
            self._exchange.answer += gap + kept
            self._exchange.tokens.extend(tokens)
            self._part += kept
        if self._filters or self._shown:  # the tokens would tell what is withheld
            tokens = ()
        return [Said(text=shown, kept=kept, tokens=tokens, after=gap), *self._citations()]

    def _citations(self) -> Iterator[Piece]:
        if not self._exchange.sources:
            return
        for found in cited(self._part, self._exchange.sources, self._cited):
            self._cited = found.end
            if found.source is not None:
                yield Cited(source=found.source, index=found.begin)


def _fed(filters: Sequence[StreamFilter], text: str) -> str:
    for each in filters:
        text = each.feed(text)
    return text


def _finished(filters: Sequence[StreamFilter]) -> str:
    """What the last of them gives when all of them end, one after another."""
    text = ""
    for place, each in enumerate(filters):
        text = each.finish() if not place else each.feed(text) + each.finish()
    return text
