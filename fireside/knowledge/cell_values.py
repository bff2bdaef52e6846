"""What a cell of a sheet shows: dates, percentages and codes by their number format (ECMA-376
part 1, 18.8.30), shared strings with their escapes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from fireside.knowledge.package import Attributes

# The formats that every workbook has; those below 50 that are dates, and the percentages.
BUILT_IN = {
    9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "yyyy-mm-dd", 16: "yyyy-mm-dd", 17: "yyyy-mm-dd",
    18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss",
} | dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd")  # fmt: skip
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\[\]hms]*\]')
"""What is no code in a format: literal text, spacing, colours, conditions."""


class Formats:
    """A `Target` for `styles.xml`: the number format of each style of a cell."""

    def __init__(self) -> None:
        self._codes: dict[int, str] = dict(BUILT_IN)
        self._of_style: list[int] = []
        self._is_inside = False

    def start(self, name: str, attributes: Attributes) -> None:
        number = attributes.get("numFmtId", "")
        if name == "s:cellXfs":
            self._is_inside = True
        elif name == "s:numFmt" and number.isdigit():
            self._codes[int(number)] = attributes.get("formatCode", "")[:255]
        elif name == "s:xf" and self._is_inside:
            self._of_style.append(int(number) if number.isdigit() else 0)

    def end(self, name: str) -> None:
        if name == "s:cellXfs":
            self._is_inside = False

    def data(self, text: str) -> None: ...

    def code(self, style: str) -> str:
        place = int(style) if style.isdigit() else 0
        if place >= len(self._of_style):
            return ""
        return self._codes.get(self._of_style[place], "")


class Strings:
    """A `Target` for `sharedStrings.xml`; readings of Japanese words (`rPh`) are left out."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._reading = 0
        self._is_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._reading += name == "s:rPh"
        self._is_text = name == "s:t" and not self._reading
        if name == "s:si":
            self._parts = []

    def end(self, name: str) -> None:
        self._is_text = False
        self._reading -= name == "s:rPh"
        if name == "s:si":
            self.strings.append(unescaped("".join(self._parts)))

    def data(self, text: str) -> None:
        if self._is_text:
            self._parts.append(text)


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
    plain = QUOTED.sub("", code.split(";")[0])[:100].lower()
    if plain != "general" and any(each in plain for each in "ymdhs"):
        return _date(amount, plain, since_1904) or _plain_number(amount)
    if plain.endswith("%"):
        return _plain_number(amount * 100) + "%"
    if len(plain) > 1 and set(plain) == {"0"} and amount >= 0 and amount == int(amount):
        return f"{int(amount):0{len(plain)}d}"  # a code that begins with zeros, as a postcode may
    return _plain_number(amount)


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
