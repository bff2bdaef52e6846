"""Free words: which pieces of a text could be a name, a place, a thing.

`after` reads what follows a cue ("from Rome to ..." -> "Rome").  `answer` takes the wrapping off
an answer ("It's Rome, please." -> "Rome").  `options` lists the pieces that the model may choose
from.  It refuses to make words up: every piece is cut out of the text as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

from fireside.language.mentions import Mention

LONGEST: Final = 6  # words of a name
MOST_OPTIONS: Final = 160

_STOP: Final = frozenset(
    """
    a an the and or but so if then to from for of in on at by with without into about around near
    leaving departing arriving returning going flying travelling traveling coming please thanks
    thank i you he she it we they me my your our their his her this that these those there is are
    was were be been am do does did have has had will would could should can may might must not no
    yes what when where who which why how today tomorrow tonight want need like would find search
    book get look looking try one two three some any other another with as than too also just
    instead maybe because while until before after under between again
    booking reserving check leave be go make do
    """.split()  # noqa: SIM905 - words are easier to read than sixty lines of them
)
_TOKEN: Final = re.compile(
    r"[A-Za-zÀ-ÿ0-9][\w'’&.-]*[\w'’]|[A-Za-z0-9]|[\u3040-\u30ff\u4e00-\u9fff]+"
)
_INNER: Final = frozenset(("of", "the", "de", "la", "le", "du", "di", "da", "del", "von", "van"))
_NAME_AHEAD: Final = re.compile(r"\s+(?:the\s+)?[A-Z]")
_CAPITAL: Final = re.compile(r"(?<=[a-z,] )(?!I\b)[A-Z][a-z]")
_WRAP: Final = re.compile(
    r"^\W*(?:(?:well|oh|ok|okay|sure|yes|yeah|no|so|um|uh|hm|please|actually|sorry|hi|hello|thanks|"
    r"thank you|right|and|but)\b[\s,.!]*)*"
    r"(?:(?:it|that|this|the \w+|my \w+|our \w+|my \w+ \w+)(?:'s| is| was| are| would be|"
    r" should be|'d be| will be)|i am called|call me|they are|"
    r"(?:i|we)(?:'m| am|'re| are|'ll be| will be| would be| want| need| meant| mean|'d like| would "
    r"like| prefer|'d prefer| would prefer| think| live| have)|let'?s (?:say|take|make it|do|go "
    r"with|try)|make it|how about|what about|try|take|go (?:for|with)|i said)?"
    r"\s*(?:going|leaving|flying|departing|travell?ing|coming|looking|to go|to be|to fly)?"
    r"\s*(?:(?:to|from|in|at|for|on|out of|near|with|by|about|towards?|the city of)\s+)?",
    re.I,
)
_TAIL: Final = re.compile(
    r"\b(?:please|thanks?|thank you|instead|then|i think|i guess|for me|if possible|will do)$", re.I
)
LONGEST_TAIL: Final = 12  # letters of the longest of them, and one before it
_MARKS: Final = ",.!?;:。！，"


def answer(text: str) -> Mention | None:
    """A text that answers a question, without its wrapping; None where nothing is left."""
    head = _WRAP.match(text)
    start = head.end() if head else 0
    return _cut(text, start, _before_tail(text, start))


def _before_tail(text: str, start: int) -> int:
    """Where "…, please, if possible!" begins; from the end, as a search for it from each place
    before it takes the square of its length."""
    end = _before_marks(text, start, len(text))
    while tail := _TAIL.search(text, max(start, end - LONGEST_TAIL), end):
        end = _before_marks(text, start, tail.start())
    return end


def _before_marks(text: str, start: int, end: int) -> int:
    while end > start and (text[end - 1].isspace() or text[end - 1] in _MARKS):
        end -= 1
    return end


def after(cues: Iterable[str], text: str) -> list[Mention]:
    """What follows each cue, up to the next little word or mark."""
    pattern = _cue_pattern(tuple(sorted(cues, key=len, reverse=True)))
    pieces = (_name_at(text, match.end()) for match in pattern.finditer(text))
    found = [piece for piece in pieces if piece is not None]
    # Who writes names with capitals writes all of them so: "Can you try booking at Tuba".
    found = [piece for piece in found if not re.match(r"\d+\s+[a-z]", piece.words)]
    proper = [piece for piece in found if piece.words[0].isupper() or piece.words[0].isdigit()]
    return proper or ([] if _CAPITAL.search(text) else found)


@lru_cache(maxsize=256)
def _cue_pattern(cues: Sequence[str]) -> re.Pattern[str]:
    either = "|".join(re.escape(cue).replace(r"\ ", r"\s+") for cue in cues) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)\s*(?-i:the\s+city\s+of\s+|the\s+)?", re.I)


def _name_at(text: str, start: int) -> Mention | None:
    """The words from here on that can be one name."""
    end = start
    tokens = list(islice(_TOKEN.finditer(text, start), LONGEST + 2))
    capitals = bool(tokens) and tokens[0].start() == start and tokens[0].group()[0].isupper()
    for place, token in enumerate(tokens):
        between = text[end : token.start()]
        if between.strip(" ") or (place == 0 and token.start() != start):
            break
        word = token.group()
        if place >= LONGEST:
            break
        if word.lower() in _STOP and not (
            capitals and word.lower() in _INNER and _goes_on(text, token.end())
        ):
            break
        if capitals and not (word[0].isupper() or word[0].isdigit() or word.lower() in _INNER):
            break
        end = token.end()
    return _cut(text, start, end)


def _goes_on(text: str, at: int) -> bool:
    """Whether a capital follows: "House of Pancakes", and not "Rome and leave"."""
    return _NAME_AHEAD.match(text, at) is not None


def options(text: str, taken: Sequence[Mention] = ()) -> list[Mention]:
    """Pieces of up to LONGEST words that begin and end with a word that means something, none of
    them over a value that is known already; the first MOST_OPTIONS."""
    found: list[Mention] = []
    tokens = list(_TOKEN.finditer(text))
    for first, token in enumerate(tokens):
        if token.group().lower() in _STOP:
            continue
        for last in range(first, min(first + LONGEST, len(tokens))):
            ends = tokens[last]
            if last > first and text[tokens[last - 1].end() : ends.start()].strip(" "):
                break
            if any(each.start < ends.end() and token.start() < each.end for each in taken):
                break
            word = ends.group().lower()
            if word in _STOP and word not in _INNER:
                break
            if word in _STOP:
                continue
            found.append(_mention(text, token.start(), ends.end()))
            if len(found) == MOST_OPTIONS:
                return found
    return found


def _cut(text: str, start: int, end: int) -> Mention | None:
    while start < end and text[start] in " \t\n,.;:!?\"'“”":
        start += 1
    while end > start and text[end - 1] in ' \t\n,.;:!?"“”':
        end -= 1
    return _mention(text, start, end) if end > start else None


def _mention(text: str, start: int, end: int) -> Mention:
    said = text[start:end]
    return Mention(value=" ".join(said.split()), words=said, start=start, end=end)
