"""The numbers of a page's lists, and what is chosen in its menus: text that no element holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

LARGEST: Final = 10**9
_WHOLE: Final = re.compile(r"\s{0,20}([+-]?\d{1,12})")
_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


class Counter:
    """Of an `ol`: its `start`, `reversed` and `type`, and the `value` of its items."""

    def __init__(self, node: Any) -> None:
        attributes = node.attributes
        self._step = -1 if "reversed" in attributes else 1
        self._kind = attributes.get("type") or "1"
        first = _whole(attributes.get("start"))
        if first is None:
            first = 1 if self._step > 0 else sum(child.tag == "li" for child in node.iter())
        self._next = first

    def mark(self, item: Any) -> str:
        """Before the text of the list's next item."""
        value = _whole(item.attributes.get("value"))
        number = self._next if value is None else value
        self._next = number + self._step
        return f"{_written(number, item.attributes.get('type') or self._kind)}. "


def chosen(menu: Any) -> Iterator[str]:
    """The options of a `select` that are."""
    for option in menu.css("option[selected]"):
        label = option.attributes.get("label")
        if text := " ".join((label or option.text(deep=True)).split()):
            yield text


def _written(number: int, kind: str) -> str:
    if kind in ("a", "A") and number > 0:
        text = ""
        while number > 0:
            number, letter = divmod(number - 1, 26)
            text = chr(ord(kind) + letter) + text
        return text
    if kind in ("i", "I") and 0 < number < 4000:
        text = ""
        for value, letters in _ROMAN:
            times, number = divmod(number, value)
            text += letters * times
        return text if kind == "i" else text.upper()
    return str(number)


def _whole(value: str | None) -> int | None:
    """As HTML reads a whole number: what follows it is passed over."""
    found = _WHOLE.match(value or "")
    return None if found is None else max(-LARGEST, min(LARGEST, int(found[1])))
