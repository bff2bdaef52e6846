"""The tokenizer of a model on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fireside.hub.gguf import open_gguf
from fireside.tokenizer import Tokenizer

if TYPE_CHECKING:
    from fireside.hub import LocalModel


def load_tokenizer(local: LocalModel) -> Tokenizer:
    """Whichever of its folders or files has it.

    Errors: NotFound, Unsupported, Corrupt.
    """
    if local.tokenizer is not None:
        return Tokenizer.from_folder(local.tokenizer)
    if local.format == "gguf":
        return Tokenizer.from_gguf(open_gguf(local.path).metadata)
    return Tokenizer.from_folder(local.path)
