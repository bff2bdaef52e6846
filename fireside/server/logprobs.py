"""Log-probabilities in the two shapes that OpenAI gives them: chat's list, completions' columns.

A token's text is what it decodes to.  One that holds only part of a character has none; its bytes
are spelled out, as OpenAI does it.  JSON has no minus infinity: an impossible token is -9999.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireside.engine.text import TokenInfo

IMPOSSIBLE = -9999.0


def _finite(logprob: float | None) -> float:
    return IMPOSSIBLE if logprob is None else max(logprob, IMPOSSIBLE)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def chat_logprobs(tokens: Sequence[TokenInfo]) -> dict[str, object]:
    content = [
        {
            "token": _text(each.bytes),
            "logprob": _finite(each.logprob),
            "bytes": list(each.bytes),
            "top_logprobs": [
                {"token": _text(raw), "logprob": _finite(logprob), "bytes": list(raw)}
                for _, _, raw, logprob in each.top
            ],
        }
        for each in tokens
    ]
    return {"content": content, "refusal": None}


def _top(token: TokenInfo) -> dict[str, float] | None:
    """The likeliest tokens, and the one that was drawn if it is none of them, as OpenAI has it."""
    if token.logprob is None:
        return None
    top = {_text(raw): _finite(logprob) for _, _, raw, logprob in token.top}
    return top | {_text(token.bytes): _finite(token.logprob)}


class Columns:
    """The columns of one completion, which may come in pieces: offsets go on where they stood."""

    def __init__(self) -> None:
        self._offset = 0
        # Parts of a character have the offset of its beginning.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def of(self, tokens: Sequence[TokenInfo]) -> dict[str, object]:
        offsets = []
        for each in tokens:
            offsets.append(self._offset)
            self._offset += len(self._decoder.decode(each.bytes))
        return {
            "tokens": [_text(each.bytes) for each in tokens],
            "token_logprobs": [
                None if each.logprob is None else _finite(each.logprob) for each in tokens
            ],
            "top_logprobs": [_top(each) for each in tokens],
            "text_offset": offsets,
        }
