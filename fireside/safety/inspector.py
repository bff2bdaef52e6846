"""Patterns and a trained head together: is there an instruction inside this data?

The head looks at one sentence at a time: in a letter of forty sentences the forty-first, which
asks for something else, is as plain as it is alone.  It refuses what `injection.py` refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fireside.language.sentences import sentences
from fireside.safety.heads import Judge
from fireside.safety.injection import EXCERPT, Finding, Hit, finding, load_patterns
from fireside.safety.rules import plain

_CELLS: Final = str.maketrans("\r|", "\n\n")
FEWEST: Final = 2  # words: one word alone asks for nothing


class Inspector:
    """judge: of a head whose first label is "this sentence tells a model what to do"."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def inspect(
        self, texts: Sequence[str], *, cancelled: Callable[[], bool] = lambda: False
    ) -> list[Finding]:
        """Of each text, of any length: a sentence costs the embedding model some milliseconds.

        Raises: Interrupted, Unavailable, as the embedder.
        """
        of_text = [inspected_sentences(text) for text in texts]
        every = list(dict.fromkeys(each for some in of_text for each in some))
        chances: Mapping[str, float] = {}
        if every:
            made = self._judge.probabilities(every, together="max", cancelled=cancelled)
            chances = dict(zip(every, made[:, 0].tolist(), strict=True))
        return [
            judged(text, {each: chances[each] for each in some})
            for text, some in zip(texts, of_text, strict=True)
        ]


def judged(text: str, chances: Mapping[str, float]) -> Finding:
    """The patterns' finding, and the sentence that the head is surest of."""
    found = load_patterns().inspect(text)
    hits = list(found.hits)
    if chances:
        worst = max(chances, key=lambda each: chances[each])
        if chances[worst] >= found.threshold:
            hits.append(Hit(kind="head", score=chances[worst], excerpt=plain(worst)[:EXCERPT]))
    return finding(hits, found.threshold)


def inspected_sentences(text: str) -> list[str]:
    """The sentences that the head looks at; a line and a cell of a table end one too."""
    parts = sentences(text.translate(_CELLS))
    return [part for part in parts if len(part.split()) >= FEWEST or len(part) > 12]
