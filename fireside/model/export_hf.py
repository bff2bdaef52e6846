"""A model on disk to a Hugging Face folder of its own: config, weights, tokenizer, generation.

Whatever it was made of (a GGUF, a run's checkpoint, a base and its adapters) becomes one folder
that `transformers` loads, with the weights in one precision.  Quantised weights are written as the
numbers they stand for.  It refuses to write over anything.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fireside.hub.gguf import open_gguf
from fireside.model.load import load_model
from fireside.model.save import appears_whole, save_model
from fireside.model.tokenizer import load_tokenizer
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.save import copy_tokenizer, write_gguf_tokenizer
from fireside.tokenizer.templates import write_json

if TYPE_CHECKING:
    from fireside.hub import LocalModel


def export_hf(local: LocalModel, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write `folder`, which appears whole.

    Raises:
        Conflict: the folder is not empty.
        Corrupt, Unsupported: the model cannot be read, or its family's config.json cannot say it.
    """
    with appears_whole(folder) as unfinished:
        ids = special_ids(load_tokenizer(local))
        save_model(load_model(local, dtype), unfinished, extra=ids)
        write_tokenizer(local, unfinished)
        card = local.own / "README.md"
        if card.is_file():
            shutil.copyfile(card, unfinished / "README.md")


def write_tokenizer(local: LocalModel, folder: Path) -> None:
    """The tokenizer of a model, whatever it came as, as files in `folder`; and beside it
    generation_config.json, which says what ends an answer.

    Raises:
        NotFound: it has none.
    """
    if local.tokenizer is None and local.format == "gguf":
        write_gguf_tokenizer(open_gguf(local.path).metadata, folder)
    else:
        copy_tokenizer(local.tokenizer or local.path, folder)
    tokenizer = load_tokenizer(local)
    ends = {"eos_token_id": sorted(tokenizer.eos_ids)} if tokenizer.eos_ids else {}
    write_json(folder / "generation_config.json", special_ids(tokenizer) | ends)


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """`bos_token_id`, `eos_token_id` and `pad_token_id`, as config.json calls them.

    Without a token for padding it is the one that ends: something must stand there.
    """
    named = tokenizer.named_ids
    ids = {
        f"{kind}_id": named[kind]
        for kind in ("bos_token", "eos_token", "pad_token")
        if kind in named
    }
    if "eos_token_id" in ids:
        ids.setdefault("pad_token_id", ids["eos_token_id"])
    return ids
