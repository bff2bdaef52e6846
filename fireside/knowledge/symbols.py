"""Letters of symbol fonts, which stand in private places, as the letters that they look like."""

from __future__ import annotations

# The Greek letters of the font Symbol, by its keys; and its commonest signs.
_GREEK = dict(zip("abgdezhqiklmnxoprstufcyw", "αβγδεζηθικλμνξοπρστυφχψω", strict=True))
_GREEK |= {key.upper(): letter.upper() for key, letter in _GREEK.items()}
_SYMBOL = {ord(key): letter for key, letter in _GREEK.items()} | {
    0xA3: "≤", 0xB3: "≥", 0xB1: "±", 0xB4: "×", 0xB7: "•", 0xB9: "≠", 0xBB: "≈", 0xA5: "∞",
    0xAE: "→", 0xAC: "←", 0xD6: "√", 0xB0: "°", 0xE5: "∑", 0xB8: "÷", 0xA2: "′", 0xCE: "∈",
}  # fmt: skip
_WINGDINGS = {
    0xFC: "✓", 0xFB: "✗", 0xFE: "☑", 0xFD: "☒", 0xA8: "☐", 0x6F: "☐", 0xA7: "▪", 0x6E: "■",
    0x6C: "●", 0xE0: "→", 0xDF: "←", 0x4A: "☺", 0x28: "☎", 0x2A: "✉",
}  # fmt: skip
FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}


def symbol(font: str, code: str) -> str:
    """The letter of a font at a place that is written in hexadecimal; `�` where none looks so."""
    try:
        place = int(code[:6], 16)
    except ValueError:
        return ""
    known = FONTS.get(font.lower(), {})
    low = place - 0xF000 if 0xF000 <= place <= 0xF0FF else place
    if low in known:
        return known[low]
    if 0xF020 <= place <= 0xF07E and font.lower() not in FONTS:
        return chr(low)
    if place > 0x10FFFF or 0xD800 <= place <= 0xF8FF or place < 32:
        return "�"
    return chr(place)
