"""What a model's files say about its tokens: the same value whatever the files were.

`gguf.py` and `folder.py` fill it in; `tokenizer.py` works from it.  It holds data and knows one
thing only: which added tokens are control tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE, Unigram

Spelling = Literal["bytes", "sentencepiece", "metaspace", "wordpiece", "tidy wordpiece", "words"]
"""How a token's spelling stands for bytes: GPT-2's byte alphabet; `▁` and `<0x0A>`; `▁` alone, in
vocabularies without byte fallback; `##`, and the same with no space before punctuation; whole words
with a space between them."""

_ENDS = """
    <|im_end|> <|endoftext|> <|end_of_text|> <|eot_id|> <|eom_id|> <|end|> <|return|> <|call|>
    <|eot|> <end_of_turn> <turn|> <end_of_utterance> <|endofturn|> <|END_OF_TURN_TOKEN|> <EOT>
    <｜end▁of▁sentence｜>
"""
ENDS_OF_ANSWER = frozenset(_ENDS.split())
"""Control tokens that end an answer though a file may not list them (llama.cpp does likewise)."""

DEFAULT_TEMPLATE, TOOL_TEMPLATE = "default", "tool_use"
"""Names of chat templates that mean something to transformers, and so to us."""

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
    leading_space: a text loses its first space when it is decoded: encoding put it there.
    templates: the chat templates by name.
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
    templates: Mapping[str, str]

    @property
    def chat_template(self) -> str | None:
        """The template of a chat without tools."""
        return self.templates.get(DEFAULT_TEMPLATE)

    @property
    def tool_template(self) -> str | None:
        """The template of a chat with tools: where there is none of that name, the same."""
        return self.templates.get(TOOL_TEMPLATE, self.chat_template)


def unknown_token(backend: Backend) -> str | None:
    """What stands for text that the vocabulary does not know."""
    model: Any = backend.model
    if isinstance(model, Unigram):  # its number is in its state alone
        number = json.loads(model.__getstate__())["unk_id"]
        return None if number is None else backend.id_to_token(number)
    token: str | None = getattr(model, "unk_token", None)
    return token


def keeps_letters(backend: Backend) -> bool:
    """Whether each letter of a text is in some token of its own: none is dropped or composed before
    merging, and no token stands for what is unknown."""
    steps = [] if backend.normalizer is None else [json.loads(backend.normalizer.__getstate__())]
    while steps:
        step = steps.pop()
        if step["type"] == "Sequence":
            steps.extend(step["normalizers"])
        elif step["type"] == "Replace":
            if len(step["pattern"].get("String", "  ")) > len(step["content"]):
                return False
        elif step["type"] != "Prepend":
            return False
    model: Any = backend.model
    unknown = getattr(model, "unk_token", None) is not None
    return isinstance(model, BPE) and (not unknown or bool(model.byte_fallback))


def control_tokens(added: tuple[AddedToken, ...], template: str) -> list[AddedToken]:
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
            or (token.content.strip("▁ \t\r\n") and token.content in template)
        )
    ]
