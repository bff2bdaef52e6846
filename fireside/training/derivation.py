"""A config that grows, line by line, and what is known when it does.

Refuses to know a rule: those of a new model's size stand in `sizes.py`, those of its course in
`derive.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from fireside.training.config import TrainConfig, merged


@dataclass
class Derivation:
    """A config that grows, and the lines that say why."""

    config: TrainConfig
    lines: list[str] = field(default_factory=list)

    def set(self, path: str, value: Any, why: str, *, shown: str | None = None) -> Any:
        """The config's own value where it has one, else `value`, with a line."""
        section, name = path.split(".")
        part = getattr(self.config, "validate_" if section == "validate" else section)
        if (own := getattr(part, name)) is not None:
            return own
        plain = self.config.model_dump(mode="json", by_alias=True)
        self.config = TrainConfig.of(merged(plain, {section: {name: value}}))
        self.say(path, shown or (value if isinstance(value, str) else readable(value)), why)
        return value

    def say(self, name: str, value: str, why: str) -> None:
        self.lines.append(f"{name:<32} {value:<12} {why}")


def readable(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of data and machine when the rest is derived.

    tokens: of the training data, once through.  examples: how many; longest: of them, in tokens.
    tokens_per_second: of training; None where it was not measured.
    seconds: for the steps alone; None without a clock.  ranks: processes that share each step.
    """

    tokens: int
    examples: int = 0
    longest: int = 0
    tokens_per_second: float | None = None
    seconds: float | None = None
    ranks: int = 1

    def shared(self, rows: int) -> int:
        """The next number of rows that every rank has an equal share of."""
        return math.ceil(rows / self.ranks) * self.ranks
