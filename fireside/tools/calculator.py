"""`calculate`: arithmetic, by `arithmetic.py`."""

from __future__ import annotations

from fireside.language.arithmetic import evaluate, format_number
from fireside.tools.outcome import Outcome
from fireside.tools.tool import ToolContext, tool


@tool()
def calculate(context: ToolContext, expression: str) -> Outcome:
    """Calculate, such as 17% of 240 or sqrt(2) * 3."""
    result = format_number(evaluate(expression))
    shown = result if result.startswith("≈") or "≈" in result else f"= {result}"
    return Outcome(text=f"{expression.strip()} {shown}", data={"value": result})
