"""Whether a model is too small for words of its own, where a surer way is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

BAR: Final = 1_000_000_000
"""Parameters of a catalogue model from which on it may answer in its own words.  The embedded one,
with 135 million, hits the expected answer in 0 to 2 of 100 questions (docs/knowledge.md), and one
label of eleven in 22 of 100 messages, where vectors hit 76 (docs/uses.md)."""


def is_small(model: TextModel) -> bool:
    return model.entry is not None and model.entry.parameters < BAR
