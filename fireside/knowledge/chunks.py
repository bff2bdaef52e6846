"""A document to chunks: stretches of its text, no longer than so many tokens, that overlap.

A chunk ends where the text lets it: before a new section, at a blank line, at the end of a
sentence or a line, between words, in this order.  No chunk begins on one page and holds another
but for the end of a sentence that runs over: so a chunk's page is the page of what it says.  Law:
every character is in a chunk, and no chunk has more tokens than asked for.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fireside.knowledge.documents import Document

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text."""

UNIT = re.compile(r"\s*(?:[^\s。！？]{1,24}[。！？]{0,4}|[。！？]{1,24})|\s+")
PER_TOKEN = 16
"""Characters that cost a token at least: spaces cost none, and a page of them is no chunk."""
STRETCH = 100_000  # characters whose units are held at once
RUNS_OVER = 400
"""Characters of the next page, at most, that end the last sentence of a page."""
_ENDS = frozenset(".!?…:。！？") | {""}
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’)\]]{0,4}(?=\s)|[。！？]|\n[ \t]*\n")

MID_WORD, SPACE, SENTENCE, PARAGRAPH, SECTION = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """OpenAI's `static`.  overlap is at most half of the size."""

    max_chunk_size_tokens: int
    chunk_overlap_tokens: int


