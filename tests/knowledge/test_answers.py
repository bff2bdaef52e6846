"""The reader's head: the issue's examples, the file's law, and what strangers may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fireside.engine.embedding import Embedder, load_embedder
from fireside.errors import Corrupt, NotFound
from fireside.hub import LocalModel
from fireside.knowledge.answers.borders import LEAST
from fireside.knowledge.answers.head import (
    MOST_BYTES,
    read_answer_head,
    shipped_head,
    write_answer_head,
)
from fireside.knowledge.answers.reader import AnswerReader, _pieces
from fireside.knowledge.answers.spans import Words
from fireside.language.sentences import sentence_spans
from fireside.settings import load_settings

LIBRARY = """City Library of Riverton

The library is open from 9:00 to 19:00 from Monday to Friday. On Saturdays it is open from 10:00
to 14:00. On Sundays and public holidays it is closed.

A library card is free for children. Adults pay 12 euros a year. A lost card costs
3 euros to replace. Books may be kept for four weeks and renewed twice.

Dogs are not allowed in the reading room. The café on the second floor is run by Ann Miller."""


@pytest.fixture(scope="module")
def embedder(minilm_path: Path) -> Iterator[Embedder]:
    made = load_embedder(
        LocalModel(name="minilm:l6", path=minilm_path, format="hf"), load_settings()
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def reader(embedder: Embedder) -> AnswerReader:
    return AnswerReader(shipped_head(), embedder)


def answered(reader: AnswerReader, question: str, *passages: str) -> tuple[str, float]:
    found = reader.read(question, passages)
    assert found is not None
    text = passages[found.passage]
    return " ".join(text[found.begin : found.end].split()), found.chance or 0.0


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        # The first example: the reader said "7:30am to 11pm".
        ("When is the library open on Saturdays?", "On Saturdays it is open from 10:00 to 14:00."),
        ("How much does a lost card cost?", "A lost card costs 3 euros to replace."),
        ("Who runs the café?", "The café on the second floor is run by Ann Miller."),
        ("How long may books be kept?", "Books may be kept for four weeks and renewed twice."),
        ("Are dogs allowed in the reading room?", "Dogs are not allowed in the reading room."),
    ],
)
def test_the_sentence_that_answers(reader: AnswerReader, question: str, sentence: str) -> None:
    found, chance = answered(reader, question, "Tea stands in the kitchen.", LIBRARY)
    assert found == sentence
    assert chance > LEAST


@pytest.mark.parametrize(
    "question",
    [
        "Who is the president of France?",
        "Which team won the football championship in 1998?",
        "What is the capital of Australia?",
    ],
)
def test_what_is_not_there(reader: AnswerReader, question: str) -> None:
    assert answered(reader, question, LIBRARY)[1] < LEAST


def test_the_order_of_passages_and_their_company_change_no_answer(reader: AnswerReader) -> None:
    one = answered(reader, "Who runs the café?", LIBRARY)
    other = answered(reader, "Who runs the café?", "Tea is free.", LIBRARY, "Coffee is not.")
    assert one[0] == other[0]


def test_a_question_that_the_model_cannot_read(reader: AnswerReader) -> None:
    text = "公园开放。它的面积约为0.304平方公里。后期增辟。"
    found = reader.read("它的面积有多大？", [text])
    assert found is not None
    assert text[found.begin : found.end] == "它的面积约为0.304平方公里。"
    assert (found.chance, found.span) == (None, None)


@pytest.mark.parametrize("question", ["", "   ", "???", "🙂", "x" * 5000])
def test_odd_questions(reader: AnswerReader, question: str) -> None:
    found = reader.read(question, [LIBRARY])
    assert found is None or found.chance is None or 0 <= found.chance <= 1


@pytest.mark.parametrize("text", ["", "\n\n", "🙂", "a" * 5000, "word " * 2000, ". " * 300])
def test_odd_passages(reader: AnswerReader, text: str) -> None:
    found = reader.read("When is it open?", [text])
    assert found is None or text[found.begin : found.end].strip()


def test_pieces_hold_every_token_once() -> None:
    text = "One two. " * 40 + "long " * 400 + ". Three four five."
    places = [(i, i + 1) for i, letter in enumerate(text) if letter.isalpha()]
    words = Words(ids=list(range(len(places))), places=places)
    pieces = list(_pieces(words, sentence_spans(text)))
    assert [token for piece in pieces for token in piece.ids] == list(words.ids)
    assert max(len(piece.ids) for piece in pieces) <= 160


def test_a_head_comes_back_as_it_was(tmp_path: Path) -> None:
    head = shipped_head()
    write_answer_head(tmp_path / "a.safetensors", head)
    write_answer_head(tmp_path / "b.safetensors", read_answer_head(tmp_path / "a.safetensors"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert "CC BY 4.0" in head.about["source"]
    assert (tmp_path / "a.safetensors").stat().st_size <= MOST_BYTES


def test_a_file_that_is_no_head(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(NotFound):
        read_answer_head(path)
    path.write_bytes(b"\x80\x04no pickle is read")
    with pytest.raises(Corrupt):
        read_answer_head(path)
    head = shipped_head()
    write_answer_head(path, replace(head, shift=torch.tensor(float("nan"))))
    with pytest.raises(Corrupt, match="numbers that are none"):
        read_answer_head(path)
    write_answer_head(path, head)
    tensors = load_file(path)
    tensors["matcher.out.weight"] = tensors["matcher.out.weight"][:, :5].contiguous()
    header = {"language": "en", "base": "x", "layers": 4, "about": {}}
    save_file(tensors, path, metadata={"fireside": json.dumps(header)})
    with pytest.raises(Corrupt, match="no answer head"):
        read_answer_head(path)
    save_file(tensors, path)
    with pytest.raises(Corrupt, match="no answer head"):
        read_answer_head(path)
    path.write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(Corrupt, match="bytes"):
        read_answer_head(path)
