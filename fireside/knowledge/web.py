"""HTML to blocks: what a reader sees of a page, under its headings.

Scripts, styles and forms' machinery are left out.  It refuses to fetch anything.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from fireside.errors import Corrupt
from fireside.knowledge.documents import Block

SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "head", "select"})
BREAKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tr",
        "ul",
    ]
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.path: list[tuple[int, str]] = []
        self.parts: list[str] = []
        self.heading: list[str] | None = None
        self.skipped: list[str] = []
        self.preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self.skipped.clear()  # a head that nobody closed
        if tag in SKIPPED:
            self.skipped.append(tag)
        if self.skipped:
            return
        if tag == "pre":
            self.preformatted += 1
        if tag in HEADINGS:
            self.end_block()
            self.heading = []
        elif tag in BREAKS:
            self.parts.append("\n" if tag in ("br", "li", "tr") else "\n\n")
        elif tag in ("td", "th"):
            self.parts.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.skipped:
            del self.skipped[self.skipped.index(tag) :]
            return
        if self.skipped:
            return
        if tag == "pre":
            self.preformatted = max(0, self.preformatted - 1)
        if tag in HEADINGS and self.heading is not None:
            title = " ".join("".join(self.heading).split())
            self.heading = None
            while self.path and self.path[-1][0] >= HEADINGS[tag]:
                self.path.pop()
            if title:
                self.path.append((HEADINGS[tag], title))
                self.parts.append(title + "\n\n")
        elif tag in BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.skipped:
            return
        if not self.preformatted:
            data = re.sub(r"\s+", " ", data)
            if self.heading is None and (not self.parts or self.parts[-1].endswith("\n")):
                data = data.lstrip()
        (self.parts if self.heading is None else self.heading).append(data)

    def end_block(self) -> None:
        text = re.sub(r"[ \t]*\n(?: \| )?", "\n", "".join(self.parts))
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n ")
        self.parts.clear()
        if text:
            section = tuple(title for _, title in self.path)
            self.blocks.append(Block(text=text + "\n\n", section=section))


def html(text: str) -> list[Block]:
    """
    Raises:
        Corrupt: a page without words.
    """
    page = _Page()
    page.feed(text)
    page.close()
    if page.heading:
        page.parts.extend(page.heading)
    page.end_block()
    if not page.blocks:
        raise Corrupt("The page holds no text (it may be made by a script): save what it shows.")
    return page.blocks
