"""What a cell of a sheet shows: dates, percentages and codes by their number format (ECMA-376
part 1, 18.8.30), shared strings with their escapes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from fireside.knowledge.marked_text import MarkedText
from fireside.knowledge.number_formats import LONGEST, section_for, write_in
from fireside.knowledge.package import Attributes

# The formats that every workbook has; those below 50 that are dates, and the percentages.
BUILT_IN = {
    9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "yyyy-mm-dd", 16: "yyyy-mm-dd", 17: "yyyy-mm-dd",
    18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss",
} | dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd")  # fmt: skip
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,99})")
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Formats:
    """A `Target` for `styles.xml`: the number format of each style of a cell, and whether its text
    is struck out."""

    def __init__(self) -> None:
        self._codes: dict[int, str] = dict(BUILT_IN)
        self._struck_fonts: list[bool] = []
        self._styles: list[tuple[int, int]] = []  # number format, font
        self._open = ""

    def start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "s:cellXfs" | "s:fonts":
                self._open = name
            case "s:numFmt":
                number = _number(attributes.get("numFmtId", ""), -1)
                self._codes[number] = attributes.get("formatCode", "")[:LONGEST]
            case "s:font" if self._open == "s:fonts":
                self._struck_fonts.append(False)
            case "s:strike" if self._open == "s:fonts" and self._struck_fonts:
                self._struck_fonts[-1] = _is_on(attributes)
            case "s:xf" if self._open == "s:cellXfs":
                ids = (attributes.get("numFmtId", ""), attributes.get("fontId", ""))
                self._styles.append((_number(ids[0]), _number(ids[1])))

    def end(self, name: str) -> None:
        if name == self._open:
            self._open = ""

    def data(self, text: str) -> None: ...

    def code(self, style: str) -> str:
        return self._codes.get(self._style(style)[0], "")

    def is_struck(self, style: str) -> bool:
        font = self._style(style)[1]
        return font < len(self._struck_fonts) and self._struck_fonts[font]

    def _style(self, style: str) -> tuple[int, int]:
        place = _number(style)
        return self._styles[place] if place < len(self._styles) else (0, 0)


class RichText:
    """A `Target` for a string of runs; readings of Japanese words (`rPh`) are left out."""

    def __init__(self) -> None:
        self._text = MarkedText()
        self._is_struck = False
        self._mark = ""
        self._reading = 0
        self._is_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._reading += name == "s:rPh"
        self._is_text = name == "s:t" and not self._reading
        match name:
            case "s:r":
                self._is_struck, self._mark = False, ""
            case "s:strike":
                self._is_struck = _is_on(attributes)
            case "s:vertAlign":
                value = attributes.get("val", "")
                self._mark = {"superscript": "^", "subscript": "_"}.get(value, "")

    def end(self, name: str) -> None:
        self._is_text = False
        self._reading -= name == "s:rPh"

    def data(self, text: str) -> None:
        if self._is_text:
            self._text.add(text, is_struck=self._is_struck, mark=self._mark)
            self._mark = ""

    def take(self) -> str:
        self._is_struck, self._mark, self._reading = False, "", 0
        return unescaped(self._text.take())


class Strings(RichText):
    """A `Target` for `sharedStrings.xml`."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def end(self, name: str) -> None:
        super().end(name)
        if name == "s:si":
            self.strings.append(self.take())


def _number(digits: str, otherwise: int = 0) -> int:
    return int(digits[:9]) if digits.isascii() and digits.isdigit() else otherwise


def _is_on(attributes: Attributes) -> bool:
    return attributes.get("val", "1") not in ("0", "false")


def unescaped(text: str) -> str:
    """`_x000D_` stands for a letter that XML has no place for."""
    if "_x" not in text:
        return text
    return ESCAPE.sub(lambda match: chr(int(match[1], 16)), text).replace("\r\n", "\n")


def number(value: str, code: str, *, since_1904: bool) -> str:
    """A number as its format shows it, as far as the format changes what it says."""
    try:
        amount = float(value)
    except ValueError:
        return value
    if not -1e300 < amount < 1e300:
        return value
    section = section_for(code, amount)
    plain = section.code
    if "general" not in plain and any(each in plain for each in "ymdhs"):
        return _date(amount, plain, since_1904) or _plain_number(amount)
    if "%" in plain:
        amount *= 100
    elif WHOLE.fullmatch(value):
        return write_in(section, amount, value)  # more digits than a float has
    return write_in(section, amount, _plain_number(amount))


def _plain_number(amount: float) -> str:
    if amount == int(amount) and abs(amount) < 1e15:
        return str(int(amount))
    return f"{amount:.15g}"  # as Excel has it: 0.1 + 0.2 is 0.3


def _date(days: float, code: str, since_1904: bool) -> str | None:
    if "[h" in code or "[m" in code or "[s" in code:
        seconds = round(days * 86_400)
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    has_date = any(each in code for each in "yd") or "mmm" in code
    has_time = any(each in code for each in "hs")
    if not 0 <= days < 2_958_466:
        return None
    if since_1904:
        days += 1462
    elif days < 60:
        days += 1  # Excel's 1900 has a 29th of February
    day = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(seconds=round(days * 86_400))
    if not has_date:
        return day.strftime("%H:%M:%S")
    if not has_time and days == int(days):
        return day.date().isoformat()
    return day.strftime("%Y-%m-%d %H:%M:%S") if days != int(days) else day.date().isoformat()
