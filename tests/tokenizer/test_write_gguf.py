"""A folder's vocabulary as GGUF metadata and back: the same ids; every way to cut has a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from fireside.errors import Corrupt, Unsupported
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.folder import vocabulary_from_folder
from fireside.tokenizer.pretokenization import BY_NAME, PreTokenization, pre_tokenization
from fireside.tokenizer.save import copy_tokenizer, write_gguf_tokenizer
from fireside.tokenizer.training import train_tokenizer
from fireside.tokenizer.write_gguf import gguf_metadata, scheme_name

from .corpus import TEXTS, training_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "tokenizer"
    train_tokenizer(training_text(), 700, path, template="chatml")
    return path


def state_of(scheme: PreTokenization) -> dict[str, object]:
    backend = Backend(models.BPE(ignore_merges=scheme.whole_words))
    if scheme.nfc:
        backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = scheme.build()
    state: dict[str, object] = json.loads(backend.to_str())
    return state


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_way_of_cutting_gets_a_name_that_means_it(name: str) -> None:
    scheme = pre_tokenization(name)
    assert pre_tokenization(scheme_name(state_of(scheme))) == scheme


def test_another_way_of_cutting_has_no_name() -> None:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(Unsupported, match="no name"):
        scheme_name(json.loads(backend.to_str()))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(Unsupported, match="no name"):
        scheme_name(json.loads(backend.to_str()))


def test_there_and_back_the_ids_are_the_same(folder: Path, tmp_path: Path) -> None:
    """folder -> GGUF metadata -> folder: three tokenizers, one result; transformers agrees."""
    from transformers import AutoTokenizer

    metadata = gguf_metadata(vocabulary_from_folder(folder), 720)
    write_gguf_tokenizer(metadata, tmp_path)
    first, second = Tokenizer.from_folder(folder), Tokenizer.from_gguf(metadata)
    third, theirs = Tokenizer.from_folder(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    for text in (*TEXTS, "<|im_start|>user\nHi<|im_end|>"):
        ids = first.encode(text, special=True)
        assert second.encode(text, special=True) == ids
        assert third.encode(text, special=True) == ids
        assert theirs(text)["input_ids"] == ids
        assert theirs.decode(ids) == text
    for tokenizer in (second, third):
        assert tokenizer.named_ids == first.named_ids
        assert tokenizer.eos_ids == first.eos_ids
        assert tokenizer.special_ids == first.special_ids
        assert tokenizer.chat_template == first.chat_template
    assert (theirs.eos_token, theirs.pad_token) == ("<|im_end|>", "<|pad|>")


def test_a_beginning_is_kept(folder: Path, tmp_path: Path) -> None:
    metadata = gguf_metadata(vocabulary_from_folder(folder), 720)
    write_gguf_tokenizer({**metadata, "tokenizer.ggml.add_bos_token": True}, tmp_path)
    found = Tokenizer.from_folder(tmp_path)
    assert found.encode("hello", add_bos=True) == [1, *found.encode("hello")]


def test_more_tokens_than_rows_do_not_belong_together(folder: Path) -> None:
    with pytest.raises(Corrupt, match="belong together"):
        gguf_metadata(vocabulary_from_folder(folder), 500)


def test_copied_files_are_the_same(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.md").write_text("not a tokenizer's")
    copy_tokenizer(folder, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in folder.iterdir() if path.name != "notes.md"
    }
