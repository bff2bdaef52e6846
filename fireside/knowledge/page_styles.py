"""A style of a page: its declarations, and whether they leave anything to be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

DECIDING: Final = frozenset(
    {"display", "visibility", "content-visibility", "opacity", "font-size", "font"}
)
NO_CLIP: Final = (["rect(0", "0", "0", "0)"], ["rect(0px", "0px", "0px", "0px)"])
NAMED: Final = {
    "white": (255, 255, 255, 1.0), "black": (0, 0, 0, 1.0), "transparent": (0, 0, 0, 0.0),
}  # fmt: skip
_ZERO: Final = re.compile(r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:px|r?em|pt|%|ch|ex|v[hw])?")
_HEX: Final = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_CHANNELS: Final = re.compile(r"rgba?\(([\d.%,/ ]{1,60})\)")
_SCALED: Final = re.compile(r"\bscale(?:3d|[xy])?\(\s{0,9}([\d.]{1,9})")
_INSET: Final = re.compile(r"inset\((\d{1,4})(?:\.\d{0,9})?%\s{0,9}\)|circle\(0(?:px|%)?\)")
Colour = tuple[int, int, int, float]


class Style(dict[str, str]):
    """Declarations; of two for a property the later counts, but an important one for more."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.important: set[str] = set()
        for each in text.split(";"):
            name, _, value = each.partition(":")
            name = name.strip().lower()
            value, mark, rank = value.strip().lower().partition("!")
            is_important = bool(mark) and rank.strip() == "important"
            if is_important or name not in self.important:
                self[name] = value.strip()
            if is_important:
                self.important.add(name)

    @property
    def insists(self) -> bool:
        """Whether an important one of them hides or shows."""
        return not self.important.isdisjoint(DECIDING)


def hidden_by(style: Mapping[str, str]) -> bool | None:
    """None where the style says nothing about it."""
    if style.get("display") == "none" or style.get("content-visibility") == "hidden":
        return True
    if style.get("visibility") in ("hidden", "collapse"):
        return True
    if _is_zero(style.get("opacity")) or _is_zero(style.get("font-size")):
        return True
    if any(_is_zero(part) for part in style.get("font", "").replace("/", " ").split()[:1]):
        return True
    if _is_outside(style) or _is_unpainted(style):
        return True
    return False if "display" in style or "visibility" in style else None


def _is_outside(style: Mapping[str, str]) -> bool:
    """Moved off the page, or cut down to nothing."""
    moved = ["text-indent"]
    if style.get("position") in ("absolute", "fixed"):
        moved += ["left", "top", "right", "bottom"]
        if style.get("clip", "").replace(",", " ").split() in NO_CLIP:
            return True
    if any(_pixels(style.get(name, "")) <= -999 for name in moved):
        return True
    scaled = _SCALED.search(style.get("transform", ""))
    if _is_zero(style.get("scale")) or (scaled and _is_zero(scaled[1])):
        return True
    inset = _INSET.fullmatch(style.get("clip-path", ""))
    if inset and int(inset[1] or 100) >= 50:
        return True
    is_cut = style.get("overflow", "").startswith(("hidden", "clip"))
    return is_cut and any(
        _is_zero(style.get(name)) for name in ("width", "height", "max-width", "max-height")
    )


def _is_unpainted(style: Mapping[str, str]) -> bool:
    """Written in no colour, or in that of its ground."""
    if "color" not in style:
        return False
    ground = style.get("background-color") or style.get("background")
    colour = _colour(style["color"])
    if isinstance(colour, tuple) and colour[3] == 0:
        return True
    return ground is not None and colour == _colour(ground)


def _colour(value: str) -> Colour | str:
    """Red, green, blue and how much of them; the word itself where it is another's name."""
    if found := _HEX.fullmatch(value):
        digits = found[1] if len(found[1]) > 4 else "".join(2 * digit for digit in found[1])
        parts = [int(digits[at : at + 2], 16) for at in range(0, len(digits), 2)]
        return parts[0], parts[1], parts[2], parts[3] / 255 if len(parts) > 3 else 1.0
    if found := _CHANNELS.fullmatch(value):
        try:
            numbers = [
                float(part.removesuffix("%")) / (100 if part.endswith("%") else 1)
                for part in found[1].replace(",", " ").replace("/", " ").split()
            ]
        except ValueError:
            return value
        if len(numbers) in (3, 4):
            red, green, blue, *shown = numbers
            return int(red), int(green), int(blue), shown[0] if shown else 1.0
    return NAMED.get(value, value)


def _is_zero(value: str | None) -> bool:
    return value is not None and _ZERO.fullmatch(value) is not None


def _pixels(value: str) -> float:
    digits = value.removesuffix("px").removesuffix("rem").removesuffix("em")
    try:
        return float(digits)
    except ValueError:
        return 0.0
