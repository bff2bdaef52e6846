"""Repetition in an answer as it is written: found in one pass, held back, and ended.

    guard = RepetitionGuard()
    shown = guard.feed("The cat sat. The cat sat. The cat sat. ...")   # the text that may be shown
    guard.found                                                       # why nothing more comes

Three rules.  `cycle`: the end of the text is one passage again and again, letter by letter.
`stale`: nearly all words of a window stand where they have stood three times before, after the same
three words.  `wall`: pictures without a word between them.  Text that may turn out to be a
repetition is held back until something new is written, so little of it is ever shown.

The limits leave room for honest repetition: rulers, tables, refrains, laughter, rows of zeros.
`benchmarks/runaway.py` measures them; docs/performance.md has the figures.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Int32

from fireside.language.text_units import Unit, UnitReader, kind_of

PERIOD: Final = 400
"""Characters of the longest passage that is looked for letter by letter."""
CHECKED: Final = 8
"""Characters between two looks at the cycles."""
CYCLE_HELD: Final = 40
"""Characters of a repetition after which text is held back."""
STALE_HELD: Final = 16
"""Units, each of which continues as before, after which text is held back."""
NEW: Final = 56
"""Characters of something new after which held text is let go: loops stumble.  More than
`CYCLE_HELD`, in which a cycle is seen again."""
CUT: Final = 80
"""Characters held back that are taken for an endless repetition where a limit cut the text off."""
GRAM: Final = 4
SEEN: Final = 3
WINDOW: Final = 96
STALE: Final = 92
"""Units of the last `WINDOW`.  Of 496 files of code and prose, four had so many that were `SEEN`
twice before (licences, macros), none had so many that were seen three times."""
WALL_HELD: Final = 24
WALL: Final = 60
"""Pictures of one line."""

Rule = Literal["cycle", "stale", "wall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """withheld: characters that were written and not shown."""

    rule: Rule
    withheld: int

    def as_receipt(self) -> dict[str, Any]:
        return {"rule": self.rule, "withheld_characters": self.withheld}


class RepetitionGuard:
    """A filter on one text.  found: what ended it; None while it goes on."""

    def __init__(self) -> None:
        self.found: Repetition | None = None
        self._cycles = Cycles()
        self._staleness = Staleness()
        self._units = UnitReader()
        self._held = ""
        self._new = NEW  # characters since the text last looked like a repetition
        self._rule: Rule = "cycle"

    def feed(self, text: str) -> str:
        """What may be shown now; nothing after a repetition was found."""
        shown = []
        for letter in text:
            if self.found is not None:
                break
            self._take(letter)
            self._held += letter
            if self._new >= NEW:
                shown.append(self._held)
                self._held = ""
        return "".join(shown)

    def finish(self, *, is_cut: bool = False) -> str:
        """The text is over: what was held back was no endless repetition after all.

        is_cut: it did not come to its own end, so a long repetition counts as found.
        """
        if self.found is None and is_cut and _weight(self._held) >= CUT:
            self.found = Repetition(rule=self._rule, withheld=len(self._held))
        if self.found is not None:
            return ""
        held, self._held = self._held, ""
        return held

    def _take(self, letter: str) -> None:
        is_cycle = self._cycles.push(letter)
        staleness = self._staleness
        if letter == "\n":
            staleness.end_line()
        for unit in self._units.push(letter):
            staleness.push(unit)
        suspects: dict[Rule, bool] = {
            "cycle": self._cycles.may_repeat,
            "stale": staleness.may_repeat,
            "wall": staleness.pictures >= WALL_HELD,
        }
        self._new += 1
        for rule, is_suspect in suspects.items():
            if is_suspect:
                self._new, self._rule = 0, rule
        if is_cycle or staleness.is_over or staleness.pictures >= WALL:
            rule = "cycle" if is_cycle else "stale" if staleness.is_over else "wall"
            self.found = Repetition(rule=rule, withheld=len(self._held) + 1)


def _weight(text: str) -> int:
    """Characters; one that is a word or a picture by itself counts as three."""
    return len(text) + 2 * sum(kind_of(letter) in ("alone", "picture") for letter in text)


class Cycles:
    """The end of a text as one passage repeated.

    For each period the number of characters that equal the one a period before: all periods in one
    operation, so a text costs its length.
    """

    def __init__(self) -> None:
        self.may_repeat = False
        self._matched: Int32[np.ndarray, "P"] = np.zeros(PERIOD, dtype=np.int32)
        self._letters: Int32[np.ndarray, "N"] = np.zeros(4 * PERIOD, dtype=np.int32)
        self._length = 0
        self._total = 0

    def push(self, letter: str) -> bool:
        """Whether the passage is repeated beyond all honest use."""
        if self._length == len(self._letters):  # keep as much as is looked at
            self._letters[: 2 * PERIOD] = self._letters[-2 * PERIOD :]
            self._length = 2 * PERIOD
        code = ord(letter)
        before = self._letters[max(0, self._length - PERIOD) : self._length][::-1]
        matched = self._matched[: len(before)]
        matched += 1
        matched *= before == code
        self._letters[self._length] = code
        self._length += 1
        self._total += 1
        return self._total % CHECKED == 0 and self._look()

    def _look(self) -> bool:
        periods = np.flatnonzero(self._matched >= CYCLE_HELD)
        self.may_repeat = False
        if not len(periods):
            return False
        period = int(periods[0]) + 1  # the shortest: the others are its multiples
        matched = int(self._matched[period - 1])
        self.may_repeat = matched >= period
        passage = "".join(map(chr, self._letters[self._length - period : self._length]))
        return period + matched >= longest_honest(passage)


def longest_honest(passage: str) -> float:
    """Characters up to which a text may consist of this passage alone."""
    if passage.isspace():
        return 240 if "\n" in passage else 1000
    kinds = [kind_of(letter) for letter in passage]
    dense = sum(kind in ("alone", "picture") for kind in kinds)
    spoken = dense + kinds.count("letter")
    if not spoken and len(passage) <= 3 and any(map(is_wide_mark, passage)):
        return 80
    if not spoken:  # rulers and rows of zeros; tables of numbers
        return 1000 if len(passage) <= 3 else math.inf
    is_dense = 2 * dense > spoken
    if len(passage) <= 3:  # laughter, one letter, one picture
        return 80 if is_dense else 240
    return max(120 if is_dense else 300, min(8 * len(passage), max(1600, 4 * len(passage))))


def is_wide_mark(letter: str) -> bool:
    """Chinese and Japanese punctuation: nobody draws rulers with `；`."""
    code = ord(letter)
    return 0x3001 <= code <= 0x303F or 0xFF01 <= code <= 0xFF0F or 0xFF1A <= code <= 0xFF20


class Staleness:
    """How much of the latest units continues as it has before.  pictures: in a row, on one line."""

    def __init__(self) -> None:
        self.pictures = 0
        self._counts: dict[tuple[str, ...], int] = {}
        self._gram: deque[str] = deque(maxlen=GRAM)
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._stale = 0
        self._run = 0

    def push(self, unit: Unit) -> None:
        self.pictures = self.pictures + 1 if unit.kind == "picture" else 0
        self._gram.append(unit.text)
        gram = tuple(self._gram)
        before = self._counts.get(gram, 0)
        self._counts[gram] = before + 1
        if unit.kind == "digit":
            return
        self._run = self._run + 1 if before else 0
        if len(self._window) == WINDOW:
            self._stale -= self._window[0]
        self._window.append(before >= SEEN)
        self._stale += before >= SEEN

    def end_line(self) -> None:
        self.pictures = 0

    @property
    def may_repeat(self) -> bool:
        return self._run >= STALE_HELD

    @property
    def is_over(self) -> bool:
        return self._stale >= STALE
