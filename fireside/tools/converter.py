"""`convert`: a tool that converts an amount from one unit of measure to another."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from fireside.errors import BadRequest
from fireside.language.arithmetic import format_number
from fireside.language.units import convert_exactly, find_unit
from fireside.tools.outcome import Outcome
from fireside.tools.tool import ToolContext, tool

WHOLE: Final = 1e16  # amounts below it are written in full


@tool()
def convert(
    context: ToolContext,
    amount: float,
    unit_from: str,
    unit_to: str,
) -> Outcome:
    """Convert units, such as miles to km."""
    if not math.isfinite(amount):
        raise BadRequest("amount is no number.")
    source, target = find_unit(unit_from), find_unit(unit_to)
    exact = convert_exactly(Fraction(repr(amount)), source, target)
    try:
        value = float(exact)
    except OverflowError:
        raise BadRequest("The result is too large to write: ask for a larger unit.") from None
    shown = format_number(exact).rpartition("≈ ")[2]
    about = "=" if Fraction(shown) == exact else "≈"
    whole = amount.is_integer() and abs(amount) < WHOLE
    given = str(int(amount)) if whole else repr(amount)
    return Outcome(
        text=f"{given} {source.name} {about} {shown} {target.name}", data={"value": value}
    )
