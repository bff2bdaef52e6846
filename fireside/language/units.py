"""Units of measure by name, and amounts converted by the exact factors of `units_table.py`.

    convert_exactly(Fraction(3), find_unit("miles"), find_unit("km"))   -> Fraction(301752, 62500)

Only a temperature has a zero of its own.  A name in its exact case is that unit; in another case it
is one only if no two units differ by case alone (mW and MW do).  Units that measure different
things are an error.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from fireside.errors import BadRequest
from fireside.language.units_table import TABLE, TEMPERATURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    name: str
    dimension: str
    factor: Fraction
    zero: Fraction = Fraction(0)


def _read_table() -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for dimension, lines in TABLE.items():
        for line in lines.strip().splitlines():
            name, _, rest = line.strip().partition(" = ")
            ratio, _, others = rest.partition(":")
            one = Unit(name=name, dimension=dimension, factor=Fraction(ratio))
            found |= dict.fromkeys([name, *others.split()], one)
    for name, (factor, zero, others) in TEMPERATURES.items():
        one = Unit(name=name, dimension="temperature", factor=factor, zero=zero)
        found |= dict.fromkeys([name, *others.split()], one)
    return found


UNITS: Final = _read_table()


def _folded() -> dict[str, dict[str, Unit]]:
    """Names without their case, and the exact spellings of each."""
    found: dict[str, dict[str, Unit]] = {}
    for name, one in UNITS.items():
        found.setdefault(name.casefold(), {})[name] = one
    return found


_FOLDED: Final = _folded()


def find_unit(name: str) -> Unit:
    """
    Raises:
        BadRequest: no such unit, or several; the line names near ones.
    """
    asked = re.sub(r"\s+", "_", name.strip().rstrip(".")).replace("°_", "°").replace("μ", "µ")
    asked = re.sub(r"(?i)^deg(?:ree)?s?_", "degree_", asked)
    for one in (
        asked,
        re.sub(r"(?i)(?<=[a-z])s$", "", asked),
        re.sub(r"(?i)(ch|x)es$", r"\1", asked),
    ):
        if one in UNITS:
            return UNITS[one]
        if (meant := _FOLDED.get(one.casefold())) is not None:
            if len(set(meant.values())) > 1:
                raise BadRequest(f"Which unit is {name[:30]!r}: {_choices(meant)}?")
            return next(iter(meant.values()))
    near = difflib.get_close_matches(asked.casefold(), _FOLDED, n=3)
    hint = f" Near: {', '.join(next(iter(_FOLDED[one])) for one in near)}." if near else ""
    raise BadRequest(f"There is no unit {name[:30]!r} here.{hint}")


def _choices(meant: dict[str, Unit]) -> str:
    """`MB (megabyte) or Mb (megabit)`."""
    words = {one: word for word, one in reversed(UNITS.items()) if len(word) > 3 and word.islower()}
    return " or ".join(
        f"{name} ({words[one].replace('_', ' ')})" if one in words else name
        for name, one in meant.items()
    )


def convert_exactly(amount: Fraction, source: Unit, target: Unit) -> Fraction:
    """
    Raises:
        BadRequest: they measure different things, or it is colder than can be.
    """
    if source.dimension != target.dimension:
        raise BadRequest(
            f"{source.name} is a {source.dimension} and {target.name} a {target.dimension}: "
            "one does not become the other."
        )
    base = (amount + source.zero) * source.factor
    if source.dimension == "temperature" and base < 0:
        raise BadRequest("That is colder than absolute zero.")
    return base / target.factor - target.zero
