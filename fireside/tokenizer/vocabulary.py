"""What a model's files say about its tokens: the same value whatever the files were.

`gguf.py` and `folder.py` fill it in; `tokenizer.py` works from it.  It holds data and knows one
thing only: which added tokens are control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tokenizers import Tokenizer as Backend

Spelling = Literal["bytes", "sentencepiece", "wordpiece"]
"""How a token's spelling stands for bytes: GPT-2's byte alphabet, `▁` and `<0x0A>`, or `##`."""

_ENDS = """
    <|im_end|> <|endoftext|> <|end_of_text|> <|eot_id|> <|eom_id|> <|end|> <|return|> <|call|>
    <|eot|> <end_of_turn> <turn|> <end_of_utterance> <|endofturn|> <|END_OF_TURN_TOKEN|> <EOT>
    <｜end▁of▁sentence｜>
"""
ENDS_OF_ANSWER = frozenset(_ENDS.split())
"""Control tokens that end an answer though a file may not list them (llama.cpp does likewise)."""

_LOOKS_LIKE_CONTROL = re.compile(r"<[|｜].*[|｜]>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedToken:
    """A token that is matched whole in text, before any merging."""

    id: int
    content: str
    special: bool
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Everything that a tokenizer is made from.

    backend: encodes plain text; control tokens are either unknown to it or added as special.
    size: one more than the largest id.
    added: the tokens that are matched whole.
    named: `bos_token`, `eos_token`, ... to their text, as chat templates see them.
    prefix_ids, suffix_ids: what the model wants around a text by itself, e.g. BERT's [CLS], [SEP].
    leading_space: a sentence gets a `▁` in front when encoded, and loses it when decoded.
    """

    backend: Backend
    spelling: Spelling
    size: int
    added: tuple[AddedToken, ...]
    named: Mapping[str, str]
    bos_id: int | None
    eos_ids: frozenset[int]
    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]
    leading_space: bool
    chat_template: str | None


def control_tokens(added: tuple[AddedToken, ...], template: str | None) -> list[AddedToken]:
    """Those added tokens that only a template may write.

    They are the ones that the file marks as special, and of the others those that speak with the
    template's voice: the template writes them itself (Qwen's `<tool_call>`), or they look like it
    (`<|fim_prefix|>`).  Gemma's `<table>` and its runs of newlines stay ordinary text.
    """
    return [
        token
        for token in added
        if token.content
        and (
            token.special
            or _LOOKS_LIKE_CONTROL.fullmatch(token.content)
            or (token.content.strip() and template is not None and token.content in template)
        )
    ]
