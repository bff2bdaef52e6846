"""The words of a drawing: a slide's shapes, SmartArt, and the shapes that lie on a sheet."""

from __future__ import annotations

from fireside.knowledge.marked_text import MarkedText
from fireside.knowledge.package import Attributes
from fireside.knowledge.symbols import symbol

PRIVATE = frozenset(map(chr, range(0xF000, 0xF100)))
"""Where symbol fonts have their letters."""


class Run:
    """How the open run of DrawingML is written."""

    def __init__(self) -> None:
        self._is_struck = False
        self._mark = ""
        self._font = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name in ("a:r", "a:fld", "a:p"):
            self._is_struck, self._mark, self._font = False, "", ""
        elif name == "a:rPr":
            self._is_struck = attributes.get("strike", "noStrike") != "noStrike"
            raised = attributes.get("baseline", "0").rstrip("%")
            self._mark = "_" if raised.startswith("-") else "^" if raised.strip("0") else ""
        elif name == "a:sym":
            self._font = attributes.get("typeface", "")

    def write(self, text: str, to: MarkedText) -> None:
        if self._font:
            text = "".join(
                symbol(self._font, f"{ord(each):x}") if each in PRIVATE else each for each in text
            )
        to.add(text, is_struck=self._is_struck, mark=self._mark)
        self._mark = ""


class Words:
    """A `Target`: a line for each paragraph of DrawingML."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._text = MarkedText()
        self._run = Run()
        self._is_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._run.start(name, attributes)
        self._is_text = name == "a:t"
        if name == "a:br":
            self._text.add("\n")

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "a:p" and (text := self._text.take().strip()):
            self.lines.append(text)

    def data(self, text: str) -> None:
        if self._is_text:
            self._run.write(text, self._text)
