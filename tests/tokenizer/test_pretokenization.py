"""Each scheme cuts as the family's own tokenizer does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.errors import Unsupported
from fireside.tokenizer.pretokenization import BY_NAME, pre_tokenization

from .corpus import TEXTS


def cuts(scheme: str, text: str) -> list[str]:
    from tokenizers import normalizers

    found = pre_tokenization(scheme)
    if found.nfc:
        text = normalizers.NFC().normalize_str(text)
    return [text[start:end] for _, (start, end) in found.build().pre_tokenize_str(text)]


def of_transformers(name: str) -> Any:
    import transformers

    return getattr(transformers, name)(vocab={"a": 0}, merges=[]).backend_tokenizer


@pytest.mark.parametrize(
    ("scheme", "theirs"), [("qwen2", "Qwen2Tokenizer"), ("gpt-2", "GPT2Tokenizer")]
)
def test_cuts_equal_those_of_the_familys_class(scheme: str, theirs: str) -> None:
    backend = of_transformers(theirs)
    for text in TEXTS:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        want = backend.pre_tokenizer.pre_tokenize_str(normal)
        assert cuts(scheme, text) == [normal[start:end] for _, (start, end) in want]


@pytest.mark.parametrize("scheme", ["llama-bpe", "tekken", "qwen35", "gpt-4o"])
def test_splits_equal_those_that_transformers_gives_this_name(scheme: str) -> None:
    from tokenizers import Regex, pre_tokenizers
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    split = pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS[scheme]), "isolated")
    for text in TEXTS:
        if not BY_NAME[scheme].nfc:
            assert cuts(scheme, text) == [one for one, _ in split.pre_tokenize_str(text)]


@given(st.text(alphabet="a1 ①\n\t'sé<|你.", max_size=20), st.sampled_from(sorted(BY_NAME)))
@settings(deadline=None)
def test_cutting_loses_nothing(text: str, scheme: str) -> None:
    assert "".join(cuts(scheme, text)) == text or BY_NAME[scheme].nfc


def test_digits_stand_as_each_family_wants_them() -> None:
    assert cuts("starcoder", "  1234") == ["  ", "1", "2", "3", "4"]
    assert cuts("gpt-2", "  1234") == [" ", " 1234"]
    assert cuts("llama-bpe", "  1234") == [" ", " ", "123", "4"]
    assert cuts("qwen2", "x1234") == ["x", "1", "2", "3", "4"]


def test_each_scheme_is_a_valid_component() -> None:
    for scheme in BY_NAME.values():
        json.loads(scheme.build().__getstate__())


def test_an_unknown_name_is_no_guess() -> None:
    with pytest.raises(Unsupported, match=r"'who-knows'.*tokenizer\.json"):
        pre_tokenization("who-knows")
    with pytest.raises(Unsupported, match="missing"):
        pre_tokenization(None)
