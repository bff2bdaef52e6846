"""What a Word document's styles say of a text: whether it is a heading, whether it is hidden."""

from __future__ import annotations

from dataclasses import dataclass

from fireside.knowledge.package import Attributes

MOST_BASES = 20  # styles that build on another; a circle ends here


@dataclass(slots=True)
class _Style:
    name: str = ""
    base: str = ""
    level: int | None = None
    is_hidden: bool | None = None


class Styles:
    """A `Target` for `styles.xml`."""

    def __init__(self) -> None:
        self._by_id: dict[str, _Style] = {}
        self._style = _Style()

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        match name:
            case "w:style":
                self._style = self._by_id.setdefault(attributes.get("styleId", ""), _Style())
            case "w:name":
                self._style.name = value.lower()
            case "w:basedOn":
                self._style.base = value
            case "w:outlineLvl":
                self._style.level = level_of(value)
            case "w:vanish":
                self._style.is_hidden = is_on(attributes)

    def end(self, name: str) -> None:
        if name == "w:style":
            self._style = _Style()

    def data(self, text: str) -> None: ...

    def level(self, style_id: str) -> int | None:
        """Of a heading, the title 0; None for other text."""
        for style in self._chain(style_id):
            if style.name == "title":
                return 0
            word, _, number = style.name.partition(" ")
            if word == "heading" and number in "123456789" and number:
                return int(number)
            if style.level is not None:
                return style.level or None
        return None

    def is_hidden(self, style_id: str) -> bool:
        return next((s.is_hidden for s in self._chain(style_id) if s.is_hidden is not None), False)

    def _chain(self, style_id: str) -> list[_Style]:
        found: list[_Style] = []
        while style_id in self._by_id and len(found) < MOST_BASES:
            found.append(self._by_id[style_id])
            style_id = found[-1].base
        return found


def level_of(value: str) -> int:
    """Of `w:outlineLvl`: 1 to 9, or 0 for body text."""
    return int(value) + 1 if value in ("0", "1", "2", "3", "4", "5", "6", "7", "8") else 0


def is_on(attributes: Attributes) -> bool:
    return attributes.get("val", "1") not in ("0", "false", "off", "none")
