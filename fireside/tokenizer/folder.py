"""A vocabulary from a Hugging Face folder.

`tokenizer.json` says how to encode and to decode; the small files beside it say what the tokens
are for (`declared.py`), what ends an answer, and how a chat is written (`folder_templates.py`).  No
code of the folder is ever run, and a folder without `tokenizer.json` is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE

from fireside.errors import Corrupt, NotFound
from fireside.tokenizer.declared import (
    add_declared_tokens,
    named_tokens,
    read_small_file,
    settings_of,
)
from fireside.tokenizer.decoding import decoding_of
from fireside.tokenizer.folder_templates import templates_of
from fireside.tokenizer.prefix_space import honour_prefix_space
from fireside.tokenizer.vocabulary import ENDS_OF_ANSWER, Vocabulary

OTHER_FILES = ("tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
"""Vocabularies in formats that Fireside does not read."""


def vocabulary_from_folder(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder.

    Raises:
        NotFound: no `tokenizer.json` there.
        Corrupt: one of the files is not what its name says.
        Unsupported: a way to decode that we do not know.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        others = [name for name in OTHER_FILES if (folder / name).is_file()]
        beside = f"has {' and '.join(others)} but" if others else "has"
        raise NotFound(
            f"{folder} {beside} no tokenizer.json: give a folder with one, or the model's GGUF."
        )
    try:
        backend = Backend.from_file(str(path))
    except Exception as error:  # `tokenizers` raises bare Exception
        raise Corrupt(f"{path} cannot be read ({str(error)[:120]}): download it again.") from None
    settings = settings_of(folder)
    backend = honour_prefix_space(backend, settings)
    backend.no_truncation()
    backend.no_padding()
    if isinstance(backend.model, BPE) and backend.model.dropout:
        backend.model.dropout = None  # random merges, which are for training alone
    added = add_declared_tokens(backend, folder, settings)
    named = named_tokens(settings)
    by_content = {token.content: token.id for token in added}
    # The post-processor alone says what stands around a text: transformers ignores `add_bos_token`
    # and `add_eos_token` beside a tokenizer.json.
    prefix_ids, suffix_ids = _frame(backend)
    backend.encode_special_tokens = True
    size = 1 + max(backend.get_vocab(with_added_tokens=True).values(), default=-1)
    spelling, leading_space = decoding_of(backend)
    return Vocabulary(
        backend=backend,
        spelling=spelling,
        size=size,
        added=added,
        named=named,
        bos_id=_lookup(backend, by_content, named.get("bos_token")),
        eos_ids=_eos_ids(folder, backend, size, by_content, named.get("eos_token")),
        prefix_ids=prefix_ids,
        suffix_ids=suffix_ids,
        leading_space=leading_space,
        templates=templates_of(folder, settings),
    )


def _lookup(backend: Backend, by_content: Mapping[str, int], content: str | None) -> int | None:
    if content is None:
        return None
    return by_content.get(content, backend.token_to_id(content))


def _frame(backend: Backend) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the post-processor puts before and after a text, seen on a text of one letter."""
    plain = backend.encode("a", add_special_tokens=False).ids
    framed = backend.encode("a", add_special_tokens=True).ids
    starts = range(len(framed) - len(plain) + 1)
    start = next((i for i in starts if framed[i : i + len(plain)] == plain), 0)
    return tuple(framed[:start]), tuple(framed[start + len(plain) :])


def _eos_ids(
    folder: Path,
    backend: Backend,
    size: int,
    by_content: Mapping[str, int],
    eos_token: str | None,
) -> frozenset[int]:
    config = read_small_file(folder / "config.json")
    sources = (
        read_small_file(folder / "generation_config.json"),
        config,
        config.get("text_config"),
    )
    listed = next(
        (
            one["eos_token_id"]
            for one in sources
            if isinstance(one, Mapping) and one.get("eos_token_id") is not None
        ),
        None,
    )
    listed = listed if isinstance(listed, list) else [listed]
    ids = {number for number in listed if type(number) is int and 0 <= number < size}
    ids |= {number for content, number in by_content.items() if content in ENDS_OF_ANSWER}
    eos_id = _lookup(backend, by_content, eos_token)
    return frozenset(ids if eos_id is None else ids | {eos_id})
