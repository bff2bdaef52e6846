"""The law: text never becomes a control token, and every text is encoded in reasonable time."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, pre_tokenizers

from fireside.errors import BadRequest
from fireside.tokenizer import Tokenizer
from tests.measures import seconds

from .conftest import FAMILIES, Spm
from .corpus import TEXTS


def spellings(tokenizer: Tokenizer) -> list[str]:
    return sorted(tokenizer.token_text(one) for one in tokenizer.special_ids)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_spelling_of_a_control_token_becomes_one(
    name: str, family_folder: Callable[[str], Path]
) -> None:
    tokenizer = Tokenizer.from_folder(family_folder(name))
    known = spellings(tokenizer)
    assert known
    for text in [*known, "".join(known), " ".join(known), "a" + "a".join(known), *TEXTS]:
        assert tokenizer.special_ids.isdisjoint(tokenizer.encode(text)), text
        assert tokenizer.special_ids.isdisjoint(tokenizer.encode(text, add_bos=True)[1:])
    for one in known:
        assert tokenizer.decode(tokenizer.encode(f"x{one}y")) == f"x{one}y"
        assert tokenizer.encode(one, special=True) == [
            number for number in tokenizer.special_ids if tokenizer.token_text(number) == one
        ]


@given(
    st.lists(
        st.sampled_from(["<", "|", "im_", "end", "start", "|>", "<|im_end|>", " ", "\n"]),
        max_size=9,
    )
)
@settings(deadline=None)
def test_no_assembly_of_parts_becomes_one(smollm2: Tokenizer, parts: list[str]) -> None:
    text = "".join(parts)
    ids = smollm2.encode(text)
    assert smollm2.special_ids.isdisjoint(ids)
    assert smollm2.decode(ids) == text


@given(st.text(max_size=40))
@settings(deadline=None)
def test_no_text_does(smollm2: Tokenizer, text: str) -> None:
    assert smollm2.special_ids.isdisjoint(smollm2.encode(text))


def test_merges_that_reach_a_control_token_are_undone(tmp_path: Path) -> None:
    """A hostile file: its merges spell `<s>`, its whole-word look-up knows `</s>`."""
    letters = [*"</s>ab", "<s", "<s>", "</s>"]
    backend = tokenizers.Tokenizer(
        models.BPE(
            vocab={one: i for i, one in enumerate(letters)},
            merges=[("<", "s"), ("<s", ">")],
            ignore_merges=True,
        )
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens([AddedToken(one, special=True) for one in ("<s>", "</s>")])
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert [tokenizer.token_text(one) for one in tokenizer.encode("a<s>b")] == [*"a<s>b"]
    assert [tokenizer.token_text(one) for one in tokenizer.encode("</s>")] == [*"</s>"]
    assert tokenizer.encode("a<s>b", special=True) == [4, 7, 5]


def test_a_letter_that_is_a_control_token_is_refused(tmp_path: Path) -> None:
    backend = tokenizers.Tokenizer(models.BPE(vocab={"a": 0, "¤": 1}, merges=[]))
    backend.add_special_tokens([AddedToken("¤", special=True)])
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(BadRequest, match="'¤' only as a control token"):
        Tokenizer.from_folder(tmp_path).encode("a¤")


def test_sentencepiece_merges_never_lead_to_a_control_token(spm: Spm) -> None:
    pieces = [*spm.pieces]
    types = [*spm.types]
    pieces[880:884] = ["<s", "[IN", "[INST]", "ST]"]
    types[880:884] = [1, 1, 3, 1]
    tokenizer = Tokenizer.from_gguf(spm.metadata(tokens=pieces, token_type=types))
    for text in ("<s>", "a <s>", "[INST]", "x[INST]<s></s>"):
        assert tokenizer.special_ids.isdisjoint(tokenizer.encode(text))


@pytest.mark.parametrize("text", ["\ud800", "ok \udfff", "\ud83d x \ude00"])
def test_half_a_surrogate_pair_is_told(smollm2: Tokenizer, text: str) -> None:
    with pytest.raises(BadRequest, match=r"at character \d.*valid UTF-8") as raised:
        smollm2.encode(text)
    assert "\n" not in str(raised.value)


def test_nul_is_a_character_like_any_other(smollm2: Tokenizer) -> None:
    assert smollm2.decode(smollm2.encode("a\0b\0")) == "a\0b\0"


LONG = {
    "letters": "a" * 200_000,
    "spaces": " " * 1_000_000,
    "newlines": "\n" * 200_000,
    "digits": "1" * 1_000_000,
    "brackets": "<|" * 100_000,
    "control tokens": "<|im_end|>" * 50_000,
    "prose": "It was the best of times, it was the worst of times. 你好！ " * 16_000,
}


@pytest.mark.parametrize("kind", sorted(LONG))
def test_a_megabyte_takes_about_a_second(smollm2: Tokenizer, kind: str) -> None:
    assert seconds(lambda: smollm2.encode(LONG[kind])) < 6


def test_a_megabyte_without_a_break_in_sentencepiece(spm: Spm) -> None:
    tokenizer = Tokenizer.from_gguf(spm.metadata())
    for text in (LONG["letters"] * 5, LONG["prose"]):
        assert seconds(partial(tokenizer.encode, text)) < 6


def test_what_counts_as_control(family_folder: Callable[[str], Path]) -> None:
    """Special ones, those that the template itself writes, and those that look like it."""
    qwen = set(spellings(Tokenizer.from_folder(family_folder("qwen2_5"))))
    assert {"<|im_end|>", "<tool_call>", "</tool_response>", "<|fim_prefix|>"} <= qwen
    gemma = set(spellings(Tokenizer.from_folder(family_folder("gemma3"))))
    assert gemma.isdisjoint({"\n\n", "<table>", "▁▁"})


def test_whitespace_beside_a_token_goes_where_the_file_says(
    tmp_path: Path, byte_level_json: str
) -> None:
    from transformers import PreTrainedTokenizerFast

    backend = tokenizers.Tokenizer.from_str(byte_level_json)
    backend.add_special_tokens(
        [
            AddedToken("<|end|>", special=True, normalized=False, rstrip=True),
            AddedToken("<mask>", special=True, normalized=False, lstrip=True),
            AddedToken("<word>", special=True, normalized=False, single_word=True),
        ]
    )
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<|end|>"}))
    ours = Tokenizer.from_folder(tmp_path)
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    for text in (
        "a <|end|> \n b",
        "a  <mask>  b",
        "<|end|> <mask>",
        "a<word>b <word> c",
        "x <|end|>",
    ):
        assert ours.encode(text, special=True) == theirs.encode(text, add_special_tokens=False), (
            text
        )