# OpenAI's is 800 and 400, for a model that reads 8,192 tokens.  Ours reads 256, of which the
# headings above the chunk take some.
AUTO = Strategy(max_chunk_size_tokens=200, chunk_overlap_tokens=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """text == document.text[begin:end]"""

    begin: int
    end: int
    text: str
    page: int | None
    section: tuple[str, ...]


def chunks(document: Document, strategy: Strategy, count: Count) -> Iterator[Chunk]:
    covered = 0
    for begin, end in _places(document, strategy, count):
        if end <= covered:  # the page before has run over all of it
            continue
        covered = end
        part = document.text[begin:end]
        blank = len(part) - len(part.lstrip())
        block = document.block_at(begin + (blank if blank < len(part) else 0))
        yield Chunk(begin=begin, end=end, text=part, page=block.page, section=block.section)


def _places(document: Document, strategy: Strategy, count: Count) -> Iterator[tuple[int, int]]:
    """(begin, end) of each chunk, page by page."""
    text, sections = document.text, document.section_starts
    for page_begin, page_end, over in _pages(document):
        for begin, end in _stretches(text, sections, page_begin, page_end):
            inside = sections[bisect_left(sections, begin) : bisect_left(sections, end)]
            at = {start - begin for start in inside}
            for first, last in spans(text[begin:end], strategy, count, at):
                first, last = begin + first, begin + last
                runs = last == page_end < over and strategy.chunk_overlap_tokens > 0
                if runs and count([text[first:over]])[0] <= strategy.max_chunk_size_tokens:
                    last = over
                yield first, last


def _pages(document: Document) -> Iterator[tuple[int, int, int]]:
    """(begin, end) of each page, and where the sentence ends that runs over to the next; all of a
    document without pages."""
    text, starts = document.text, document.page_starts
    new_sections = set(document.section_starts)
    ends = [*starts, len(text)]
    for begin, end, after in zip([0, *starts], ends, [*ends[1:], len(text)], strict=True):
        is_new = end in new_sections
        yield begin, end, end if is_new else _run_over(text, end, after)


def _run_over(text: str, border: int, after: int) -> int:
    """Where the sentence ends that goes on behind the border of two pages; else the border.
    after: where the next page ends."""
    first = text[border : border + 1]
    has_ended = text[max(0, border - 50) : border].rstrip()[-1:] in _ENDS
    if has_ended or not first.isalpha() or first.isupper():
        return border
    found = _SENTENCE_END.search(text, border, min(after, border + RUNS_OVER))
    return found.end() if found else border


def _stretches(
    text: str, sections: Sequence[int], begin: int, end_of_all: int
) -> Iterator[tuple[int, int]]:
    """A page, in parts of about `STRETCH` characters that end at a section or a line."""
    while end_of_all - begin > 2 * STRETCH:
        place = bisect_left(sections, begin + STRETCH)
        if place < len(sections) and sections[place] <= begin + 2 * STRETCH:
            end = sections[place]
        else:
            end = text.rfind("\n", begin + STRETCH, begin + 2 * STRETCH) + 1
            end = end or begin + 2 * STRETCH
        yield begin, end
        begin = end
    if begin < end_of_all or not begin:
        yield begin, end_of_all


@dataclass(frozen=True, slots=True)
class _Units:
    """Words, more or less.  `ends[i]` is where unit i ends, `sums[i]` what the first i cost, and
    `levels[i]` how well the text may be cut before unit i."""

    ends: list[int]
    sums: list[int]
    levels: list[int]

    def cost(self, first: int, last: int) -> int:
        return self.sums[last] - self.sums[first]


def spans(
    text: str, strategy: Strategy, count: Count, section_starts: set[int] | None = None
) -> Iterator[tuple[int, int]]:
    """(begin, end) of each chunk of one stretch."""
    units = _units(text, section_starts or set(), count)
    number = len(units.ends)
    begins = [0, *units.ends]
    found: list[tuple[int, int]] = []
    first = reached = 0
    while reached < number:
        reached = _cut(units, first, reached, strategy.max_chunk_size_tokens)
        found.append((first, reached))
        first = _back(units, found[-1], strategy.chunk_overlap_tokens)
    for first, last in _fitting(text, begins, found, strategy.max_chunk_size_tokens, count):
        yield begins[first], begins[last]


def _units(text: str, section_starts: set[int], count: Count) -> _Units:
    matches = list(UNIT.finditer(text))
    pieces = [match[0] for match in matches]
    sums, levels, before = [0], [], ""
    for match, tokens in zip(matches, count(pieces), strict=True):
        piece = match[0]
        sums.append(sums[-1] + max(tokens, len(piece) // PER_TOKEN))
        levels.append(_level(before, piece, match.start(), section_starts))
        before = piece
    return _Units([match.end() for match in matches], sums, levels)


def _level(before: str, piece: str, start: int, section_starts: set[int]) -> int:
    space = piece[: len(piece) - len(piece.lstrip())]
    if any(place in section_starts for place in range(start, start + len(space) + 1)):
        return SECTION
    if space.count("\n") > 1:
        return PARAGRAPH
    ended = before.rstrip("\"'”’)]").endswith((".", "!", "?", "。", "！", "？", "…", ":"))
    if "\n" in space or (ended and (space or before[-1:] in "。！？")):
        return SENTENCE
    return SPACE if space else MID_WORD


def _cut(units: _Units, first: int, reached: int, most: int) -> int:
    """Where the chunk that begins at `first` ends: beyond `reached`, as well as it can."""
    number = len(units.ends)
    last = max(first, reached) + 1
    while last < number and units.cost(first, last + 1) <= most:
        last += 1
    inner = range(max(first, reached) + 1, last + 1)
    for place in inner:
        at_section = place < number and units.levels[place] == SECTION
        if at_section and 4 * units.cost(first, place) >= most:
            return place
    if last == number:
        return last
    good = [place for place in inner if 2 * units.cost(first, place) >= most] or [last]
    return max(good, key=lambda place: (units.levels[place], place))


def _back(units: _Units, chunk: tuple[int, int], overlap: int) -> int:
    """Where the next chunk begins: as far back as the overlap goes, at a sentence if there is
    one, and never before the section in which this chunk ended."""
    first, cut = chunk
    if cut >= len(units.ends) or units.levels[cut] == SECTION:
        return cut
    places = []
    for place in range(cut - 1, first, -1):
        if units.cost(place, cut) > overlap:
            break
        places.append(place)
        if units.levels[place] == SECTION:
            break
    for level in (SENTENCE, SPACE):
        good = [place for place in places if units.levels[place] >= level]
        if good:
            return min(good)
    return cut


def _fitting(
    text: str, begins: Sequence[int], found: list[tuple[int, int]], most: int, count: Count
) -> Iterator[tuple[int, int]]:
    """The chunks, any halved that has more tokens than its words by themselves."""
    counts = count([text[begins[first] : begins[last]] for first, last in found])
    for (first, last), tokens in zip(found, counts, strict=True):
        if tokens <= most or last - first == 1:
            yield first, last
        else:
            middle = (first + last) // 2
            yield from _fitting(text, begins, [(first, middle), (middle, last)], most, count)
