"""How a chat samples: what the model's makers recommend, under what the person asked for.

The API keeps OpenAI's defaults; this is for the chat surfaces only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from fireside.engine.params import SamplingParams
from fireside.errors import BadRequest

UNKNOWN_MODEL: Final[Mapping[str, float]] = {"temperature": 0.7, "top_p": 0.95}
"""For a file without a catalogue entry: cooler than OpenAI's 1.0, which small models ramble at."""

WHOLE: Final = {
    "top_k", "seed", "max_tokens", "min_tokens", "repeat_last_n", "dry_allowed_length",
    "dry_penalty_last_n",
}  # fmt: skip
KNOWN: Final = {field.name for field in fields(SamplingParams)} - {
    "dry_sequence_breakers", "dry_breaker_ids",
}  # fmt: skip


def merged(
    recommended: Mapping[str, float] | None, asked: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The sampling of a turn, as plain values for its receipt.

    Raises:
        BadRequest: `asked` names a parameter that there is not.
    """
    values: dict[str, Any] = dict(UNKNOWN_MODEL if recommended is None else recommended)
    values.update({name: value for name, value in (asked or {}).items() if value is not None})
    for name in values:
        if name not in KNOWN:
            raise BadRequest(
                f"There is no sampling parameter {name!r}: try temperature, top_p, top_k, min_p, "
                "repetition_penalty, seed or max_tokens.",
                param=name,
            )
    return {name: int(v) if name in WHOLE else v for name, v in values.items()}
