"""What every object of one chat answer repeats."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fireside
from fireside.server.streaming import Event


@dataclass(frozen=True, kw_only=True)
class Head:
    """metadata: of an answer that is stored; None for one that is not."""

    model: str
    metadata: Mapping[str, str] | None = None
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def object(self, kind: str, choices: Sequence[Event]) -> dict[str, Any]:
        shown = {} if self.metadata is None else {"metadata": dict(self.metadata)}
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
            **shown,
            "service_tier": "default",
            "system_fingerprint": fingerprint(self.model),
        }


def fingerprint(model: str) -> str:
    """Changes with the program and the model: what may make one seed answer differently."""
    return "fp_" + hashlib.sha256(f"{fireside.__version__} {model}".encode()).hexdigest()[:10]
