"""Log-probabilities in the two shapes that OpenAI gives them: chat's list, completions' columns.

JSON has no minus infinity, so an impossible token is -9999, as OpenAI has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireside.engine.text import TokenInfo


IMPOSSIBLE = -9999.0


def _finite(logprob: float) -> float:
    return max(logprob, IMPOSSIBLE)


def chat_logprobs(tokens: Sequence[TokenInfo]) -> dict[str, object]:
    content = [
        {
            "token": each.text,
            "logprob": _finite(each.logprob),
            "bytes": list(each.bytes),
            "top_logprobs": [
                {"token": text, "logprob": _finite(logprob), "bytes": list(raw)}
                for _, text, raw, logprob in each.top
            ],
        }
        for each in tokens
    ]
    return {"content": content, "refusal": None}


def completion_logprobs(tokens: Iterable[TokenInfo], offset: int) -> dict[str, object]:
    """Columns over the tokens; `offset`: where the first one's text begins in the answer."""
    columns: dict[str, list[object]] = {
        "tokens": [],
        "token_logprobs": [],
        "top_logprobs": [],
        "text_offset": [],
    }
    for each in tokens:
        known = each.logprob is not None
        columns["tokens"].append(each.text)
        columns["token_logprobs"].append(_finite(each.logprob) if known else None)
        columns["top_logprobs"].append(
            {text: _finite(logprob) for _, text, _, logprob in each.top} if known else None
        )
        columns["text_offset"].append(offset)
        offset += len(each.text)
    return dict(columns)
