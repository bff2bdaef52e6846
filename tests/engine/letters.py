"""A tokenizer small enough to see through: a byte per id, some whole words, two control tokens."""

from __future__ import annotations

from fireside.tokenizer.detokenizer import Detokenizer

WORDS = [b"true", b"false", b'{"', b'":', b"ab", b"\xc3\xa9\xc3"]
BOS, EOS = 256 + len(WORDS), 257 + len(WORDS)


class Letters:
    """Enough of `fireside.tokenizer.Tokenizer` for the engine."""

    vocab_size = 258 + len(WORDS)
    bos_id = BOS
    eos_ids = frozenset({EOS})
    special_ids = frozenset({BOS, EOS})

    def token_bytes(self, token_id: int) -> bytes:
        if token_id < 256:
            return bytes([token_id])
        return (*WORDS, b"<bos>", b"<eos>")[token_id - 256]

    def token_text(self, token_id: int) -> str:
        return self.token_bytes(token_id).decode(errors="replace")

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def detokenizer(self) -> Detokenizer:
        return Detokenizer(
            lambda i: b"" if i in self.special_ids else self.token_bytes(i), drop_space=False
        )
