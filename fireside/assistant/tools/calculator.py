"""`calculate`: arithmetic, by `arithmetic.py`."""

from __future__ import annotations

from fireside.assistant.tools.outcome import Outcome
from fireside.assistant.tools.tool import ToolContext, tool
from fireside.language.arithmetic import evaluate, format_number


@tool()
def calculate(context: ToolContext, expression: str) -> Outcome:
    """Calculate, such as 17% of 240 or sqrt(2) * 3."""
    result = format_number(evaluate(expression))
    shown = result if result.startswith("≈") or "≈" in result else f"= {result}"
    return Outcome(text=f"{expression.strip()} {shown}", data={"value": result})
