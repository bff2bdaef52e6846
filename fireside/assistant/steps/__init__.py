"""The steps of a turn, one file each.

    receive → protect → understand → recall → retrieve → budget → generate → check → record

A step is a small object with one method.  It runs in a thread, in its turn, and refuses the whole
turn by raising a `FiresideError`: before `generate` nothing of the turn has been stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, Result

Stage = Literal[
    "receive",
    "protect",
    "understand",
    "recall",
    "retrieve",
    "budget",
    "generate",
    "check",
    "record",
]


class Step(Protocol):
    """stage: where in the turn it stands.  name: its place in the receipt."""

    @property
    def stage(self) -> Stage: ...
    @property
    def name(self) -> str: ...

    def run(self, exchange: Exchange) -> Result | None:
        """What it found; None where it had nothing to do: then the receipt does not name it."""
        ...
