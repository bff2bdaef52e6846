"""The law: ids from a SentencePiece GGUF equal those of transformers, and of SentencePiece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.tokenizer import Tokenizer
from fireside.tokenizer.gguf import _merges_by_score

from .conftest import Spm, ids
from .corpus import TEXTS, training_text


@pytest.fixture(scope="module")
def llama(spm: Spm) -> Any:
    """transformers' own reading of the same SentencePiece model."""
    from transformers.integrations.gguf import convert_gguf_tokenizer

    described = {
        "tokenizer_type": "llama",
        "tokens": spm.pieces,
        "scores": spm.scores,
        "token_type": spm.types,
    }
    return convert_gguf_tokenizer("llama", described)[0]


@pytest.fixture(scope="module")
def ours(spm: Spm) -> Tokenizer:
    return Tokenizer.from_gguf(spm.metadata())


def spm_texts() -> Iterator[str]:
    yield from TEXTS
    yield "\n".join(training_text()[:400])


def test_sentencepiece_ids_equal_those_of_transformers(ours: Tokenizer, llama: Any) -> None:
    for text in spm_texts():
        assert ours.encode(text) == ids(llama, text)
    text = "<s>  user <s>\n</s> hi</s>"
    assert ours.encode(text, special=True) == ids(llama, text, special=True)


def test_sentencepiece_ids_equal_those_of_sentencepiece(spm: Spm, ours: Tokenizer) -> None:
    for text in spm_texts():
        # A text that begins with a space gets no second one in transformers; NUL ends a C string.
        if text[:1] not in (" ", "▁") and "\0" not in text:
            assert ours.encode(text) == spm.processor.encode(text), text


@given(st.text(max_size=40))
@settings(deadline=None)
def test_sentencepiece_ids_equal_on_any_text(ours: Tokenizer, llama: Any, text: str) -> None:
    assert ours.encode(text) == ids(llama, text)


def test_sentencepiece_begins_with_bos_unless_the_file_says_no(spm: Spm, ours: Tokenizer) -> None:
    assert ours.encode("hi", add_bos=True) == [1, *ours.encode("hi")]
    silent = Tokenizer.from_gguf(spm.metadata(add_bos_token=False))
    assert silent.encode("hi", add_bos=True) == ours.encode("hi")


def test_no_prefix_where_the_file_wants_none(spm: Spm) -> None:
    bare = Tokenizer.from_gguf(spm.metadata(add_space_prefix=False))
    assert bare.token_text(bare.encode("the")[0])[0] != "▁"
    assert bare.decode(bare.encode(" the")) == " the"
    assert bare.decode(bare.encode("the")) == "the"


def test_gemma_takes_spaces_as_they_are(spm: Spm) -> None:
    from transformers.integrations.gguf import convert_gguf_tokenizer

    pieces = [
        piece.replace("▁", " ") if set(piece) == {"▁"} and len(piece) > 1 else piece
        for piece in spm.pieces
    ]
    described = {
        "tokenizer_type": "llama",
        "tokens": pieces,
        "scores": spm.scores,
        "token_type": spm.types,
    }
    backend, _ = convert_gguf_tokenizer("gemma3", described)
    metadata = spm.metadata(tokens=pieces) | {"general.architecture": "gemma3"}
    gemma = Tokenizer.from_gguf(metadata)
    for text in spm_texts():
        assert gemma.encode(text) == ids(backend, text)
        assert gemma.decode(gemma.encode(text)) == text.replace("▁", " ")


def test_phi3_puts_its_prefix_on_every_stretch(spm: Spm) -> None:
    from transformers.integrations.gguf import convert_gguf_tokenizer

    described = {
        "tokenizer_type": "llama",
        "tokens": spm.pieces,
        "scores": spm.scores,
        "token_type": spm.types,
    }
    backend, _ = convert_gguf_tokenizer("phi3", described)
    phi = Tokenizer.from_gguf(spm.metadata() | {"general.architecture": "phi3"})
    for text in [*spm_texts(), "<s>a<s> b"]:
        assert phi.encode(text, special=True) == ids(backend, text, special=True)


@given(
    st.dictionaries(st.text(alphabet="ab", min_size=1, max_size=5), st.integers(-3, 0), max_size=20)
)
def test_merges_recovered_from_scores_equal_those_of_transformers(scores: dict[str, int]) -> None:
    from transformers.tokenization_utils_base import generate_merges

    vocab = {token: i for i, token in enumerate(scores)}
    want = generate_merges(vocab, scores)
    assert _merges_by_score(vocab, [1] * len(vocab), [*map(float, scores.values())]) == want
    by_place = generate_merges(vocab, {token: -i for token, i in vocab.items()})
    assert _merges_by_score(vocab, [1] * len(vocab), None) == by_place
