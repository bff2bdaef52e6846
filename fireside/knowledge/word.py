"""Word documents (ECMA-376 part 1, WordprocessingML) to blocks: what a reader of the page sees.

docs/knowledge.md says what is read and what is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fireside.errors import Corrupt
from fireside.knowledge.diagrams import Words
from fireside.knowledge.documents import Block, LeftOut, Unread
from fireside.knowledge.package import Broken, Count, Package, Relation, Target, of_kind
from fireside.knowledge.word_styles import Styles
from fireside.knowledge.word_text import Notes, Story

PAGE_MARK = b"lastRenderedPageBreak"


def docx(path: Path) -> Iterator[Block | Unread]:
    """Pages are those at which Word last drew it, where it left word of them."""
    with Package(path) as package:
        main = package.main_part("word/document.xml")
        relations = package.relations(main)
        left_out, styles, notes = LeftOut(), Styles(), Notes()
        yield from _each(package, relations, "styles", styles)
        for kind in ("footnotes", "endnotes"):
            story = Story(styles, left_out, {})
            yield from _each(package, relations, kind, story)
            notes |= story.finished_notes
        story = Story(styles, left_out, notes, is_paged=_has_page_marks(package, main))
        try:
            for _ in package.feed(main, story):
                yield from story.take()
        except Broken as error:
            yield Unread(error.message)
        yield from story.flush()
        for relation_id in story.diagrams:
            words = Words()
            if relation_id in relations:
                yield from part_of(package, relations[relation_id], words)
            if words.lines:
                yield Block(text="\n".join(words.lines) + "\n\n")
        yield from _margins(package, relations, Story(styles, left_out, notes))
        comments = Count("w:comment")
        yield from _each(package, relations, "comments", comments)
        left_out.add("comment", comments.number)
        yield from left_out.unread()


def part_of(package: Package, relation: Relation, target: Target) -> Iterator[Unread]:
    """A part beside the main one: what is wrong with it costs nothing else."""
    try:
        package.follow(relation.target, target)
    except Corrupt as error:
        yield Unread(error.message)


def _each(
    package: Package, relations: dict[str, Relation], kind: str, target: Target
) -> Iterator[Unread]:
    for relation in of_kind(relations, kind):
        yield from part_of(package, relation, target)


def _margins(
    package: Package, relations: dict[str, Relation], story: Story
) -> Iterator[Block | Unread]:
    """Headers and footers, each text once; page numbers say nothing."""
    texts: dict[str, None] = {}
    for kind in ("header", "footer"):
        for relation in of_kind(relations, kind):
            yield from part_of(package, relation, story)
            text = "".join(block.text for block in story.flush()).strip()
            if any(letter.isalpha() for letter in text):
                texts.setdefault(text)
    for text in texts:
        yield Block(text=text + "\n\n")


def _has_page_marks(package: Package, main: str) -> bool:
    before = b""
    for piece in package.pieces(main):
        if PAGE_MARK in before + piece:
            return True
        before = piece[-len(PAGE_MARK) :]
    return False
