"""Names of people, without a language model: lists of names, titles, and the words before names.

Two words with a capital of which the lists know the first as a given name and the second as a
family name are a name; so is what follows "Mr" or "my name is".  One given name alone counts if it
is no ordinary word.  What this misses: family names alone, names outside the lists without such a
word before them, names in small letters, and most names in scripts without capitals but Chinese.
It refuses to say who somebody is: a name in a poem or of a president counts like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from fireside.data.forms import Span
from fireside.safety.privacy.lists import Lists, load_lists

ENTITY: Final = "PERSON"
BEFORE: Final = 40  # characters before a word in which it may be introduced
LONGEST: Final = 5  # words in a name

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-](?!s\b)[^\W\d_]+)*")
_INTRODUCED: Final = re.compile(
    r"(?i)\b(?:name(?:'s|’s| is)|name[ds]? ?:|(?:first|last|full|given|family|maiden) name|surname|"
    r"called|named|on behalf of|yours truly,|sincerely,|regards,|cheers,|beneficiary:?|"
    r"account holder:?|signed(?: by)?:?|correct it to|name to|under (?:the|my) name(?: of)?|"
    r"ich heiße|mein name ist|je m'appelle|me llamo|mi nombre es|mi chiamo|meu nome é)"
    r"[\s:\"'“]{1,4}$"
)
_HINTED: Final = re.compile(
    r"(?i)\b(?:i am|i'm|i’m|this is|dear|hi|hello|hey|thanks|thank you|from:?|to:?|cc:?|attn:?|"
    r"contact|call|ask|tell|meet|met|my (?:wife|husband|son|daughter|brother|"
    r"sister|friend|colleague|boss|partner|doctor|kid|child|mother|father|mom|dad|aunt|uncle)|"
    r"user|bot|patient|client|customer|employee)[\s,:\"'“]{1,4}$"
)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    low: str

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()


def names(text: str) -> Iterator[Span]:
    """Spans of entity `PERSON`; titles are not part of them."""
    lists = load_lists()
    words = [
        _Word(w[0], w.start(), w.end(), w[0].lower().replace("’", "'"))
        for w in _WORD.finditer(text)
    ]
    place = 0
    while place < len(words):
        after, score = _name_at(text, words, place, lists)
        if after > place:
            end = words[after - 1].end
            yield Span(start=words[place].start, end=end, entity=ENTITY, score=score)
            place = after
        else:
            place += 1
    for found in _chinese().finditer(text):
        group = 1 if found[1] else 2
        yield Span(start=found.start(group), end=found.end(group), entity=ENTITY, score=0.6)


def _name_at(text: str, words: list[_Word], at: int, lists: Lists) -> tuple[int, float]:
    """The word after the name that begins at this one, and how sure it is; `at` for no name."""
    word = words[at]
    before = text[max(0, word.start - BEFORE) : word.start]
    if not word.capital:
        known = lists.is_given(word.low) and word.low not in lists.ordinary
        return (at + 1, 0.5) if known and _INTRODUCED.search(before) else (at, 0.0)
    if word.low in lists.common or word.low in lists.titles:
        return at, 0.0
    run = _run(text, words, at, lists)
    following = words[run + 1].low if run + 1 < len(words) else ""
    if _titled(text, words, at, lists) or _INTRODUCED.search(before):
        return run + 1, 0.85
    if words[run].low in lists.not_after or (run > at and following in lists.not_after):
        return at, 0.0
    if all(each.text.isupper() and len(each.text) > 1 for each in words[at : run + 1]):
        both = run > at and lists.is_given(word.low) and lists.is_family(words[run].low)
        return (run + 1, 0.6) if both and word.low not in lists.ordinary else (at, 0.0)
    return _by_lists(before, words, at, run, lists)


def _by_lists(
    before: str, words: list[_Word], at: int, run: int, lists: Lists
) -> tuple[int, float]:
    first, last = words[at].low, words[run].low
    given, plain = lists.is_given(first), first not in lists.ordinary
    family = lists.is_family(last)
    hinted = bool(_HINTED.search(before))
    if run > at:
        if given and family and (plain or last not in lists.ordinary):
            return run + 1, 0.8
        if given and plain:
            return run + 1, 0.6
        if (hinted or plain) and (given or family) and last not in lists.ordinary:
            return run + 1, 0.5
        return at, 0.0
    if given and (plain or (hinted and lists.is_family(first))):
        return at + 1, 0.5
    return at, 0.0


def _run(text: str, words: list[_Word], at: int, lists: Lists) -> int:
    """The last word of the row of capitals from `at`: on one line, with particles within."""
    last, here = at, at
    while here + 1 < len(words) and here + 1 - at < LONGEST:
        gap = text[words[here].end : words[here + 1].start]
        initial = words[here].end - words[here].start == 1
        if gap != " " and not (gap == ". " and initial):
            break
        here += 1
        if words[here].capital and words[here].low not in lists.common:
            last = here
        elif words[here].low not in lists.particles:
            break
    return last


def _titled(text: str, words: list[_Word], at: int, lists: Lists) -> bool:
    if at == 0 or words[at - 1].low not in lists.titles:
        return False
    return text[words[at - 1].end : words[at].start] in (" ", ". ", ".")


@cache
def _chinese() -> re.Pattern[str]:
    """After "I am called", "name:" and the like, or before a title."""
    family, han = load_lists().family_cn, "\u4e00-\u9fff"
    return re.compile(
        rf"(?:我叫|我是|名叫|姓名[是为：:]?|名字[是叫为：:]|联系人[是为：:]?)\s?([{family}][{han}]{{1,2}})"
        rf"(?![{han}])|([{family}][{han}]{{0,2}}?)(?:先生|女士|小姐|太太|老师|医生|教授)"
    )
