"""A document that has been read: its text, and where each part of it stood.

`"".join(block.text)` is the whole text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise

MOST_CHARACTERS = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a document.  page: from 1, None where there are none.  section: heading path."""

    text: str
    page: int | None = None
    section: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that the file holds and that was not read.  what: one line for the user."""

    what: str


class LeftOut:
    """Counts what a file holds beside its text: pictures, charts, comments."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, what: str, number: int = 1) -> None:
        """what: one of them, in the singular."""
        self._counts[what] = self._counts.get(what, 0) + number

    def unread(self) -> Iterator[Unread]:
        for what, number in self._counts.items():
            if number:
                yield Unread(f"{number} {what}{'s' if number > 1 else ''}")


@dataclass(frozen=True, kw_only=True)
class Document:
    """unread: what the file holds beside the text, a line each."""

    blocks: Sequence[Block] = field(default_factory=tuple)
    unread: Sequence[str] = ()

    @cached_property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks)

    @cached_property
    def starts(self) -> list[int]:
        """Where each block begins in `text`."""
        return [0, *accumulate(len(block.text) for block in self.blocks)][:-1]

    @cached_property
    def section_starts(self) -> list[int]:
        """Where another section begins than that of the block before."""
        found, before = [], None
        for start, block in zip(self.starts, self.blocks, strict=True):
            if before is not None and block.section != before:
                found.append(start)
            before = block.section
        return found

    @cached_property
    def page_starts(self) -> list[int]:
        """Where another page begins than that of the block before."""
        blocks = zip(self.starts, self.blocks, strict=True)
        return [
            start
            for (_, before), (start, block) in pairwise(blocks)
            if block.page is not None and block.page != before.page
        ]

    def block_at(self, place: int) -> Block:
        """The block that holds this character; of empty blocks, the last."""
        return self.blocks[max(0, bisect_right(self.starts, place) - 1)]
