"""From a token's spelling to the bytes that it stands for.

Byte-level vocabularies spell each byte as a printable character (GPT-2's alphabet); SentencePiece
writes a space as `▁` and a lone byte as `<0x0A>`; WordPiece marks the rest of a word with `##`.
Added tokens go the same way: Gemma's runs of spaces are added tokens made of `▁`.
"""

from __future__ import annotations

import re

from fireside.tokenizer.vocabulary import Spelling

# What the WordPiece decoder of `tokenizers` does to each token if its file says `cleanup`.
_TIDY = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip
_LONE_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for U+0100 onwards."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + i): byte for i, byte in enumerate(hidden)
    }


_BYTE_OF = _byte_alphabet()


def bytes_of(token: str, spelling: Spelling) -> bytes:
    """The bytes of a token.  A leading SentencePiece space is kept."""
    if spelling == "bytes":
        try:
            return bytes([_BYTE_OF[character] for character in token])
        except KeyError:
            return token.encode("utf-8", "replace")
    if spelling == "words":
        return (" " + token).encode("utf-8", "replace")
    if spelling in ("wordpiece", "tidy wordpiece"):
        text = token[2:] if token.startswith("##") else " " + token
        if spelling == "tidy wordpiece":
            for apart, joined in _TIDY:
                text = text.replace(apart, joined)
        return text.encode("utf-8", "replace")
    lone = _LONE_BYTE.fullmatch(token) if spelling == "sentencepiece" else None
    if lone:
        return bytes([int(lone[1], 16)])
    return token.replace("▁", " ").encode("utf-8", "replace")
