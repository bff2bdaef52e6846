"""Text -> verdicts: what it speaks of, category by category, with a score and no action.

Refuses to change or to withhold text: what a verdict leads to is its caller's.
"""

from fireside.safety.rules import RULES_MODEL, Rules, Verdict, load_rules

__all__ = ["RULES_MODEL", "Rules", "Verdict", "load_rules"]
