"""What a call of a tool came to, as plain values.  It refuses to know how the call was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """text: for the model.  data: the same for programs and the page, JSON values only.

    error: one line that says what went wrong and what to do; None: it worked.
    cut: something at the end is missing, and `text` says so.  size: bytes before any cut.
    untrusted: strangers wrote it (a web page, a document, another's server): data, never orders.
    """

    text: str = ""
    data: Any = None
    error: str | None = None
    cut: bool = False
    size: int = 0
    untrusted: bool = False

    @property
    def for_model(self) -> str:
        """What stands in the `tool` message."""
        if self.error is None:
            return self.text
        return f"Error: {self.error}" + (f"\n{self.text}" if self.text else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call, for the prompt (`outcome`) and for the receipt.

    ms: on the wall.  size: bytes of text that the tool gave, before any cut.
    repeated: the call was made before, and nothing ran this time.
    """

    outcome: Outcome
    name: str
    call_id: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    consent: str = "free"
    ms: float = 0.0
    size: int = 0
    repeated: bool = False

    def as_receipt(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "call_id": self.call_id,
            "arguments": dict(self.arguments),
            "consent": self.consent,
            "ms": round(self.ms, 1),
            "size": self.size,
            "cut": self.outcome.cut,
            "untrusted": self.outcome.untrusted,
            "repeated": self.repeated,
            "error": self.outcome.error,
        }
