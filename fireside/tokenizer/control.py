"""Where control tokens stand in a text.

Only in stretches that may hold them: the caller says which.  Longest match first, from the left,
as `tokenizers` does; whitespace beside a token belongs to it where the vocabulary says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fireside.errors import Corrupt
from fireside.tokenizer.vocabulary import AddedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A control token at `text[start:end]`."""

    id: int
    start: int
    end: int


class ControlTokens:
    """The control tokens of one vocabulary, ready to be looked for."""

    def __init__(self, tokens: Iterable[AddedToken]) -> None:
        self._by_content = {token.content: token for token in tokens}
        self.ids = frozenset(token.id for token in self._by_content.values())
        try:
            pattern = _trie_pattern(self._by_content)
            self._pattern = re.compile(pattern) if pattern else None
        except RecursionError:
            raise Corrupt(
                "The model's control tokens begin with one another without end: download it again."
            ) from None

    def find(self, text: str, stretches: Iterable[tuple[int, int]]) -> Iterator[Found]:
        """The tokens that lie wholly inside one of the stretches, in order."""
        if self._pattern is None:
            return
        done = 0
        for start, stop in stretches:
            for match in self._pattern.finditer(text, start, stop):
                token = self._by_content[match.group()]
                first, last = match.span()
                if token.single_word and _inside_word(text, first, last):
                    continue
                while token.lstrip and first > done and text[first - 1].isspace():
                    first -= 1
                while token.rstrip and last < len(text) and text[last].isspace():
                    last += 1
                yield Found(id=token.id, start=first, end=last)
                done = last


def _inside_word(text: str, first: int, last: int) -> bool:
    before, after = text[first - 1 : first], text[last : last + 1]
    return bool(re.match(r"\w", before) or re.match(r"\w", after))


def _trie_pattern(words: Iterable[str]) -> str:
    """One expression for all words, longest first, linear in the text.

    A plain alternation of Gemma's 6,000 tokens would cost 6,000 comparisons at each `<`.
    """
    trie: dict[str, object] = {}
    for word in words:
        node = trie
        for character in word:
            node = node.setdefault(character, {})  # type: ignore[assignment]
        node[""] = None
    return _branch(trie)


def _branch(node: dict[str, object]) -> str:
    choices = []
    for character, below in node.items():
        if character:
            text = re.escape(character)
            while isinstance(below, dict) and len(below) == 1 and "" not in below:
                ((following, below),) = below.items()
                text += re.escape(following)
            choices.append(text + _branch(below))  # type: ignore[arg-type]
    if not choices:
        return ""
    if len(choices) == 1 and "" not in node:
        return choices[0]
    return f"(?:{'|'.join(choices)}){'?' if '' in node else ''}"
