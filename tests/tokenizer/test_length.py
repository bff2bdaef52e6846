"""Texts that cannot fit are refused before they are tokenised as a whole, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers

from fireside.errors import ContextOverflow, Interrupted
from fireside.hub.gguf import open_gguf
from fireside.tokenizer import Tokenizer, length
from fireside.tokenizer.length import check_length
from fireside.tokenizer.vocabulary import keeps_letters


@pytest.fixture(scope="module")
def tokenizer(smollm2_path: Path) -> Tokenizer:
    return Tokenizer.from_gguf(open_gguf(smollm2_path).metadata)


WORDS = st.lists(
    st.sampled_from(["word", " ", "\n", "ü", "漢字", "🙂", "    ", "12345", "aaaa", ", "]),
    max_size=60,
)


@given(pieces=WORDS, times=st.integers(1, 40))
def test_what_fits_is_never_refused(tokenizer: Tokenizer, pieces: list[str], times: int) -> None:
    text = "".join(pieces) * times
    window = len(tokenizer.encode(text.strip()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(length, "PIECE", 100)
        check_length(tokenizer, [text], window)


def test_the_longest_token_is_the_longest(tokenizer: Tokenizer) -> None:
    longest = tokenizer.longest_token
    assert longest is not None
    assert all(
        len(tokenizer.decode([each], at_start=False)) <= longest for each in range(0, 49_152, 7)
    )


def test_far_too_much_is_refused_unread(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_batch(self: Tokenizer, texts: list[str]) -> list[list[int]]:
        raise AssertionError("it was tokenised")

    monkeypatch.setattr(Tokenizer, "encode_batch", encode_batch)
    with pytest.raises(ContextOverflow, match="8192 tokens, but the text alone has more than"):
        check_length(tokenizer, ["Hello there. " * 800_000], 8192, param="prompt")


def test_too_much_is_counted_only_as_far_as_it_fits(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    usual = Tokenizer.encode_batch

    def encode_batch(self: Tokenizer, texts: list[str]) -> list[list[int]]:
        read.extend(map(len, texts))
        return usual(self, texts)

    monkeypatch.setattr(Tokenizer, "encode_batch", encode_batch)
    with pytest.raises(ContextOverflow) as told:
        check_length(tokenizer, ["Hello there. " * 40_000], 8192, param="prompt")
    assert told.value.param == "prompt"
    assert told.value.code == "context_length_exceeded"
    assert read == [length.PIECE]


def test_it_stops_when_nobody_waits(tokenizer: Tokenizer) -> None:
    answers = iter([False, True])
    with pytest.raises(Interrupted):
        check_length(tokenizer, ["Hello. " * 60_000], 10**6, stopped=lambda: next(answers))


@pytest.mark.parametrize(
    ("normalizer", "model", "keeps"),
    [
        (None, models.BPE(), True),
        (normalizers.Replace(" ", "▁"), models.BPE(unk_token="<unk>", byte_fallback=True), True),
        (
            normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
            models.BPE(),
            True,
        ),
        (normalizers.Replace("  ", " "), models.BPE(), False),
        (normalizers.Strip(), models.BPE(), False),
        (normalizers.NFKC(), models.BPE(), False),
        (None, models.BPE(unk_token="<unk>"), False),
        (None, models.WordPiece(), False),
    ],
)  # fmt: skip
def test_which_vocabularies_keep_every_letter(
    normalizer: object, model: models.Model, keeps: bool
) -> None:
    backend = Backend(model)
    if normalizer is not None:
        backend.normalizer = normalizer  # type: ignore[assignment]
    assert keeps_letters(backend) is keeps
