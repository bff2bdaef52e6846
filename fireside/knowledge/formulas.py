"""Formulas of an Office document (ECMA-376 part 1, 22.1) on one line: 10^6, √[3](8), [1, 2].

Figures that stand apart on the page must not become one number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fireside.knowledge.package import Attributes

BEFORE = {"m:den": "/", "m:sup": "^", "m:sub": "_", "m:rad": "√", "m:m": "["}
AFTER = {"m:m": "]"}
BETWEEN = {"m:mr": ", ", "m:m": "; ", "m:eqArr": "; "}
"""Between the parts of such an element."""
PARTS = frozenset({"m:e", "m:mr"})


@dataclass(slots=True)
class _Open:
    """parts: how many began in it.  at: how much was written before it.  first, between, last: of
    brackets, and the sign of a sum."""

    name: str
    at: int
    parts: int = 0
    first: str = ""
    between: str = "|"
    last: str = ""


class Formula:
    """write: adds text.  written: the pieces so far."""

    def __init__(self, write: Callable[[str], None], written: Callable[[], list[str]]) -> None:
        self._write, self._written = write, written
        self._open: list[_Open] = []

    def start(self, name: str, attributes: Attributes) -> None:
        above = self._open[-1] if self._open else _Open("", 0)
        value = attributes.get("m:val", attributes.get("val", ""))
        self._open.append(_Open(name, len(self._written())))
        match name:
            case "m:d":
                self._open[-1].first, self._open[-1].last = "(", ")"
            case "m:nary":
                self._open[-1].first = "∫"
            case "m:chr" | "m:begChr" | "m:sepChr" | "m:endChr" if len(self._open) > 2:
                owner = self._open[-3]
                if name == "m:endChr":
                    owner.last = value
                elif name == "m:sepChr":
                    owner.between = value
                elif owner.name in ("m:nary", "m:d"):
                    owner.first = value
            case "m:lim":
                self._write("^" if above.name == "m:limUpp" else "_")
            case _ if name in PARTS:
                self._start_part(above)
        if name in ("m:sub", "m:sup") and above.first:
            self._write_first(above)
        self._write(BEFORE.get(name, ""))

    def _start_part(self, above: _Open) -> None:
        above.parts += 1
        if above.first:
            self._write_first(above)
        if above.parts > 1:
            self._write(above.between if above.name == "m:d" else BETWEEN.get(above.name, ""))
        elif above.name == "m:rad":
            self._write("(")
        elif above.name in ("m:nary", "m:sPre"):
            self._write(" ")

    def _write_first(self, above: _Open) -> None:
        self._write(above.first)
        above.first = ""

    def end(self, name: str) -> None:
        ended = self._open.pop()
        written = self._written()
        if name == "m:deg" and len(written) > ended.at:
            written.insert(ended.at, "[")
            self._write("]")
        elif name == "m:rad" and ended.parts:
            self._write(")")
        elif name == "m:d":
            self._write(ended.last)
        else:
            self._write(AFTER.get(name, ""))
