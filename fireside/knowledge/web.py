"""HTML to blocks: what a reader of the page sees, under its headings.

The tree is the one that a browser makes of it (`selectolax`, the parser of the HTML standard), and
what its attributes and style sheets hide is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fireside.errors import Corrupt
from fireside.knowledge.documents import Block, LeftOut, Unread
from fireside.knowledge.page_lists import Counter, chosen
from fireside.knowledge.page_nodes import (
    has_names,
    is_block,
    is_figure,
    is_of,
    place_of,
    span,
)
from fireside.knowledge.page_text import Lines, collapsed
from fireside.knowledge.page_visibility import (
    SKIPPED,
    Rule,
    Visibility,
    hidden_by_sheets,
)
from fireside.knowledge.tables import Rows

LINES = frozenset({"br", "li", "tr", "option"})
HEADINGS = {f"h{level}": level for level in range(1, 7)}
PREFORMATTED = frozenset({"pre", "textarea", "listing", "xmp", "plaintext"})
LEFT_OUT = {
    "img": "picture", "svg": "picture", "canvas": "picture", "video": "film", "audio": "recording",
    "iframe": "embedded page", "object": "embedded object", "embed": "embedded object",
}  # fmt: skip
TYPED = frozenset(
    {
        "submit",
        "button",
        "reset",
        "",
        "text",
        "email",
        "number",
        "tel",
        "url",
        "date",
        "search",
        "time",
    }
)
RAISED = {"sup": "^", "sub": "_"}
"""Written before a figure alone: 10<sup>6</sup> is not 106."""
PARTED = {
    "mfrac": "/", "msup": "^", "msub": "_", "msubsup": "_^", "munder": "_", "mover": "^",
    "munderover": "_^", "mroot": ["^(1/"], "mtr": [", "], "mtable": ["; "],
}  # fmt: skip
"""Between the parts of a formula."""
AROUND = {
    "q": ('"', '"'), "rt": ("(", ")"), "msqrt": ("√(", ")"), "mroot": ("", ")"),
    "mtable": (" [", "] "), "del": (" ~~", "~~ "), "s": (" ~~", "~~ "), "strike": (" ~~", "~~ "),
}  # fmt: skip
"""What a page draws around an element: struck figures must not join those beside them."""
FIELDS = frozenset({"input", "textarea", "select", "button"})


def html(text: str) -> Iterator[Block | Unread]:
    """
    Raises:
        Corrupt: a page without words.
    """
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        tree = LexborHTMLParser(text)
    except SelectolaxError:  # whatever a page is, it has a tree
        raise MemoryError from None
    page = _Page(hidden_by_sheets(tree))
    is_empty = True
    for block in page.read(tree.root):
        is_empty = False
        yield block
    if is_empty:
        raise Corrupt("The page holds no text (it may be made by a script): save what it shows.")
    yield from page.left_out.unread()


class _Table:
    """One with names of columns.  below: what cells that reach over several rows say there."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.row: dict[int, str] = {}
        self.below: dict[int, tuple[int, str]] = {}
        self.column = 0


