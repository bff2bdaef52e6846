"""A vocabulary learned here: the same ids everywhere, the same bytes each time, no text lost."""

from __future__ import annotations

import json
import shutil
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest, Conflict, NotFound
from fireside.messages import Message
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.templates import CHATML, continues, set_template
from fireside.tokenizer.training import PIECE, SMALLEST, SPECIAL, _pieces, train_tokenizer

from .corpus import TEXTS, training_text

CHAT = [
    Message(role="system", content="Be kind."),
    Message(role="user", content="Hello <|im_end|>"),
    Message(role="assistant", content=" world"),
    Message(role="user", content="And?"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "tokenizer"
    train_tokenizer(training_text(), 800, path, context=128)
    return path


@pytest.fixture(scope="module")
def ours(folder: Path) -> Tokenizer:
    return Tokenizer.from_folder(folder)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> dict[str, Any]:
    """transformers' two ways in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoTokenizer, GPT2Tokenizer

        return {
            "auto": AutoTokenizer.from_pretrained(folder),
            "gpt2": GPT2Tokenizer.from_pretrained(folder),
        }


# -- laws -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=200))
def test_any_text_comes_back_and_has_the_same_ids_everywhere(
    ours: Tokenizer, theirs: dict[str, Any], text: str
) -> None:
    ids = ours.encode(text, special=True)
    assert ours.decode(ours.encode(text)) == text
    for tokenizer in theirs.values():
        assert tokenizer(text)["input_ids"] == ids
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("text", [*TEXTS, "a<|endoftext|>b", "<|im_start|>user\nHi<|im_end|>"])
def test_hard_texts_have_the_same_ids_everywhere(
    ours: Tokenizer, theirs: dict[str, Any], text: str
) -> None:
    for tokenizer in theirs.values():
        assert tokenizer(text)["input_ids"] == ours.encode(text, special=True)


def test_the_same_texts_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    train_tokenizer(iter(training_text()), 800, tmp_path / "again", context=128)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
    }
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["word", "  ", "\n", "é", "x" * PIECE, "ab " * 20_000])))
def test_pieces_join_to_the_text_and_are_bounded(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = list(_pieces(text))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= PIECE for piece in pieces)


def test_a_long_text_teaches_what_its_lines_would(tmp_path: Path) -> None:
    text = " the cat sat on the mat while nine dogs ran" * 4000
    train_tokenizer([text], 300, tmp_path / "whole")
    train_tokenizer(list(_pieces(text)), 300, tmp_path / "pieces")
    for name in ("tokenizer.json", "merges.txt"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "pieces" / name).read_bytes()


# -- what is in it -----------------------------------------------------------------------------


def test_every_byte_and_every_control_token_is_there(folder: Path, ours: Tokenizer) -> None:
    assert ours.vocab_size == 800
    assert sorted(ours.token_bytes(i) for i in range(8, SMALLEST)) == [
        bytes([b]) for b in range(256)
    ]
    assert ours.special_ids == frozenset(range(len(SPECIAL)))
    assert ours.bos_id == 1
    assert 1 in ours.eos_ids
    assert json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["<|endoftext|>"] == 1
    assert (folder / "merges.txt").read_text(encoding="utf-8").startswith("#version: 0.2\n")


def test_transformers_knows_the_names(theirs: dict[str, Any]) -> None:
    for tokenizer in theirs.values():
        assert tokenizer.eos_token == tokenizer.bos_token == "<|endoftext|>"
        assert tokenizer.pad_token == "<|pad|>"
        assert tokenizer.model_max_length == 128


def test_a_base_model_continues_what_is_said(ours: Tokenizer) -> None:
    assert continues(ours.chat_template)
    rendered = ours.render(CHAT)
    assert rendered.text == "Be kind.\nHello <|im_end|> world\nAnd?"
    assert not ours.special_ids.intersection(rendered.ids)
    learned = [i for i, wanted in zip(rendered.ids, rendered.loss_mask, strict=True) if wanted]
    assert ours.decode(learned) == " world"


def test_a_model_without_a_template_can_be_made_to_continue(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "base")
    config = tmp_path / "base" / "tokenizer_config.json"
    fields = json.loads(config.read_text()) | {"add_bos_token": True}
    del fields["chat_template"]
    config.write_text(json.dumps(fields))
    base = Tokenizer.from_folder(tmp_path / "base")
    with pytest.raises(BadRequest, match="no chat template"):
        base.render(CHAT)
    base.continue_text()
    assert continues(base.chat_template)
    bos = [base.bos_id] if base.encode("a", add_bos=True)[0] == base.bos_id else []
    ids = base.render([Message(role="user", content="Once upon")]).ids
    assert list(ids) == [*bos, *base.encode("Once upon")]


def test_after_tuning_it_speaks_chatml_as_transformers_does(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    shutil.copytree(folder, tmp_path / "tuned")
    set_template(tmp_path / "tuned", "chatml")
    ours = Tokenizer.from_folder(tmp_path / "tuned")
    assert not continues(ours.chat_template)
    chat = [Message(role=m.role, content=m.content.replace("<|im_end|>", "")) for m in CHAT]
    rendered = ours.render(chat)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "tuned")
    assert theirs.eos_token == "<|im_end|>"
    found = theirs.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in chat],
        add_generation_prompt=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    assert rendered.ids == found["input_ids"]
    assert rendered.loss_mask == [bool(one) for one in found["assistant_masks"]]
    learned = [i for i, wanted in zip(rendered.ids, rendered.loss_mask, strict=True) if wanted]
    assert ours.decode(learned, skip_special=False) == " world<|im_end|>"


# -- bad input ----------------------------------------------------------------------------------


def test_too_little_text_gives_a_smaller_vocabulary_and_says_so(tmp_path: Path) -> None:
    trained = train_tokenizer(["one line only"], 5000, tmp_path / "small")
    assert trained.wanted == 5000
    assert trained.vocab_size < 300
    assert Tokenizer.from_folder(tmp_path / "small").vocab_size == trained.vocab_size


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_no_text_is_an_error_and_leaves_nothing(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="empty"):
        train_tokenizer(texts, 1000, tmp_path / "none")
    assert not list(tmp_path.iterdir())


def test_too_small_a_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=str(SMALLEST)):
        train_tokenizer(["text"], SMALLEST - 1, tmp_path / "none")


def test_a_folder_that_is_not_empty_is_refused(folder: Path) -> None:
    with pytest.raises(Conflict, match="not empty"):
        train_tokenizer(["text"], 500, folder)


def test_lone_surrogates_are_text_too(tmp_path: Path) -> None:
    train_tokenizer(["a\ud800b " * 9], 300, tmp_path / "odd")


def test_reading_stops_at_the_bound_and_says_so(tmp_path: Path) -> None:
    trained = train_tokenizer(["ten chars " * 10] * 9, 300, tmp_path / "some", most_characters=250)
    assert (trained.characters, trained.whole) == (200, False)


def test_the_text_is_never_held_whole(tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        for _ in range(200):
            yield "one two three four five six seven eight nine ten\n" * 2000

    tracemalloc.start()
    try:
        trained = train_tokenizer(texts(), 300, tmp_path / "large")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert trained.characters > 19_000_000
    assert peak < trained.characters / 2


def test_a_template_needs_its_control_tokens(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="train a tokenizer"):
        set_template(tmp_path, "chatml")


def test_a_template_of_a_strangers_folder_is_replaced(folder: Path, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(folder / name, tmp_path / name)
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0].content }}")
    set_template(tmp_path, "chatml")
    found = Tokenizer.from_folder(tmp_path)
    assert found.chat_template == CHATML
    assert found.named_ids["eos_token"] == 3


def test_a_vocabulary_without_the_control_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"added_tokens": [{"content": "<|endoftext|>"}], "model": {"vocab": {"a": 0}}})
    )
    with pytest.raises(BadRequest, match=r"no <\|im_end\|>, <\|im_start\|>"):
        set_template(tmp_path, "chatml")
