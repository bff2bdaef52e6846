"""The text of a paragraph whose runs are struck out, raised or lowered, so that no figure joins
another: ~~10~~12 is not 1012, and 10^6 is not 106."""

from __future__ import annotations

from dataclasses import dataclass, field

FIGURES = tuple("0123456789-−+n")
"""What a raised figure begins with; 1st stays 1st."""


@dataclass(slots=True, kw_only=True)
class MarkedText:
    """is_struck: as far as it is written."""

    parts: list[str] = field(default_factory=list)
    is_struck: bool = False

    def add(self, text: str, *, is_struck: bool = False, mark: str = "") -> None:
        """mark: `^` or `_`, written where the text would join a figure before it."""
        if is_struck != self.is_struck:
            self.parts.append("~~")
            self.is_struck = is_struck
        if text:
            joins = bool(self.parts) and self.parts[-1][-1:].isdigit() and text[0] in FIGURES
            self.parts.append(mark + text if joins else text)

    def take(self) -> str:
        """All of it; nothing is left."""
        self.add("")
        text = "".join(self.parts)
        self.parts = []
        return text