class _Page:
    def __init__(self, rules: dict[int, Rule]) -> None:
        self.left_out = LeftOut()
        self._visibility = Visibility(rules)
        self._path: list[tuple[int, str]] = []
        self._lines = [Lines()]  # of the page, and of each cell that is open
        self._tables: list[_Table | None] = []
        self._heading: Lines | None = None
        self._counters: list[Counter] = []  # of the numbered lists that are open
        self._preformatted = 0
        self._skipped = self._seen = 0

    def read(self, root: Any) -> Iterator[Block]:
        """By hand and not by recursion: pages are nested as deeply as their makers like."""
        node = root
        while node is not None:
            if self._enter(node):
                yield from self._start(node)
                if node.child is not None:
                    node = node.child
                    continue
                yield from self._end(node)
                self._visibility.leave(node)
            while node is not None and node.next is None:
                node = node.parent
                if node is not None and (node.tag or "-")[0] != "-":
                    yield from self._end(node)
                    self._visibility.leave(node)
            if node is not None:
                node = node.next
        yield from self._end_block()

    def _enter(self, node: Any) -> bool:
        """Whether there may be something to read in it."""
        tag = node.tag
        if tag is None or tag == "-text":  # None: an instruction to a program
            if tag and self._visibility.is_visible:
                self._text(node.text_content)
            return False
        if tag[0] == "-":
            return False
        if tag in LEFT_OUT:
            self.left_out.add(LEFT_OUT[tag])
            return False
        if tag == "template" and "shadowrootmode" in node.attributes:
            self.left_out.add("shadow tree")
        if tag == "select" and self._visibility.enter(node):
            if self._visibility.is_visible:
                self._text(f" {', '.join(chosen(node))} ")
            self._visibility.leave(node)
        return tag not in SKIPPED and self._visibility.enter(node)

    def _start(self, node: Any) -> Iterator[Block]:
        tag = node.tag
        lines = self._lines[-1] if self._heading is None else self._heading
        if tag in HEADINGS and len(self._lines) == 1:
            mark = lines.take_lead()
            yield from self._end_block()
            self._heading = Lines()
            self._heading.lead(mark)
        elif is_block(node):
            lines.need(2)
        elif tag in LINES and not (tag == "tr" and self._data_table()):
            lines.need(1, again=tag == "br")
        if tag == "ol":
            self._counters.append(Counter(node))
        elif tag == "li" and self._counters and is_of(node, "ol"):
            lines.lead(self._counters[-1].mark(node))
        if tag in PREFORMATTED:
            self._preformatted += 1
        if tag == "table":
            self._tables.append(_Table() if has_names(node) else None)
        elif tag in ("td", "th"):
            if self._data_table():
                self._lines.append(Lines())
            elif node.prev is not None:
                lines.separate(" | ")
        elif tag == "tr" and (table := self._data_table()):
            table.row, table.column = {}, 0
        elif tag in RAISED and is_figure(node):
            self._text(RAISED[tag])
        elif tag in AROUND:
            self._text(AROUND[tag][0])
        elif tag in FIELDS:
            lines.add(" ")
            if tag == "input" and (node.attributes.get("type") or "") in TYPED:
                self._text((node.attributes.get("value") or "") + " ")
        if (above := node.parent) is not None and above.tag in PARTED and (place := place_of(node)):
            self._text(PARTED[above.tag][min(place, len(PARTED[above.tag])) - 1])

    def _end(self, node: Any) -> Iterator[Block]:
        tag = node.tag
        if tag in HEADINGS and self._heading is not None and len(self._lines) == 1:
            self._end_heading(HEADINGS[tag])
        elif tag in ("td", "th") and (table := self._data_table()) and len(self._lines) > 1:
            self._end_cell(table, node.attributes)
        elif tag == "tr" and (table := self._data_table()):
            self._end_row(table)
        elif tag == "table" and self._tables:
            ended = self._tables.pop()
            if ended is not None:
                self._put(ended.rows.end())
            self._lines[-1].need(2)
        elif is_block(node):
            self._lines[-1].need(1)
        elif tag in AROUND:
            self._text(AROUND[tag][1])
        elif tag in FIELDS:
            self._lines[-1].add(" ")
        if tag == "ol" and self._counters:
            self._counters.pop()
        elif tag == "li":
            self._lines[-1].take_lead()  # of an item without words
        if tag in PREFORMATTED:
            self._preformatted -= 1
        yield from ()

    def _data_table(self) -> _Table | None:
        return self._tables[-1] if self._tables else None

    def _text(self, text: str) -> None:
        lines = self._lines[-1] if self._heading is None else self._heading
        if self._preformatted:
            lines.add_as_is(text)
        else:
            lines.add(collapsed(text))

    def _end_heading(self, level: int) -> None:
        assert self._heading is not None
        title = " ".join(self._heading.text().split())
        self._heading = None
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        if title:
            self._path.append((level, title))
            self._lines[0].add(title)
            self._lines[0].need(2)

    def _end_cell(self, table: _Table, attributes: dict[str, str | None]) -> None:
        text = self._lines.pop().text()
        self._skip_taken(table)
        width, height = (span(attributes.get(name)) for name in ("colspan", "rowspan"))
        for column in range(table.column, table.column + width):
            if column == table.column or not table.rows.has_names:
                table.row[column] = text
            if height > 1:
                table.below[column] = (height, text)
        table.column += width

    def _skip_taken(self, table: _Table) -> None:
        while table.column in table.below and table.column not in table.row:
            table.row[table.column] = table.below[table.column][1]
            table.column += 1

    def _end_row(self, table: _Table) -> None:
        self._skip_taken(table)
        table.below = {c: (left - 1, t) for c, (left, t) in table.below.items() if left > 1}
        self._put(table.rows.lines(table.row))

    def _put(self, lines: Iterator[str]) -> None:
        for line in lines:
            self._lines[-1].need(1)
            self._lines[-1].add(line)
            self._lines[-1].need(1)

    def _end_block(self) -> Iterator[Block]:
        if self._heading is not None:  # a heading within a heading
            self._end_heading(6)
        text = self._lines[0].text()
        self._lines[0] = Lines()
        if text:
            yield Block(text=text + "\n\n", section=tuple(title for _, title in self._path))
