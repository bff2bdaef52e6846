"""A vocabulary to GGUF's metadata, `gguf.py` backwards: byte-level BPE of a Hugging Face folder.

A GGUF names its way of cutting text (`tokenizer.ggml.pre`) instead of carrying it, so a folder is
written only if its way is one that has a name.  Refuses, by name, any other, and SentencePiece:
its scores are not in tokenizer.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fireside.errors import Corrupt, Unsupported
from fireside.tokenizer.gguf import CONTROL, TEMPLATE_KEY, USER_DEFINED
from fireside.tokenizer.pretokenization import BY_NAME, PreTokenization
from fireside.tokenizer.vocabulary import DEFAULT_TEMPLATE, Vocabulary

NORMAL, UNUSED = 1, 5
_KEYS = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}

Value = str | bool | int | list[str] | list[int]


def gguf_metadata(vocabulary: Vocabulary, rows: int) -> dict[str, Value]:
    """The keys `tokenizer.*` of a GGUF file.

    vocabulary: as it was read, before a `Tokenizer` was made of it.
    rows: of the embedding; what the vocabulary leaves out is filled up, unused.

    Raises:
        Unsupported: no byte-level BPE, or a way of cutting text that has no name.
        Corrupt: more tokens than rows.
    """
    if vocabulary.size > rows:
        raise Corrupt(
            f"The tokenizer has {vocabulary.size} ids, but the model only {rows} rows for them: "
            "they do not belong together."
        )
    state = json.loads(vocabulary.backend.to_str())
    if vocabulary.spelling != "bytes" or state["model"]["type"] != "BPE":
        raise Unsupported(
            "Only byte-level BPE vocabularies can be written as GGUF: "
            "export with --format hf, and convert that with llama.cpp."
        )
    tokens = [f"[PAD{i}]" for i in range(rows)]
    types = [UNUSED] * len(tokens)
    for token, number in state["model"]["vocab"].items():
        tokens[number], types[number] = token, NORMAL
    for added in vocabulary.added:
        tokens[added.id] = added.content
        types[added.id] = CONTROL if added.special else USER_DEFINED
    number_of = {token: number for number, token in enumerate(tokens)}
    found: dict[str, Value] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": scheme_name(state),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [
            merge if isinstance(merge, str) else " ".join(merge)
            for merge in state["model"]["merges"]
        ],
        "tokenizer.ggml.add_bos_token": bool(vocabulary.prefix_ids),
    }
    for name, key in _KEYS.items():
        if (text := vocabulary.named.get(name)) in number_of:
            found[f"tokenizer.ggml.{key}"] = number_of[text]
    for name, source in vocabulary.templates.items():
        found[TEMPLATE_KEY if name == DEFAULT_TEMPLATE else f"{TEMPLATE_KEY}.{name}"] = source
    if others := sorted(vocabulary.templates.keys() - {DEFAULT_TEMPLATE}):
        found[f"{TEMPLATE_KEY}s"] = others
    return found


def scheme_name(state: Mapping[str, Any]) -> str:
    """The name of the way in which a `tokenizer.json` cuts text.

    Raises:
        Unsupported: it has none.
    """
    scheme = _scheme(state)
    for name, known in BY_NAME.items():
        if known == scheme:
            return name
    raise Unsupported(
        "This tokenizer cuts text in a way that GGUF has no name for: export with --format hf."
    )


def _scheme(state: Mapping[str, Any]) -> PreTokenization | None:
    normalizer = state.get("normalizer") or {}
    if not normalizer.get("normalizers", [1]):  # a sequence of none
        normalizer = {}
    if normalizer and normalizer["type"] != "NFC":
        return None
    splits: list[str] = []
    gpt2 = digits = False
    for step in _steps(state.get("pre_tokenizer")):
        match step:
            case {"type": "Digits", "individual_digits": True} if not splits:
                digits = True
            case {"type": "Split", "behavior": "Isolated", "invert": False,
                  "pattern": {"Regex": str(pattern)}}:  # fmt: skip
                # Some files hold the line's end itself where others hold its escape.
                splits.append(pattern.replace("\r", r"\r").replace("\n", r"\n"))
            case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": use_regex}:
                gpt2 = use_regex
            case _:
                return None
    return PreTokenization(
        splits=tuple(splits),
        gpt2=gpt2,
        digits=digits,
        nfc=bool(normalizer),
        whole_words=bool(state["model"].get("ignore_merges")),
    )


def _steps(pre_tokenizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if pre_tokenizer is None:
        return []
    if pre_tokenizer["type"] == "Sequence":
        return [step for part in pre_tokenizer["pretokenizers"] for step in _steps(part)]
    return [pre_tokenizer]
