"""The words of a drawing: SmartArt, and the shapes that lie on a sheet."""

from __future__ import annotations

from fireside.knowledge.package import Attributes


class Words:
    """A `Target`: a line for each paragraph of DrawingML."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._parts: list[str] = []
        self._is_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._is_text = name == "a:t"
        if name == "a:br":
            self._parts.append("\n")

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "a:p":
            text = "".join(self._parts).strip()
            self._parts = []
            if text:
                self.lines.append(text)

    def data(self, text: str) -> None:
        if self._is_text:
            self._parts.append(text)
