"""Personal data out of a text, whole or as it is written: `[EMAIL]`.

An answer is held back by a sentence, at most `LONGEST` letters: where a sentence ends depends on
the text alone, so however the stream is cut into chunks the same text comes out, and nothing that
was shown is taken back.  What went out before is looked at again with each sentence, so an address
that goes on in the next line is masked to its end.  It refuses to keep a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from fireside.language.sentences import first_sentence_end
from fireside.safety.privacy.finder import Finder, Found
from fireside.safety.privacy.kinds import Kind

LONGEST: Final = 400
LOOK_BACK: Final = 300

_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")


def redacted(text: str, found: Sequence[Found]) -> str:
    """found: in the text's order, none overlapping."""
    parts, last = [], 0
    for one in found:
        parts += [text[last : one.start], f"[{one.kind}]"]
        last = one.end
    return "".join([*parts, text[last:]])


class AnswerMask:
    """A `StreamFilter`.  counts: what was masked, by kind."""

    over = False

    def __init__(
        self, finder: Finder, kinds: Collection[Kind], allow: Collection[str] = ()
    ) -> None:
        self.counts: Counter[Kind] = Counter()
        self._finder, self._kinds, self._allow = finder, kinds, allow
        self._held = ""
        self._before = ""
        self._in_key = False

    def feed(self, text: str) -> str:
        self._held += text
        said = []
        while (end := _cut(self._held)) is not None:
            said.append(self._mask(self._held[:end]))
            self._held = self._held[end:]
        return "".join(said)

    def finish(self) -> str:
        held, self._held = self._held, ""
        return self._mask(held) if held else ""

    def _mask(self, sentence: str) -> str:
        masked_from = 0
        if self._in_key:
            ended = _KEY_END.search(sentence)
            if ended is None:
                return ""
            self._in_key, masked_from = False, ended.end()
        elif "SECRET" in self._kinds and (key := _KEY.search(sentence)):
            self._in_key = _KEY_END.search(sentence, key.end()) is None
        offset = len(self._before)
        parts, last = [], masked_from
        for one in self._finder.find(self._before + sentence, self._kinds, self._allow):
            start, end = max(one.start - offset, last), one.end - offset
            if end > start:
                parts += [sentence[last:start], f"[{one.kind}]"]
                self.counts[one.kind] += 1
                last = end
        self._before = (self._before + sentence)[-LOOK_BACK:]
        if self._in_key:  # its lines hold nothing that is to be shown
            return "".join(parts)
        return "".join([*parts, sentence[last:]])


def _cut(held: str) -> int | None:
    """Where the first sentence ends; None while that cannot be told.

    It looks at the first `LONGEST` letters alone, so later ones change nothing.
    """
    end = first_sentence_end(held, LONGEST)
    if end is not None or len(held) < LONGEST:
        return end
    head = held[:LONGEST]
    return max(head.rfind(" "), head.rfind("\t")) + 1 or LONGEST
