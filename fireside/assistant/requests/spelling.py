"""A request as it is understood: the words that decide in their right spelling, abbreviations
written out, and for each place where it stood in what the person wrote.

    spelled("dentist tmrw 3pm").text        -> "dentist tomorrow 3pm"

Only the words that rules know are mended, and only where one slip of the keyboard parts them from
what was written; names, titles and messages stay as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z0-9]+(?:['’][A-Za-z]+)?(?:\.(?=\s))?")
_WRITTEN_OUT: Final = {
    "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow", "tomo": "tomorrow",
    "2moro": "tomorrow", "2morrow": "tomorrow", "2day": "today", "2nite": "tonight",
    "tonite": "tonight", "appt": "appointment", "mtg": "meeting", "cal": "calendar",
    "pls": "please", "plz": "please", "thx": "thanks", "msg": "message", "txt": "text",
    "w": "with", "gonna": "going to", "gotta": "have to", "gimme": "give me", "wanna": "want to",
    "lemme": "let me", "u": "you", "ur": "your", "r": "are", "whats": "what's", "hows": "how's",
    "wat": "what", "waht": "what", "wht": "what", "wheres": "where's", "mins": "minutes",
    "min": "minutes", "hrs": "hours", "hr": "hour", "snd": "send", "tel": "tell", "fre": "free",
    "rn": "right now",
    "til": "until", "hav": "have", "hve": "have", "bday": "birthday", "teh": "the", "abt": "about",
    "thurs": "thursday", "thur": "thursday", "tues": "tuesday", "weds": "wednesday",
    "xmas": "christmas", "procent": "percent", "pct": "percent", "devided": "divided",
    "kilos": "kg", "kilo": "kg", "dec": "december", "jan": "january", "feb": "february",
    "aug": "august", "sept": "september", "sep": "september", "oct": "october", "nov": "november",
    "apr": "april",
}  # fmt: skip
_DAYS: Final = {
    "mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday",
    "sat": "saturday", "sun": "sunday",
}  # fmt: skip
_BEFORE_DAY: Final = frozenset("on this next for until till by to free from coming and".split())  # noqa: SIM905
_KNOWN: Final = tuple(
    """
    monday tuesday wednesday thursday friday saturday sunday january february april august september
    october november december tomorrow tonight morning afternoon evening appointment appointments
    calendar schedule reschedule meeting meetings message remember remind convert calculate
    minutes kilometres kilometers miles pounds celsius fahrenheit percent divided multiplied
    email please available recommend yesterday cancel weekend today reminder
    """.split()  # noqa: SIM905
)
_SHORT: Final = (
    "move",
    "time",
    "text",
    "free",
    "send",
    "mail",
    "what",
    "tell",
    "week",
    "note",
    "email",
)
_REAL: Final = frozenset(
    """
    apricot augusta bounds calculated calculates calculator calends calendars cancer circulate
    concert concerts convent converts converted converter covert divide dividend divides emails
    emailed evenings files kilometer lease males massage massages meanings melting messages mile
    mills mines minute mites mixes moles mornings mounds mourning multiple multiples multiplier
    piles pleas pleased ponds pound presents present patience recommended recommends reindeer
    reminder reminders reminded reminds remembered remembers remainder render rounds scheduled
    scheduler schedules smiles sounds sturdy weekends weekday wounds moving marching meets mails
    cancels cancelled availability percents mondays tuesdays wednesdays thursdays fridays saturdays
    sundays weed fried friends sunny convention conversation
    """.split()  # noqa: SIM905
)
"""Words of their own, which are near to one that is known (of the vocabulary of SmolLM2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """text: as it is understood.  written: as it was.  places: of each word in both."""

    text: str
    written: str
    places: tuple[tuple[int, int, int, int], ...]

    def as_written(self, start: int, end: int) -> str:
        """What stood where `text[start:end]` stands."""
        return self.written[self._at(start, is_end=False) : self._at(end, is_end=True)]

    def _at(self, place: int, *, is_end: bool) -> int:
        shift = 0
        for begin, end, old_begin, old_end in self.places:
            if place <= begin and not (is_end and place > begin):
                break
            if place < end or (is_end and place <= end):
                inside = place - begin
                whole = end - begin == old_end - old_begin
                return old_begin + inside if whole else (old_end if is_end else old_begin)
            shift = old_end - end
        return place + shift


def spelled(written: str) -> Spelled:
    made: list[str] = []
    places: list[tuple[int, int, int, int]] = []
    done = length = 0
    words = list(_WORD.finditer(written))
    for number, found in enumerate(words):
        before = words[number - 1][0].lower() if number else ""
        after = written[found.end() :].lstrip()
        word = _right(found[0], before, after, alone=len(words) <= 4)
        between = written[done : found.start()]
        length += len(between)
        made += [between, word]
        places.append((length, length + len(word), found.start(), found.end()))
        length += len(word)
        done = found.end()
    made.append(written[done:])
    return Spelled(text="".join(made), written=written, places=tuple(places))


def _right(word: str, before: str, after: str, *, alone: bool) -> str:
    plain = word.lower().rstrip(".")
    own = re.search(r"['’]s$", plain)
    if own is not None and plain[:-2] in _WRITTEN_OUT:
        return f"{_WRITTEN_OUT[plain[:-2]]}'s"
    if plain in _DAYS:
        pronoun = before in ("i", "he", "she", "we", "they", "you", "it", "who")
        day = (
            alone
            or (not after and not pronoun)
            or before in _BEFORE_DAY
            or re.match(r"\d|at |noon|morning|and ", after)
        )
        return _DAYS[plain] if day and word.lower() != "sun." else word
    if plain in _WRITTEN_OUT and not (plain == "w" and not after):
        if plain in ("dec", "jan", "feb", "aug", "oct", "nov", "apr", "sep", "sept"):
            is_month = before.isdigit() or after[:1].isdigit() or before == "of"
            return _WRITTEN_OUT[plain] if is_month else word
        return _WRITTEN_OUT[plain]
    if not plain.isalpha() or len(plain) < 4:
        return word
    near = _near(plain)
    return near or word


@lru_cache(4096)
def _near(word: str) -> str | None:
    if word in _KNOWN or word in _SHORT or word in _REAL:
        return None
    if swapped := next((each for each in _SHORT if _swapped(word, each)), None):
        return swapped
    if len(word) <= 4:
        return None
    for known in _KNOWN:
        most = 2 if len(known) >= 8 and word[0] == known[0] else 1
        is_plural = f"{known}s" == word or known == f"{word}s"  # no typing error
        close = abs(len(known) - len(word)) <= most and _distance(word, known) <= most
        if close and not is_plural:
            return known
    return None


def _swapped(word: str, known: str) -> bool:
    """Two letters beside each other in the wrong order."""
    return (
        len(word) == len(known)
        and any(
            word[:at] + word[at + 1] + word[at] + word[at + 2 :] == known
            for at in range(len(word) - 1)
        )
        and word != known
    )


def _distance(one: str, other: str) -> int:
    """Slips of the keyboard: a letter too many, too few, another, or two swapped."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and one[i - 2] == wanted and letter == other[j - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
