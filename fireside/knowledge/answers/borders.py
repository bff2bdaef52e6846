"""How likely an answer must be to be shown, and to be shown as sure."""

from __future__ import annotations

from typing import Final

SURE: Final = 0.8
LEAST: Final = 0.4
"""Chances that the sentence answers the question: from here on it is shown as sure, or at all;
set on questions of Reddit (docs/knowledge.md has what they let through elsewhere)."""
LEAST_SHARED: Final = 0.5
"""Where the embedding model cannot read the question: the share of its words that the sentence
has.  Such an answer is never called sure."""
