"""How likely an answer must be to be shown, and to be shown as sure."""

from __future__ import annotations

from typing import Final

SURE: Final = 0.85
LEAST: Final = 0.46
"""Chances that the sentence answers the question: from here on it is shown as sure, or at all;
chosen on 500 questions of XQuAD (docs/knowledge.md has what they let through of reviews)."""
LEAST_SHARED: Final = 0.25
"""Where the embedding model cannot read the question: the share of its words that the sentence
has, the rarer ones counting more.  Such an answer is never called sure.  At 0.5 the reader said
of 85 in 100 answerable Chinese questions that nothing was there (docs/knowledge.md)."""
